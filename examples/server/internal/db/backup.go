package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// Check reads the whole of an SQLite database, and returns a *sqlite.DamageError when it does not hold together. PostgreSQL looks after
// its own.
func (d *DB) Check(ctx context.Context) error {
	if d.pool != nil {
		return nil
	}
	return sqlite.Check(ctx, d.Readers)
}

// Backup copies the SQLite database at path into a new file, see sqlite.Backup. It changes nothing in it.
func Backup(ctx context.Context, path, file string) error {
	return with(path, func(pool *sql.DB) error { return sqlite.Backup(ctx, pool, file) })
}

// CheckBackup reports what is wrong with an SQLite file that is to be a database of this program, of this version or an earlier one.
func CheckBackup(ctx context.Context, path string) error {
	return with(path, func(pool *sql.DB) error {
		if err := sqlite.Check(ctx, pool); err != nil {
			return err
		}
		var n int
		err := pool.QueryRowContext(ctx, `SELECT count(*) FROM server_migrations, ledger_schema`).Scan(&n)
		if err == nil && n == 0 {
			err = errors.New("it has none of its tables")
		}
		if err != nil {
			return fmt.Errorf("it is no database of this program: %w", err)
		}
		return nil
	})
}

// Settle makes an SQLite database, with what its write-ahead log holds, one file, which may be renamed. It fails while anybody else has it
// open. A *sqlite.DamageError says that it cannot be done, because the file is damaged.
func Settle(ctx context.Context, path string) error {
	return with(path, func(pool *sql.DB) error {
		var mode string
		err := pool.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode)
		if err == nil && mode != "delete" {
			err = errors.New("somebody has it open")
		}
		if err == nil {
			return nil
		}
		if damage := (*sqlite.DamageError)(nil); errors.As(sqlite.Check(ctx, pool), &damage) {
			return damage
		}
		return fmt.Errorf("settle %s: %w", path, err)
	})
}

// with opens one connection to an SQLite file as it is.
func with(path string, do func(*sql.DB) error) error {
	pool, err := sql.Open("sqlite", sqlite.DSN(path))
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	return errors.Join(do(pool), pool.Close())
}
