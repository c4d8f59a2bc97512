package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// envAccountPassword has the password that account create and account password set.
const envAccountPassword = "LATCHKEY_ACCOUNT_PASSWORD"

const accountUsage = `Usage: server account COMMAND [flags]

Commands, each of which may run beside a server that is running:
  create -name NAME [-rights view,lock,...] [-groups A,B] [-email ADDRESS]  let somebody sign in to the console. The password is taken from
                           ` + envAccountPassword + `, else made, and printed once. Without -rights the account may only view
  list                     list the accounts, what they may do, and with which devices
  rights -name NAME [-rights view,lock,...] [-groups A,B|all]  give an account other rights, other groups, or both
  password -name NAME      give an account a new password, taken or made as by create; whoever is signed in with it is out
  email -name NAME -email ADDRESS|none  say where an account gets mail, as the passcodes of its resets
  remove -name NAME        take an account away with its tokens. What it did stays on record, and no other account gets its name

The rights: view, lock, reset, provision-token, unlock, cancel, reveal, feedback, bulk, approve, break-glass, audit, hold, purge, reseal,
groups (edit groups), enrol, remove (devices from the inventory); "all" is every one. An account with -groups is for the devices of these
groups, and of the groups below them, alone: a group is named by its ID or its path, as in Office/London. Every change is on record.

Flags:
`

const tokenUsage = `Usage: server token COMMAND [flags]

Commands, each of which may run beside a server that is running:
  create -actor NAME [-rights view,lock,...] [-groups A,B]  make an API token that acts for an account, and print it once. An account that is
                           not there is made with these rights and groups, without a password; of one that is there leave them out
  list                     list the tokens, without what they are
  revoke ID                end a token

Rights belong to the account: see server account -h.

Flags:
`

// office is where accounts and tokens are changed: by whoever may write to the database.
type office struct {
	options
	name, rights, groups string // as given
	email                string // as given
	env                  func(string) string
	db                   *db.DB
	desk                 account.Desk
	tree                 *group.Store
	stdout               io.Writer
}

// officeCommand is one command of an office. args is how many words follow it.
type officeCommand struct {
	run   func(o *office, ctx context.Context, arg string) error
	args  int
	named bool // needs the name of an account
}

var accountCommands = map[string]officeCommand{
	"create":   {run: (*office).createAccount, named: true},
	"list":     {run: (*office).listAccounts},
	"rights":   {run: (*office).changeRights, named: true},
	"password": {run: (*office).changePassword, named: true},
	"email":    {run: (*office).changeEmail, named: true},
	"remove":   {run: (*office).removeAccount, named: true},
}

var tokenCommands = map[string]officeCommand{
	"create": {run: (*office).createToken, named: true},
	"list":   {run: (*office).listTokens},
	"revoke": {run: (*office).revokeToken, args: 1},
}

// runAccount is "server account".
func runAccount(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	return runOffice(ctx, "account", "name", accountUsage, accountCommands, args, env, stdout, stderr)
}

// runToken is "server token".
func runToken(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	return runOffice(ctx, "token", "actor", tokenUsage, tokenCommands, args, env, stdout, stderr)
}

func runOffice(ctx context.Context, what, who, usage string, commands map[string]officeCommand, args []string, env func(string) string,
	stdout, stderr io.Writer,
) (err error) {
	o := &office{env: env, stdout: stdout}
	var given *flag.FlagSet
	parsed, words, err := parseCommand(what, usage, args, env, stderr, func(flags *flag.FlagSet) {
		flags.StringVar(&o.name, who, "", "`name` of the account")
		flags.StringVar(&o.rights, "rights", "", "`rights`, with commas between; all: every one")
		flags.StringVar(&o.groups, "groups", "", "only the devices of these `groups`, by ID or path, with commas between; all: every device")
		if what == "account" {
			flags.StringVar(&o.email, "email", "", "mail `address` of the account; none: it gets no mail")
		}
		given = flags
	})
	if err != nil {
		return err
	}
	// That of a variable which is not set must not be taken for one that was left out.
	empty := ""
	given.Visit(func(f *flag.Flag) {
		if (f.Name == "rights" || f.Name == "groups" || f.Name == "email") && strings.TrimSpace(f.Value.String()) == "" {
			empty = "-" + f.Name
		}
	})
	o.options = parsed
	command, ok := commands[words[0]]
	switch {
	case !ok:
		return &usageError{what, "must be followed by one of its commands: see server " + what + " -h", nil}
	case len(words) != 1+command.args:
		return &usageError{what + " " + words[0], "see server " + what + " -h for what it takes", nil}
	case empty != "":
		return &usageError{empty, "must not be empty: say which, or all, or leave the flag out", nil}
	case command.named && o.name == "":
		return &usageError{"-" + who, "must name the account", nil}
	}
	end, err := o.open(ctx, slog.New(slog.NewTextHandler(stderr, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	return inUsage(command.run(o, ctx, words[len(words)-1]), who)
}

// inUsage names the flag by which something was given that cannot be.
func inUsage(err error, who string) error {
	input := (*lock.InputError)(nil)
	switch {
	case errors.As(err, &input) && input.Field == "password":
		return &usageError{envAccountPassword, input.Rule, nil}
	case errors.As(err, &input):
		return &usageError{"-" + strings.Replace(input.Field, "name", who, 1), input.Rule, nil}
	case errors.Is(err, lock.ErrNotFound):
		return &usageError{"-" + who, "must be one that is there: " + err.Error(), nil}
	}
	return err
}

// open opens the state of a server, for as long as the command runs.
func (o *office) open(ctx context.Context, logger *slog.Logger) (end func() error, err error) {
	if err := o.hasDatabase(); err != nil {
		return nil, err
	}
	held, err := hold(o.options)
	if err != nil {
		return nil, err
	}
	if o.db, err = openDatabase(ctx, o.options, db.OpenAsIs, logger); err != nil {
		return nil, errors.Join(err, held.Close())
	}
	end = func() error { return errors.Join(o.db.Close(), held.Close()) }
	accounts := account.New(account.Config{DB: o.db, Scope: inventory.Scope, Now: o.now})
	service, err := lock.New(lock.Config{
		Store: o.db.Ledger, Sealer: noSealer{}, Platforms: platforms(nil, nil, nil), Authorize: accounts, Logger: logger, Now: o.now,
	})
	if err != nil {
		return nil, errors.Join(err, end())
	}
	o.desk = account.Desk{Accounts: accounts, Notices: service}
	o.tree = group.New(group.Config{DB: o.db, Ledger: service, Scope: inventory.Scope})
	return end, nil
}

// asked is an account with the rights and groups of the flags, in place of those of a.
func (o *office) asked(ctx context.Context, a account.Account) (account.Account, error) {
	var err error
	if o.rights != "" {
		if a.Rights, err = account.ParseRights(o.rights); err != nil {
			return a, err
		}
	}
	if o.groups == "" {
		return a, nil
	}
	a.Restricted, a.Groups = o.groups != "all", nil
	if !a.Restricted {
		return a, nil
	}
	for name := range strings.SplitSeq(o.groups, ",") {
		g, err := o.tree.ByPath(ctx, o.who(), group.Devices, strings.TrimSpace(name))
		if errors.Is(err, lock.ErrNotFound) {
			return a, &lock.InputError{Field: "groups", Rule: "must be groups of devices that are there, by ID or path, or all"}
		}
		if err != nil {
			return a, err
		}
		if !slices.Contains(a.Groups, g.ID) {
			a.Groups = append(a.Groups, g.ID)
		}
	}
	return a, nil
}

// who runs the commands: whoever may write to the database may do everything.
func (o *office) who() lock.Actor { return local("account command") }

func (o *office) say(format string, args ...any) error {
	_, err := fmt.Fprintf(o.stdout, format+"\n", args...)
	return err
}

func (o *office) createAccount(ctx context.Context, _ string) error {
	a, err := o.asked(ctx, account.Account{Name: o.name, Rights: []lock.Verb{lock.VerbView}})
	if err != nil {
		return err
	}
	if err := o.checkEmail(); err != nil {
		return err
	}
	if err := o.withPassword(func(password string) error { return o.desk.Create(ctx, o.who(), a, password) }); err != nil || o.email == "" {
		return err
	}
	return o.changeEmail(ctx, "")
}

func (o *office) changePassword(ctx context.Context, _ string) error {
	return o.withPassword(func(password string) error { return o.desk.SetPassword(ctx, o.who(), o.name, password) })
}

// withPassword sets a password: that of the environment, or one that it makes and prints.
func (o *office) withPassword(set func(password string) error) error {
	password := o.env(envAccountPassword)
	made := password == ""
	if made {
		password = rand.Text()
	}
	if err := set(password); err != nil || !made {
		return err
	}
	if err := o.say("Account: %s\nPassword: %s (shown this once)", o.name, password); err != nil {
		return fmt.Errorf("nobody knows the password of the account: give it another with server account password: %w", err)
	}
	return nil
}

func (o *office) changeRights(ctx context.Context, _ string) error {
	if o.rights == "" && o.groups == "" {
		return &usageError{"-rights and -groups", "give one of them, or both", nil}
	}
	a, err := o.desk.Accounts.Account(ctx, o.name)
	if err != nil {
		return err
	}
	if a, err = o.asked(ctx, a); err != nil {
		return err
	}
	return o.desk.SetRights(ctx, o.who(), a)
}

func (o *office) removeAccount(ctx context.Context, _ string) error {
	return o.desk.Remove(ctx, o.who(), o.name)
}

func (o *office) listAccounts(ctx context.Context, _ string) error {
	all, err := o.desk.Accounts.Accounts(ctx)
	if err != nil {
		return err
	}
	tree, err := o.tree.Groups(ctx, o.who(), group.Devices)
	if err != nil {
		return err
	}
	paths := map[string]string{}
	for _, g := range tree {
		paths[g.ID] = g.Path
	}
	return o.table("NAME\tCONSOLE\tDEVICES\tSINCE\tMAIL\tRIGHTS", func(line func(string, ...any)) {
		for _, a := range all {
			console, devices := "no", "all"
			if a.Password {
				console = "yes"
			}
			if a.Restricted {
				var names []string
				for _, id := range a.Groups {
					names = append(names, cmp.Or(paths[id], id))
				}
				devices = cmp.Or(strings.Join(names, ", "), "none")
			}
			line("%s\t%s\t%s\t%s\t%s\t%s", a.Name, console, devices, dayOf(a.Since), cmp.Or(a.Email, "none"), cmp.Or(account.Words(a.Rights, ","), "none"))
		}
	})
}

// table writes aligned columns.
func (o *office) table(head string, rows func(line func(format string, args ...any))) error {
	out := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(out, head)
	rows(func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) })
	return out.Flush()
}

func dayOf(t time.Time) string {
	if t.IsZero() {
		return "the first start"
	}
	return t.Format(time.DateOnly)
}

func (o *office) createToken(ctx context.Context, _ string) error {
	a, err := o.desk.Accounts.Account(ctx, o.name)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		if o.rights == "" {
			return &usageError{"-rights", "must say what the new account may do: see server account -h", nil}
		}
		if a, err = o.asked(ctx, account.Account{Name: o.name}); err == nil {
			err = o.desk.Create(ctx, o.who(), a, "")
		}
	case err == nil && o.rights+o.groups != "":
		return &usageError{"-rights and -groups", "leave them out: the account is there, and has its own (change them with server account rights)", nil}
	}
	if err != nil {
		return err
	}
	token, err := o.desk.NewToken(ctx, o.who(), a.Name)
	if err != nil {
		return err
	}
	return o.say("%s", token)
}

func (o *office) listTokens(ctx context.Context, _ string) error {
	all, err := o.desk.Accounts.Tokens(ctx)
	if err != nil {
		return err
	}
	return o.table("ID\tACCOUNT\tMADE", func(line func(string, ...any)) {
		for _, t := range all {
			line("%s\t%s\t%s", t.ID, t.Account, t.Created.Format(time.RFC3339))
		}
	})
}

func (o *office) revokeToken(ctx context.Context, id string) error {
	err := o.desk.Revoke(ctx, o.who(), id)
	if errors.Is(err, lock.ErrNotFound) {
		return &usageError{"token revoke", "must be followed by the ID of a token that is there: see server token list", nil}
	}
	return err
}
