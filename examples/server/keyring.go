package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

const keyringUsage = `Usage: server keyring COMMAND [flags]

Commands, each of which may run beside a server that is running:
  status     list the keys, and how many sealed secrets need each
  rotate     make a new key active: it seals from now on, and the retired ones go on opening
  reseal     seal anew with the active key what retired keys have sealed; when it was stopped, run it again
  remove ID  take out a retired key that nothing needs; it is kept in a file beside the keyring

Run them as the user of the server, so that every file stays one that it may read and write.

Flags:
`

// keyringJob is one command on the keyring of a state folder.
type keyringJob struct {
	path           string // of the keyring; empty: it is in the environment
	ring           *pin.Keyring
	db             *db.DB
	sealed         func(context.Context) (map[string]int, error)       // counts the secrets by the key that they need
	record         func(ctx context.Context, kind, keyID string) error // what was done to a key
	logger         *slog.Logger
	stdout, stderr io.Writer
}

// keyringCommands are the commands by name. Those that change the keyring need it in a file.
var keyringCommands = map[string]struct {
	run     func(keyringJob, context.Context, string) error
	args    int
	changes bool
}{
	"status": {run: keyringJob.status},
	"rotate": {run: keyringJob.rotate, changes: true},
	"reseal": {run: keyringJob.reseal},
	"remove": {run: keyringJob.remove, args: 1, changes: true},
}

// runKeyring is "server keyring".
func runKeyring(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	o, words, err := parseCommand("keyring", keyringUsage, args, env, stderr, nil)
	if err != nil {
		return err
	}
	command, ok := keyringCommands[words[0]]
	switch {
	case !ok:
		return &usageError{"keyring", "must be followed by status, rotate, reseal or remove ID: see server keyring -h", nil}
	case len(words) != 1+command.args:
		return &usageError{"keyring " + words[0], "see server keyring -h for what it takes", nil}
	case command.changes && o.ring != nil:
		return &usageError{envKeyringText, "the keyring is there and not in a file: change it where it is kept. A new key is to be " +
			`called active, the present one retired; a retired one may go when "server keyring status" finds nothing that needs it`, nil}
	}
	if err := o.hasDatabase(); err != nil {
		return err
	}
	held, err := hold(o)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	j := keyringJob{ring: o.ring, logger: slog.New(slog.NewTextHandler(stderr, nil)), stdout: stdout, stderr: stderr}
	if j.ring == nil {
		j.path = o.keyringPath()
		if j.ring, err = pin.LoadKeyring(j.path); err != nil {
			return &usageError{"-keyring", "must be a readable keyring file", err}
		}
	}
	if j.db, err = openDatabase(ctx, o, db.OpenAsIs, j.logger); err != nil {
		return err
	}
	defer func() { _ = j.db.Close() }() // what was to be durable is
	j.sealed, j.record = j.db.SealedBy, j.note
	return command.run(j, ctx, words[len(words)-1])
}

// operator is who works on the keyring: whoever may read it may do everything.
func operator() lock.Actor {
	return local("keyring command")
}

// say tells the operator something.
func (j keyringJob) say(format string, args ...any) {
	_, _ = fmt.Fprintf(j.stdout, format+"\n", args...)
}
