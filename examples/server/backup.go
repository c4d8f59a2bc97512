package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

const backupUsage = `Usage: server backup FILE [flags]

Copies the SQLite database of the state folder into a new file: everything that was recorded when the command began, also while a server
runs. The copy is checked and on the disk when the command ends. The keyring is not in it.

Flags:
`

// runBackup is "server backup".
func runBackup(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	o, words, err := parseCommand("backup", backupUsage, args, env, stderr, nil)
	switch {
	case err != nil:
		return err
	case len(words) != 1:
		return &usageError{"backup", "takes the name of one new file: see server backup -h", nil}
	case o.database != "":
		return &usageError{"backup", "is for SQLite: back up this PostgreSQL database with pg_dump or pg_basebackup, and apart from it " +
			o.keyringName(), nil}
	}
	if err := o.hasDatabase(); err != nil {
		return err
	}
	held, err := hold(o)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	err = db.Backup(ctx, o.databasePath(), words[0])
	if errors.Is(err, fs.ErrExist) {
		return &usageError{"backup", "takes the name of a new file", err}
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "The database is in %s, checked.\n", words[0])
	_, _ = fmt.Fprintf(stdout, "Not in it is %s, without which no PIN in it can be read: back that up too, and keep the two apart.\n", o.keyringName())
	return nil
}

// keyringName is what to call the keyring.
func (o options) keyringName() string {
	if o.ring != nil {
		return "the keyring in " + envKeyringText
	}
	return "the keyring " + o.keyringPath()
}
