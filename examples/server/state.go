package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// openFolder makes the state folder, with mode 0700, unless nothing is to be in it. The function that it returns removes a temporary one.
func openFolder(o *options) (remove func() error, err error) {
	remove = func() error { return nil }
	if o.database != "" && (o.keyring != "" || o.ring != nil) {
		return remove, nil
	}
	if o.temporary {
		folder, err := os.MkdirTemp("", "latchkey-demo-")
		if err != nil {
			return remove, fmt.Errorf("make a temporary folder: %w", err)
		}
		o.data = folder
		return func() error { return os.RemoveAll(folder) }, nil
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil { //nolint:gosec // where the operator wants it
		return remove, &usageError{"-data", "must be a folder that this program may write", err}
	}
	return remove, nil
}

// opener opens a database: db.Open in a server, which makes the tables, and db.OpenAsIs in what works beside one.
type opener func(ctx context.Context, source string, logger *slog.Logger) (*db.DB, error)

// openDatabase opens the database. What is wrong with one in the state folder is wrong with the folder that was given.
func openDatabase(ctx context.Context, o options, open opener, logger *slog.Logger) (*db.DB, error) {
	d, err := awaitDatabase(ctx, o, open, logger)
	path := o.databasePath()
	switch {
	case err == nil, ctx.Err() != nil:
		return d, err
	case errors.Is(err, db.ErrNewer), errors.Is(err, db.ErrOlder):
		return nil, err
	case o.database != "":
		return nil, &usageError{"-db", "must be a PostgreSQL database in which this program may make tables, and that answers", err}
	case errors.Is(err, fs.ErrPermission):
		return nil, &usageError{"-data", "must be a folder that this program may write", err}
	default:
		return nil, &usageError{"-data", path + " must be a database of this program: choose another folder, or restore it from its backup", err}
	}
}

const (
	databasePatience = 30 * time.Second // how long PostgreSQL may take to start beside the server
	databasePause    = time.Second / 2
)

// awaitDatabase opens the database as soon as it answers.
func awaitDatabase(ctx context.Context, o options, open opener, logger *slog.Logger) (*db.DB, error) {
	enough := time.After(o.patience)
	for said := false; ; said = true {
		d, err := open(ctx, o.source(), logger)
		if !errors.Is(err, db.ErrNoAnswer) {
			return d, err
		}
		if !said {
			logger.WarnContext(ctx, "waiting for the database", slog.Duration("at_most", o.patience), slog.Any("error", err))
		}
		select {
		case <-time.After(databasePause):
		case <-enough:
			return nil, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// openKeyring loads the keyring. It makes one only while nothing is sealed: a new key would open nothing of what is there. It refuses
// a keyring that lacks a key which some box needs, or that has another one under the ID of its active key.
func openKeyring(ctx context.Context, o options, d *db.DB, logger *slog.Logger) (pin.Sealer, error) {
	sealed, err := d.SealedBy(ctx)
	if err != nil {
		return nil, err
	}
	if o.ring != nil {
		if missing := needs(sealed, o.ring.KeyIDs()); missing != "" {
			return nil, &usageError{envKeyringText, "is not the right keyring, restore it from its backup: " + missing, nil}
		}
		return o.ring, proveKey(ctx, d, o.ring, o.ring.KeyIDs()[0])
	}
	keyring, err := openKeyringFile(o.keyringPath(), d, sealed, logger)
	if err != nil {
		return nil, err
	}
	return keyring, proveKey(ctx, d, keyring, keyring.ring.Load().KeyIDs()[0])
}

func openKeyringFile(path string, d *db.DB, sealed map[string]int, logger *slog.Logger) (*liveKeyring, error) {
	keyring, err := openLiveKeyring(path, d.SealedBy, logger)
	if errors.Is(err, fs.ErrNotExist) && len(sealed) == 0 {
		if _, err = pin.CreateKeyring(path); err == nil || errors.Is(err, fs.ErrExist) { // another process was faster
			keyring, err = openLiveKeyring(path, d.SealedBy, logger)
		}
	}
	if errors.Is(err, fs.ErrNotExist) && len(sealed) == 0 {
		return nil, &usageError{"-keyring", "a new keyring cannot be made at " + path + ": its folder must be there, and writable", err}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &usageError{"-keyring", bring(d, path) + ": " + needs(sealed, nil), err}
	}
	if err != nil {
		return nil, &usageError{"-keyring", "must be a readable keyring file", err}
	}
	if missing := needs(sealed, keyring.ring.Load().KeyIDs()); missing != "" {
		return nil, &usageError{"-keyring", path + " is not the right one, " + bring(d, path) + ": " + missing, nil}
	}
	return keyring, nil
}

// bring says where a keyring that is not there may be had.
func bring(d *db.DB, path string) string {
	if d.IsShared() {
		return "copy to " + path + " the keyring of a server that uses this database, all have the same, or restore it from its backup"
	}
	return "restore " + path + " from its backup"
}

// needs says which keys are missing for how many boxes, and "" when none is.
func needs(sealed map[string]int, have []string) string {
	var missing []string
	for id, n := range sealed {
		if !slices.Contains(have, id) {
			missing = append(missing, fmt.Sprintf("%d sealed secrets need the key %s", n, id))
		}
	}
	slices.Sort(missing)
	return strings.Join(missing, ", ")
}

// createAdmin makes the administrator at the first start. A generated password is printed before it counts, so that it is not lost.
func createAdmin(ctx context.Context, o options, accounts *account.Store, stdout io.Writer) error {
	exists, err := accounts.HasAdmin(ctx)
	if err != nil || exists {
		return err
	}
	password, made := o.password, (func() error)(nil)
	if password == "" {
		password = rand.Text()
		made = func() error {
			if _, err := fmt.Fprintf(stdout, "Administrator: %s\nPassword: %s (shown this once)\n", account.Admin, password); err != nil {
				return fmt.Errorf("print the administrator's password: %w", err)
			}
			return nil
		}
	}
	err = accounts.CreateAdmin(ctx, password, made)
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return &usageError{envPassword, "must have 12 to 256 bytes", err}
	}
	return err
}

// writeToken writes an API token to the file that was asked for, unless one is there that is good here. One that is not belongs to
// another database, as that of an earlier demonstration.
func writeToken(ctx context.Context, o options, desk account.Desk) error {
	if o.tokenFile == "" {
		return nil
	}
	kept, err := os.ReadFile(o.tokenFile)
	if err == nil {
		text := strings.TrimSpace(string(kept))
		if text != "" && !strings.HasPrefix(text, account.TokenPrefix) {
			return &usageError{"-api-token-file", "must be a new file, or one that holds an API token: this one holds something else", nil}
		}
		if _, err = desk.Accounts.CheckToken(ctx, text); !errors.Is(err, lock.ErrDenied) {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return &usageError{"-api-token-file", "must be a file that this program may read and write", err}
	}
	token, err := desk.NewToken(ctx, local("start of the server"), account.Admin)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(o.tokenFile), ".api-token-*") // mode 0600
	if err != nil {
		return &usageError{"-api-token-file", "must be a file in a folder that this program may write", err}
	}
	_, err = f.WriteString(token + "\n")
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), o.tokenFile)
	}
	if err != nil {
		return errors.Join(&usageError{"-api-token-file", "must be a file that this program may write", err}, os.Remove(f.Name()))
	}
	return nil
}
