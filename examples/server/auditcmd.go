package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

const auditUsage = `Usage: server audit COMMAND [flags]

Commands:
  verify FILE   verify an export, with nothing but the public key: no server, no database
  verify        verify the ledger where it is: every event, every action, every sealed box
  export FILE   write the whole ledger with its signed checkpoints to a new file, for verify FILE
  checkpoint    print the newest signed checkpoint
  key           print the public key

All but verify FILE may run beside a server that is running, and those that read events are on record. A verification that
finds something ends with exit code 1, and says where and what. An auditor has the public key, and a checkpoint from every
visit: only who has one kept outside sees that a ledger was cut off, or put back to what it was.

  server audit checkpoint > checkpoint-2026-11.txt
  server audit export ledger.jsonl
  server audit verify ledger.jsonl -key @key.txt -checkpoint checkpoint-2026-11.txt

Flags:
`

// auditJob is one command on the record of a server.
type auditJob struct {
	options
	key            string   // public; empty: that of the database
	older          [][]byte // checkpoints kept outside
	file           string
	db             *db.DB
	trail          *audit.Trail
	stdout, stderr io.Writer
}

// auditCommands are the commands by name.
var auditCommands = map[string]struct {
	run      func(*auditJob, context.Context) error
	min, max int // words behind the name
}{
	"verify":     {run: (*auditJob).verify, max: 1},
	"export":     {run: (*auditJob).export, min: 1, max: 1},
	"checkpoint": {run: (*auditJob).checkpoint},
	"key":        {run: (*auditJob).printKey},
}

// runAudit is "server audit".
func runAudit(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) (err error) {
	j := auditJob{stdout: stdout, stderr: stderr}
	words, err := j.parse(args, env)
	if err != nil {
		return err
	}
	command, ok := auditCommands[words[0]]
	files := words[1:]
	switch {
	case !ok:
		return &usageError{"audit", "must be followed by verify, export FILE, checkpoint or key: see server audit -h", nil}
	case len(files) < command.min || len(files) > command.max:
		return &usageError{"audit " + words[0], "see server audit -h for what it takes", nil}
	case words[0] != "verify" && (j.key != "" || j.older != nil):
		return &usageError{"-key and -checkpoint", "are for verify: leave them out", nil}
	case len(files) > 0:
		j.file = files[0]
	}
	if words[0] == "verify" && j.file != "" {
		return j.verifyFile(ctx)
	}
	if err := j.hasDatabase(); err != nil {
		return err
	}
	held, err := hold(j.options)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	if err := j.open(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.db.Close()) }()
	return command.run(&j, ctx)
}

// parse reads the command line.
func (j *auditJob) parse(args []string, env func(string) string) (words []string, err error) {
	var key string
	j.options, words, err = parseCommand("audit", auditUsage, args, env, j.stderr, func(flags *flag.FlagSet) {
		flags.StringVar(&key, "key", "", "the log's public `key`, or @ and a file that has it, from elsewhere than the ledger (verify; "+
			"default: that of the database)")
		flags.Func("checkpoint", "`file` with a checkpoint that was kept outside; may be given more than once (verify)", func(name string) error {
			signed, err := readSmall(name)
			j.older = append(j.older, audit.CleanCheckpoint(signed))
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if j.key, err = keyOf(key); err != nil {
		return nil, &usageError{"-key", "must be the public key itself, or @ and the name of a file that has it", err}
	}
	return words, nil
}

// keyOf is a key that was given, or is in a file.
func keyOf(text string) (string, error) {
	name, inFile := strings.CutPrefix(text, "@")
	if !inFile {
		return text, nil
	}
	key, err := readSmall(name)
	return strings.TrimSpace(string(key)), err
}

// readSmall reads a key or a checkpoint.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, audit.MaxCheckpoint+1))
	if err == nil && len(text) > audit.MaxCheckpoint {
		err = fmt.Errorf("%s is larger than 64 KiB", name)
	}
	return text, err
}

// open opens the database, and the keyring, which opens the log's key. Without a keyring there is a record to verify, by a key from
// elsewhere.
func (j *auditJob) open(ctx context.Context) (err error) {
	logger := slog.New(slog.NewTextHandler(j.stderr, nil))
	if j.db, err = openDatabase(ctx, j.options, db.OpenAsIs, logger); err != nil {
		return err
	}
	if j.trail, err = j.openTrail(ctx, logger); err != nil {
		return errors.Join(err, j.db.Close())
	}
	return nil
}

func (j *auditJob) openTrail(ctx context.Context, logger *slog.Logger) (*audit.Trail, error) {
	if j.key != "" {
		service, err := j.service(noSealer{}, logger)
		if err != nil {
			return nil, err
		}
		storage, err := logStorage(j.db)
		return audit.New(audit.Config{
			Service: service, Ledger: j.db.Ledger, Storage: storage, Key: j.key, Scope: inventory.Scope, Logger: logger,
		}), err
	}
	ring := j.ring
	if ring == nil {
		var err error
		if ring, err = pin.LoadKeyring(j.keyringPath()); err != nil {
			return nil, &usageError{"-keyring", "must be the keyring of the server, by which the log's key is known; to verify without it give -key", err}
		}
	}
	key, err := secret.Read(ctx, j.db, ring, secret.AuditLog)
	if err != nil {
		return nil, fmt.Errorf("%w: a server makes it when it starts", err)
	}
	service, err := j.service(ring, logger)
	if err != nil {
		return nil, err
	}
	return newTrail(j.db, service, key, logger)
}

func (j *auditJob) service(sealer pin.Sealer, logger *slog.Logger) (*lock.Service, error) {
	return lock.New(lock.Config{
		Store: j.db.Ledger, Sealer: sealer, Logger: logger, Platforms: platforms(nil, nil, nil),
		Authorize: account.New(account.Config{DB: j.db, Scope: inventory.Scope}),
	})
}

// noSealer stands where a keyring is not needed: nothing is sealed and nothing opened.
type noSealer struct{}

var errNoKeyring = errors.New("no keyring was loaded")

// Seal implements pin.Sealer.
func (noSealer) Seal(context.Context, pin.PIN, pin.Binding) (pin.Box, error) {
	return nil, errNoKeyring
}

// Open implements pin.Sealer.
func (noSealer) Open(context.Context, pin.Box, pin.Binding) (pin.PIN, error) {
	return pin.PIN{}, errNoKeyring
}

// auditor is who runs the commands: whoever may read the database may read the record.
func auditor() lock.Actor {
	return local("audit command")
}

// say tells the operator something.
func (j *auditJob) say(format string, args ...any) {
	_, _ = fmt.Fprintf(j.stdout, format+"\n", args...)
}
