package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

const restoreUsage = `Usage: server restore FILE [flags]

Puts a file of "server backup" in the place of the SQLite database in the state folder, where no server may be running. Before that it
checks that the file is whole, and that the keyring opens what is in it: restore the keyring first. Everybody is signed out; links
and codes for enrolment that were not used, and links to passcodes, are void.

Flags:
`

// runRestore is "server restore".
func runRestore(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	var force bool
	o, words, err := parseCommand("restore", restoreUsage, args, env, stderr, func(flags *flag.FlagSet) {
		flags.BoolVar(&force, "force", false, "move a database that is there aside; nothing is deleted")
	})
	switch {
	case err != nil:
		return err
	case len(words) != 1:
		return &usageError{"restore", "takes the name of one file: see server restore -h", nil}
	case o.database != "":
		return &usageError{"restore", "is for SQLite: restore a PostgreSQL database with pg_restore, or from its pg_basebackup", nil}
	}
	if _, err := openFolder(&o); err != nil {
		return err
	}
	held, err := lockFolder(o, true)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	there := present(o.databasePath())
	if there && !force {
		return &usageError{"restore", o.databasePath() + " is there: give -force, which moves it aside and deletes nothing", nil}
	}
	r := restoring{options: o, logger: slog.New(slog.NewTextHandler(stderr, nil))}
	defer r.clean()
	if err := r.stage(words[0]); err != nil {
		return err
	}
	if err := r.judge(ctx); err != nil {
		return err
	}
	aside, err := r.replace(ctx, there)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "The database of %s is in %s. What was recorded after the backup was made is not in it.\n", words[0], o.data)
	if there {
		_, _ = fmt.Fprintf(stdout, "The one that was there is %s: it may know PINs that this one does not. Keep it.\n", aside)
	}
	return nil
}

// restoring is a backup on its way into a state folder.
type restoring struct {
	options
	logger *slog.Logger
	staged string // a copy of the backup, beside the place where it is to be
}

// stage copies the backup into the state folder.
func (r *restoring) stage(file string) (err error) {
	if info, err := os.Stat(file + "-wal"); err == nil && info.Size() > 0 { //nolint:gosec // where the operator has it
		return &usageError{"restore", file + " has a write-ahead log beside it, so it may not be whole: take a file of server backup", nil}
	}
	from, err := os.Open(file) //nolint:gosec // where the operator has it
	if err != nil {
		return &usageError{"restore", "takes a file of server backup", err}
	}
	defer func() { _ = from.Close() }()
	to, err := os.CreateTemp(r.data, "latchkey-restore-*.db") // mode 0600
	if err != nil {
		return &usageError{"-data", "must be a folder that this program may write", err}
	}
	r.staged = to.Name()
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}

// judge checks the staged copy, brings its tables up to date, and makes it one file that is on the disk.
func (r *restoring) judge(ctx context.Context) error {
	if err := db.CheckBackup(ctx, r.staged); err != nil {
		return &usageError{"restore", "takes a whole file of server backup", err}
	}
	d, err := db.Open(ctx, r.staged, r.logger)
	if err != nil {
		return err
	}
	err = errors.Join(r.opens(ctx, d), d.Close())
	if err == nil {
		err = db.Settle(ctx, r.staged)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(r.staged, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// opens proves that the keyring opens what is in the database, and takes out of it what must not come back: sessions that have ended
// since, and codes, links and nonces that may have been used.
func (r *restoring) opens(ctx context.Context, d *db.DB) error {
	sealed, err := d.SealedBy(ctx)
	if err != nil {
		return err
	}
	if len(sealed) > 0 { // else a keyring might be made
		sealer, err := openKeyring(ctx, r.options, d, r.logger)
		if err != nil {
			return err
		}
		for _, name := range []secret.Name{secret.DeviceCA, secret.AuditLog, secret.AgentCommands, secret.WindowsSessions} {
			if _, err := secret.Read(ctx, d, sealer, name); err != nil && !errors.Is(err, secret.ErrNone) {
				return &usageError{"-keyring", "must be the one with which the backup was sealed", err}
			}
		}
	}
	for _, statement := range []string{
		`DELETE FROM server_sessions`,
		`DELETE FROM server_challenges WHERE issued IS NULL`,
		`DELETE FROM server_agent_codes WHERE signing_key IS NULL`,
		`UPDATE server_computers SET session = NULL, version = version + 1`, // their nonces may have been used
		`UPDATE server_deliveries SET state = 'void', cause = 'The database was restored from a backup: order the mail again.'
			WHERE state = 'sent' AND token IS NOT NULL`,
		`UPDATE server_deliveries SET token = NULL, version = version + 1 WHERE token IS NOT NULL`,
	} {
		if _, err := d.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// replace puts the staged copy in its place, in one step, and returns where the database is that was there.
func (r *restoring) replace(ctx context.Context, there bool) (aside string, err error) {
	path := r.databasePath()
	if there {
		if aside, err = r.keep(ctx, path); err != nil {
			return "", err
		}
	}
	if err := os.Rename(r.staged, path); err != nil {
		return "", err
	}
	return aside, syncFolder(r.data)
}

// keep gives a database a second name, under which it stays when another takes its place. One that is whole is made one file first. Of one
// that is damaged the write-ahead log may be all that is good, so that gets a second name too, before anybody opens it.
func (r *restoring) keep(ctx context.Context, path string) (aside string, err error) {
	aside = path + ".replaced-" + r.now().UTC().Format("20060102T150405.000Z")
	for _, suffix := range []string{"", "-wal"} {
		if err := os.Link(path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", &usageError{"-force", "move the database away by hand: it cannot be kept in its folder", err}
		}
	}
	var damage *sqlite.DamageError
	superseded := []string{path + "-wal", path + "-shm"}
	if _, err := os.Stat(path); err == nil { // else there is a log alone
		switch err := db.Settle(ctx, path); {
		case err == nil:
			superseded = []string{aside + "-wal"}
		case !errors.As(err, &damage):
			return "", errors.Join(err, removeAll(aside, aside+"-wal"))
		}
	}
	return aside, errors.Join(syncFolder(r.data), removeAll(superseded...))
}

// removeAll removes files, if they are there.
func removeAll(names ...string) error {
	var errs []error
	for _, name := range names {
		if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// clean removes what was staged, if it is not in its place.
func (r *restoring) clean() {
	if r.staged == "" {
		return
	}
	leftovers, _ := filepath.Glob(r.staged + "*") // a name without a pattern
	for _, name := range leftovers {
		_ = os.Remove(name)
	}
}

// present reports whether there is a database, or the log of one.
func present(path string) bool {
	for _, name := range []string{path, path + "-wal"} {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) { //nolint:gosec // where the operator wants it
			return true
		}
	}
	return false
}
