package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Account is one account.
type Account struct {
	Name       string
	Rights     []lock.Verb // in the order of Rights; all of them for Admin
	Restricted bool        // sees the devices of Groups, and of the groups below them, alone
	Groups     []string    // IDs of groups of devices; none when it is not restricted
	Email      string      // where it gets mail; empty: nowhere
	Password   bool        // has one, so that it may sign in to the console
	Since      time.Time   // when it was made; zero: when the server was first started
	PasswordAt time.Time   // when its password was set last, or it was made: a session from before has ended; zero as Since
}

// May reports whether the account has a right. Where it may use it is for Authorize to say.
func (a Account) May(v lock.Verb) bool { return slices.Contains(a.Rights, v) }

// Account returns an account, or an error that wraps lock.ErrNotFound.
func (s *Store) Account(ctx context.Context, name string) (Account, error) {
	if !db.IsText(name) {
		return Account{}, fmt.Errorf("account %w", lock.ErrNotFound)
	}
	all, err := s.accounts(ctx, ` WHERE name = $1`, name)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("account %w", lock.ErrNotFound)
	}
	if err != nil {
		return Account{}, err
	}
	return all[0], nil
}

// Accounts lists the accounts by name.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) { return s.accounts(ctx, "") }

func (s *Store) accounts(ctx context.Context, where string, args ...any) (all []Account, err error) {
	//nolint:gosec // where is a constant
	rows, err := s.db.Readers.QueryContext(ctx, `SELECT name, password <> '', rights, restricted, created_at, password_at, email,
			coalesce(grp, '')
		FROM server_accounts LEFT JOIN server_account_groups ON account = name`+where+` ORDER BY name, grp`, args...)
	if err != nil {
		return nil, fmt.Errorf("look up accounts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var a Account
		var rights, in string
		var created, set int64
		if err := rows.Scan(&a.Name, &a.Password, &rights, &a.Restricted, &created, &set, &a.Email, &in); err != nil {
			return nil, fmt.Errorf("look up accounts: %w", err)
		}
		a.Rights, a.Since, a.PasswordAt = rightsOf(a.Name, rights), db.Time(created), db.Time(set)
		if n := len(all); n == 0 || all[n-1].Name != a.Name {
			all = append(all, a)
		}
		if last := &all[len(all)-1]; in != "" {
			last.Groups = append(last.Groups, in)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up accounts: %w", err)
	}
	return all, nil
}

// rightsOf reads rights as they are kept.
func rightsOf(name, kept string) []lock.Verb {
	if name == Admin {
		return Rights()
	}
	var rights []lock.Verb
	for _, word := range strings.Fields(kept) {
		rights = append(rights, lock.Verb(word))
	}
	return inOrder(rights)
}

// Notices is the ledger (lock.Service).
type Notices interface {
	// Note records a notice, which is durable when the error is nil.
	Note(ctx context.Context, a lock.Actor, t lock.EventType, scope string, facts map[string]string) error
}

// Desk changes accounts and tokens. Each change is on record before it is done (lock.EventAccount), with who made it; whether they may is for
// the caller to ask.
type Desk struct {
	Accounts *Store
	Notices  Notices
}

// note records a change of an account.
func (d Desk) note(ctx context.Context, by lock.Actor, kind, account string, facts map[string]string) error {
	facts["kind"], facts["account"] = kind, account
	if err := d.Notices.Note(ctx, by, lock.EventAccount, d.Accounts.scope, facts); err != nil {
		return fmt.Errorf("record the change of the account: %w", err)
	}
	return nil
}

// described are rights and groups as they are recorded.
func (a Account) described() map[string]string {
	facts := map[string]string{"rights": Words(a.Rights, " "), "restricted": "no"}
	if a.Restricted {
		facts["restricted"], facts["groups"] = "yes", strings.Join(a.Groups, " ")
	}
	return facts
}

// plain is what the name of an account may be: who reads a record must not take it for something else.
var plain = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@+-]*$`)

// reserved are names that mean something else in the record.
var reserved = []string{Admin, System, "system", "device", "unknown"}

// IsName reports whether an account may have this name, Admin among them.
func IsName(name string) bool { return name == Admin || checkName(name) == nil }

func checkName(name string) error {
	var rule string
	switch {
	case len(name) > maxName || !plain.MatchString(name):
		rule = fmt.Sprintf("must have 1 to %d letters, digits and . _ @ + -", maxName)
	case slices.ContainsFunc(reserved, func(r string) bool { return strings.EqualFold(r, name) }):
		rule = "must not be " + strings.Join(reserved, ", ") + ": they mean something else in the record"
	default:
		return nil
	}
	return &lock.InputError{Field: "name", Rule: rule}
}

// Create makes an account with the name, the rights and the groups of a. Without a password it uses tokens alone. An account that is there,
// a name that cannot be, or that an account had which was removed, a password that is too short or too long, and a group that is not there
// are a *lock.InputError.
func (d Desk) Create(ctx context.Context, by lock.Actor, a Account, password string) error {
	if err := checkName(a.Name); err != nil {
		return err
	}
	if _, err := d.Accounts.Account(ctx, a.Name); !errors.Is(err, lock.ErrNotFound) {
		if err == nil {
			err = &lock.InputError{Field: "name", Rule: "must be that of no account: this one is there"}
		}
		return err
	}
	if err := d.checkFormer(ctx, a.Name); err != nil {
		return err
	}
	hash := ""
	if password != "" {
		var err error
		if hash, err = d.Accounts.newHash(ctx, password); err != nil {
			return err
		}
	}
	return d.write(ctx, by, "created", a, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_accounts (name, password, created_at, password_at) VALUES ($1, $2, $3, $3)`,
			a.Name, hash, db.Micros(d.Accounts.now()))
		return err
	})
}

// checkFormer refuses the name of an account that was removed.
func (d Desk) checkFormer(ctx context.Context, name string) error {
	var former bool
	err := d.Accounts.db.Readers.QueryRowContext(ctx, `SELECT count(*) > 0 FROM server_former_accounts WHERE name = $1`, name).Scan(&former)
	switch {
	case err != nil:
		return fmt.Errorf("look up the account: %w", err)
	case former:
		return &lock.InputError{Field: "name", Rule: "must not be that of an account that was removed: what it did, asked for and was allowed " +
			"stays under this name; take another (for a new password alone there is server account password)"}
	}
	return nil
}

// SetRights gives an account the rights and the groups of a, in place of those that it has. Admin has all, and cannot be restricted.
func (d Desk) SetRights(ctx context.Context, by lock.Actor, a Account) error {
	if a.Name == Admin {
		return &lock.InputError{Field: "name", Rule: "must not be " + Admin + ", which has all rights"}
	}
	if _, err := d.Accounts.Account(ctx, a.Name); err != nil {
		return err
	}
	return d.write(ctx, by, "rights", a, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM server_account_groups WHERE account = $1`, a.Name)
		return err
	})
}

// write stores rights and groups after what first does.
func (d Desk) write(ctx context.Context, by lock.Actor, kind string, a Account, first func(*sql.Tx) error) error {
	a.Rights = inOrder(a.Rights)
	if err := d.checkGroups(ctx, a); err != nil {
		return err
	}
	if err := d.note(ctx, by, kind, a.Name, a.described()); err != nil {
		return err
	}
	restricted := 0
	if a.Restricted {
		restricted = 1
	}
	err := d.Accounts.db.Write(ctx, func(tx *sql.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE server_accounts SET rights = $2, restricted = $3 WHERE name = $1`,
			a.Name, Words(a.Rights, " "), restricted)
		for _, id := range a.Groups {
			if err == nil {
				_, err = tx.ExecContext(ctx, `INSERT INTO server_account_groups (account, grp) VALUES ($1, $2)`, a.Name, id)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("write the account: %w", err)
	}
	return nil
}

func (d Desk) checkGroups(ctx context.Context, a Account) error {
	if !a.Restricted && len(a.Groups) > 0 {
		return &lock.InputError{Field: "groups", Rule: "must be left out of an account that is not restricted"}
	}
	for i, id := range a.Groups {
		var known bool
		if db.IsText(id) {
			err := d.Accounts.db.Readers.QueryRowContext(ctx,
				`SELECT count(*) > 0 FROM server_groups WHERE id = $1 AND kind = 'devices'`, id).Scan(&known)
			if err != nil {
				return fmt.Errorf("look up the group: %w", err)
			}
		}
		if !known || slices.Contains(a.Groups[:i], id) {
			return &lock.InputError{Field: "groups", Rule: "must be IDs of groups of devices that are there, each once"}
		}
	}
	return nil
}

// Remove takes an account away, with its tokens; whoever is signed in with it is out. What it did stays on record, and its name is never
// given to another, who would inherit what was approved for it. The error wraps lock.ErrNotFound when there is none; Admin cannot be removed.
func (d Desk) Remove(ctx context.Context, by lock.Actor, name string) error {
	if name == Admin {
		return &lock.InputError{Field: "name", Rule: "must not be " + Admin + ": somebody must be able to let others in"}
	}
	a, err := d.Accounts.Account(ctx, name)
	if err != nil {
		return err
	}
	if err := d.note(ctx, by, "removed", name, a.described()); err != nil {
		return err
	}
	err = d.Accounts.db.Write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM server_tokens WHERE account = $1`,
			`DELETE FROM server_account_groups WHERE account = $1`,
			`DELETE FROM server_accounts WHERE name = $1`,
			`INSERT INTO server_former_accounts (name) VALUES ($1) ON CONFLICT DO NOTHING`,
		} {
			if _, err := tx.ExecContext(ctx, statement, name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove the account: %w", err)
	}
	return nil
}
