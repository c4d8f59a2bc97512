package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// ErrNewer says that a newer version of the program has changed the tables.
	ErrNewer Error = "the database has tables of a newer version of this program: run the newer program"
	// ErrOlder says that the tables are not yet, or no more, those of this version.
	ErrOlder Error = "the database lacks tables of this version of the program: start the server of this version first, which makes them"
)

// migrate brings the tables up to date, first the ledger's. It runs Alone.
func (d *DB) migrate(ctx context.Context) error {
	// Where the ledger's tables are, this one is: so checkSchema may ask for it.
	const table = `CREATE TABLE IF NOT EXISTS server_migrations (name TEXT PRIMARY KEY)`
	if _, err := d.Exec(ctx, table); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := d.migrateLedger(ctx); err != nil {
		return err
	}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for _, name := range names {
		if err := d.apply(ctx, name); err != nil {
			return fmt.Errorf("migrate: %s: %w", name, err)
		}
	}
	return nil
}

// apply runs one migration, unless the database has seen it, in a transaction of its own.
func (d *DB) apply(ctx context.Context, name string) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	return d.Write(ctx, func(tx *sql.Tx) error {
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
}

// checkSchema checks that the server's tables are those of this program, and returns the version of the ledger's.
func (d *DB) checkSchema(ctx context.Context) (ledger int, err error) {
	rows, err := d.Readers.QueryContext(ctx, `SELECT name, (SELECT max(version) FROM ledger_schema) FROM server_migrations`)
	if err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	defer func() { _ = rows.Close() }()
	known, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name, &ledger); err != nil {
			return 0, fmt.Errorf("read the schema: %w", err)
		}
		i := slices.Index(known, name)
		if i < 0 {
			return 0, ErrNewer
		}
		known = slices.Delete(known, i, i+1)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read the schema: %w", err)
	}
	if len(known) > 0 {
		return 0, ErrOlder
	}
	return ledger, nil
}
