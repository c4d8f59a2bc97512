// Package db opens the server's database: one SQLite file with two pools, a single writer and several readers, which the ledger's
// store and the server's own tables share. The tables are made by embedded migrations.
package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// readers is how many connections may read at a time.
var readers = max(4, runtime.NumCPU())

// DB is the database. Its methods may be called concurrently.
type DB struct {
	Writer  *sql.DB // one connection; a transaction on it excludes every other write
	Readers *sql.DB // read only
}

// Open opens or makes the file, with mode 0600, and brings the tables of the ledger and of the server up to date.
func Open(ctx context.Context, path string) (*DB, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // SQLite gives its other files the mode of this one
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{}
	if d.Writer, err = sql.Open("sqlite", sqlite.DSN(path)); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d.Writer.SetMaxOpenConns(1)
	if d.Readers, err = sql.Open("sqlite", sqlite.DSN(path)+"&_pragma=query_only(1)"); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", err), d.Close())
	}
	d.Readers.SetMaxOpenConns(readers)
	if err = sqlite.Migrate(ctx, d.Writer); err == nil {
		err = d.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), d.Close())
	}
	return d, nil
}

// Close closes both pools.
func (d *DB) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{d.Readers, d.Writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Write runs change in one transaction, which is durable when Write returns nil. It is rolled back when change returns an error,
// and that error is returned as it is.
func (d *DB) Write(ctx context.Context, change func(*sql.Tx) error) error {
	tx, err := d.Writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := change(tx); err != nil {
		_ = tx.Rollback() // what matters is why
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// SealedBy counts the sealed boxes, of the ledger and of the server, by the key that opens them.
func (d *DB) SealedBy(ctx context.Context) (map[string]int, error) {
	rows, err := d.Readers.QueryContext(ctx, `SELECT key_id, count(*) FROM
		(SELECT key_id FROM secrets WHERE length(box) > 0 UNION ALL SELECT key_id FROM server_ca) boxes GROUP BY key_id`)
	if err != nil {
		return nil, fmt.Errorf("count sealed boxes: %w", err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[string]int{}
	for rows.Next() {
		var key string
		var n int
		if err := rows.Scan(&key, &n); err != nil {
			return nil, fmt.Errorf("count sealed boxes: %w", err)
		}
		counts[key] = n
	}
	return counts, rows.Err()
}

// Ready reports whether the database answers.
func (d *DB) Ready(ctx context.Context) error {
	var n int
	if err := d.Readers.QueryRowContext(ctx, `SELECT count(*) FROM server_migrations`).Scan(&n); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// CountActions counts the ledger's actions by kind and state.
func (d *DB) CountActions(ctx context.Context) (map[[2]string]int, error) {
	rows, err := d.Readers.QueryContext(ctx, `SELECT kind, state, count(*) FROM actions GROUP BY kind, state`)
	if err != nil {
		return nil, fmt.Errorf("count actions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	counts := map[[2]string]int{}
	for rows.Next() {
		var by [2]string
		var n int
		if err := rows.Scan(&by[0], &by[1], &n); err != nil {
			return nil, fmt.Errorf("count actions: %w", err)
		}
		counts[by] = n
	}
	return counts, rows.Err()
}

// migrate applies the migrations that the file has not seen yet, each in a transaction of its own, in the order of their names.
func (d *DB) migrate(ctx context.Context) error {
	const table = `CREATE TABLE IF NOT EXISTS server_migrations (name TEXT PRIMARY KEY)`
	if _, err := d.Writer.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, name := range names {
		script, err := migrations.ReadFile(name)
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		err = d.Write(ctx, func(tx *sql.Tx) error {
			done, err := tx.ExecContext(ctx, `INSERT INTO server_migrations (name) VALUES ($1) ON CONFLICT DO NOTHING`, name)
			if err != nil {
				return err
			}
			if n, err := done.RowsAffected(); err != nil || n == 0 {
				return err
			}
			_, err = tx.ExecContext(ctx, string(script))
			return err
		})
		if err != nil {
			return fmt.Errorf("migrate: %s: %w", name, err)
		}
	}
	return nil
}

// Micros is how a time is kept: microseconds since 1970, 0 for the zero time.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the time that Micros gave, in UTC.
func Time(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
