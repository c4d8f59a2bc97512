package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of migrations that this code knows.
const schemaVersion = 1

// SchemaError says that the database has the tables of another version of this package.
type SchemaError struct {
	Found, Want int // 0: no tables of this package
}

// Error says what to do.
func (e *SchemaError) Error() string {
	if e.Found > e.Want {
		return fmt.Sprintf("postgres: schema is version %d, newer than version %d of this program: run the newer program", e.Found, e.Want)
	}
	return fmt.Sprintf("postgres: schema is version %d, this program needs %d: run Migrate", e.Found, e.Want)
}

// Migrate brings the first schema in the pool's search_path to the version of this code, in one transaction: wholly or not at all. When it is
// there already it does nothing, so every start may call it, and any number of processes at once. A newer schema is a *SchemaError.
func Migrate(ctx context.Context, pool *pgxpool.Pool) error {
	// Each statement must see what was done by those who held the lock before.
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	err := pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error { return migrate(ctx, tx) })
	if err != nil {
		return fmt.Errorf("postgres: migrate: %w", err)
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock("+advisory("migrate")+")"); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "CREATE TABLE IF NOT EXISTS ledger_schema (version BIGINT NOT NULL PRIMARY KEY)"); err != nil {
		return err
	}
	version, err := one[int](ctx, tx, schemaQuery)
	if err != nil {
		return err
	}
	if version > schemaVersion {
		return &SchemaError{Found: version, Want: schemaVersion}
	}
	names, err := fs.Glob(migrations, "migrations/*.sql") // sorted, and numbered from 1
	if err != nil {
		return err
	}
	for i, name := range names[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, string(text)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := tx.Exec(ctx, "INSERT INTO ledger_schema (version) VALUES ($1)", version+i+1); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// advisory is an expression for the advisory lock of this purpose and this schema: a database may hold several ledgers.
func advisory(purpose string) string {
	return "hashtextextended('latchkey " + purpose + " ' || current_schema(), 0)"
}

const schemaQuery = "SELECT coalesce(max(version), 0) FROM ledger_schema"

func checkSchema(ctx context.Context, c conn) error {
	there, err := one[bool](ctx, c, "SELECT to_regclass('ledger_schema') IS NOT NULL")
	if err != nil {
		return err
	}
	version := 0
	if there {
		if version, err = one[int](ctx, c, schemaQuery); err != nil {
			return err
		}
	}
	if version != schemaVersion {
		return &SchemaError{Found: version, Want: schemaVersion}
	}
	return nil
}
