package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Backup copies the database that db has open into a new file, while the store goes on: everything that was acknowledged before the call is
// in the copy, and writers are not held up, if db is not the writer pool. It refuses a path at which there is a file, or the log of one. The
// copy has mode 0600, is checked as Check does, and is synced with its folder; only then does it get its name. Until then that names
// an empty file, and what has been copied lies beside it, under the same name with ".partial". After an error neither is left. To restore,
// put the copy in the place of the database, with no -wal beside it, and open it with DSN.
func Backup(ctx context.Context, db *sql.DB, path string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: backup: %w", err)
		}
	}()
	if path, err = filepath.Abs(path); err != nil { // as it is, a name may look like a URI to SQLite
		return err
	}
	partial := path + ".partial"
	if err := refuseOld(path + "-wal"); err != nil { // SQLite would take it for the copy's own
		return err
	}
	if err := refuseOld(path + "-journal"); err != nil {
		return err
	}
	for _, name := range []string{path, partial} {
		if err := create(name); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, ignore(os.Remove(name), fs.ErrNotExist))
			}
		}()
	}
	if err := copyInto(ctx, db, partial); err != nil {
		return err
	}
	if err := syncFile(partial, os.O_RDWR); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // it has no sync of a folder; NTFS journals the entry
	}
	return syncFile(filepath.Dir(path), os.O_RDONLY)
}

func refuseOld(name string) error {
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is left from another database: %w: choose another name", name, errors.Join(err, fs.ErrExist))
	}
	return nil
}

// create makes an empty file, which must not be there.
func create(name string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("%w: choose another name", err)
	}
	return f.Close()
}

func syncFile(name string, flag int) error {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// copyInto fills an empty file with what db shows at one moment, and checks it.
func copyInto(ctx context.Context, db *sql.DB, name string) (err error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignore(c.Close(), sql.ErrConnDone)) }()
	if _, err := c.ExecContext(ctx, "VACUUM INTO ?", name); err != nil {
		return err
	}
	if _, err := c.ExecContext(ctx, "ATTACH DATABASE ? AS ledger_copy", name); err != nil {
		return err
	}
	defer func() {
		if _, failed := c.ExecContext(context.WithoutCancel(ctx), "DETACH DATABASE ledger_copy"); failed != nil {
			_ = c.Raw(func(any) error { return driver.ErrBadConn }) // the pool must not give it out again
			err = errors.Join(err, failed)
		}
	}()
	return checkFile(ctx, c, "ledger_copy")
}

func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}
