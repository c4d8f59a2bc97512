package auditlog_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/auditlog/auditlogtest"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// newSQLite opens an empty ledger, and a connection beside it that keeps no foreign keys.
func newSQLite(tb testing.TB) (*sqlite.Store, *sql.DB) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "ledger.db")
	open := func(dsn string, conns int) *sql.DB {
		db, err := sql.Open("sqlite", dsn)
		require.NoError(tb, err)
		db.SetMaxOpenConns(conns)
		tb.Cleanup(func() { _ = db.Close() })
		return db
	}
	writer := open(sqlite.DSN(path), 1)
	require.NoError(tb, sqlite.Migrate(tb.Context(), writer))
	store, err := sqlite.New(tb.Context(), writer, open(sqlite.DSN(path), 4))
	require.NoError(tb, err)
	beside := open(sqlite.DSN(path), 1)
	_, err = beside.ExecContext(tb.Context(), "PRAGMA foreign_keys = 0")
	require.NoError(tb, err)
	return store, beside
}

func TestSQLiteStorage(t *testing.T) {
	auditlogtest.RunStorage(t, func(t *testing.T) auditlog.Storage {
		store, _ := newSQLite(t)
		return store
	})
}

func TestTamperSQLite(t *testing.T) {
	store, db := newSQLite(t)
	for _, trigger := range triggers(t, db) {
		_, err := db.ExecContext(t.Context(), "DROP TRIGGER "+trigger)
		require.NoError(t, err)
	}
	runTamper(t, engine{
		store: store, storage: store,
		tables: []string{"actions", "secrets", "keys", "events", "log_tiles", "log_checkpoints"},
		do: func(ctx context.Context, query string, args ...any) error {
			_, err := db.ExecContext(ctx, query, args...)
			return err
		},
		fill: func(ctx context.Context, events []lock.Event) error { return fillSQLite(ctx, db, events) },
	})
}

// fillSQLite makes these the only events.
func fillSQLite(ctx context.Context, db *sql.DB, events []lock.Event) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "DELETE FROM events"); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO events (position, action, seq, type, time, scope, device, actor, prev, hash, body)
		VALUES (?1, nullif(?2, ''), nullif(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`)
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	for _, e := range events {
		_, err := insert.ExecContext(ctx, e.Position, string(e.Action), e.Seq, string(e.Type), e.Time.UnixMicro(), e.Scope, e.Device, e.Actor.ID,
			e.Prev, e.Hash, e.Body)
		if err != nil {
			return err
		}
	}
	return tx.Commit()
}

func triggers(t *testing.T, db *sql.DB) (names []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'trigger'")
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, rows.Err())
	return names
}
