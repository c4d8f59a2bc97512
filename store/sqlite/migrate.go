package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrations embed.FS

// schemaVersion is the number of migrations that this code knows.
const schemaVersion = 2

// SchemaError says that the database has the tables of another version of this package.
type SchemaError struct {
	Found, Want int // 0: no tables of this package
}

// Error says what to do.
func (e *SchemaError) Error() string {
	if e.Found > e.Want {
		return fmt.Sprintf("sqlite: schema is version %d, newer than version %d of this program: run the newer program", e.Found, e.Want)
	}
	return fmt.Sprintf("sqlite: schema is version %d, this program needs %d: run Migrate", e.Found, e.Want)
}

// Migrate brings the database to the schema of this code, in one transaction: wholly or not at all. On a database that is there already it
// does nothing, so every start may call it, and several processes at once; a file that does not exist yet is made by one process alone,
// because SQLite cannot wait while another turns on its write-ahead log. A newer schema is a *SchemaError.
func Migrate(ctx context.Context, writer *sql.DB) error {
	tx, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS ledger_schema (version INTEGER NOT NULL PRIMARY KEY) STRICT"); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
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
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	for i, name := range names[version:] {
		text, err := migrations.ReadFile(name)
		if err != nil {
			return fmt.Errorf("sqlite: migrate: %w", err)
		}
		if _, err := tx.ExecContext(ctx, string(text)); err != nil {
			return fmt.Errorf("sqlite: migrate: %s: %w", name, err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO ledger_schema (version) VALUES (?)", version+i+1); err != nil {
			return fmt.Errorf("sqlite: migrate: %s: %w", name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: migrate: %w", err)
	}
	return nil
}

const schemaQuery = "SELECT coalesce(max(version), 0) FROM ledger_schema"

func checkSchema(ctx context.Context, c conn) error {
	tables, err := one[int](ctx, c, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'ledger_schema'")
	if err != nil {
		return err
	}
	version := 0
	if tables > 0 {
		if version, err = one[int](ctx, c, schemaQuery); err != nil {
			return err
		}
	}
	if version != schemaVersion {
		return &SchemaError{Found: version, Want: schemaVersion}
	}
	return nil
}
