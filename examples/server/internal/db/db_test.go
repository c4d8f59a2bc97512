package db_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

func insert(tx *sql.Tx, name string) error {
	_, err := tx.Exec(`INSERT INTO server_accounts (name, password) VALUES ($1, $2)`, name, "x")
	return err
}

func accounts(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	require.NoError(t, d.Readers.QueryRow(`SELECT count(*) FROM server_accounts`).Scan(&n))
	return n
}

func TestOpenTwiceKeepsWhatWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "odd name #?.db")
	first := dbtest.Open(t, path)
	require.NoError(t, first.Write(t.Context(), func(tx *sql.Tx) error { return insert(tx, "a") }))
	second := dbtest.Open(t, path)
	assert.Equal(t, 1, accounts(t, second))
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	folder := t.TempDir()
	d := dbtest.Open(t, filepath.Join(folder, "x.db"))
	require.NoError(t, d.Write(t.Context(), func(tx *sql.Tx) error { return insert(tx, "a") }))
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), e.Name())
	}
}

func TestWriteRollsBack(t *testing.T) {
	d := dbtest.Open(t, dbtest.Source(t, &server))
	reason := errors.New("reason")
	err := d.Write(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert(tx, "a"), reason) })
	require.ErrorIs(t, err, reason)
	assert.Zero(t, accounts(t, d))
}

func TestReadersCannotWrite(t *testing.T) {
	d := dbtest.Open(t, dbtest.Source(t, &server))
	_, err := d.Readers.Exec(`DELETE FROM server_accounts`)
	assert.Error(t, err)
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)
	assert.Equal(t, at, db.Time(db.Micros(at)))
	assert.True(t, db.Time(db.Micros(time.Time{})).IsZero())
}

func TestSealedByCountsBoxesOfAllTables(t *testing.T) {
	d := dbtest.Open(t, dbtest.Source(t, &server))
	require.NoError(t, d.Write(t.Context(), func(tx *sql.Tx) error {
		for _, insert := range []string{
			`INSERT INTO server_secrets (name, public, key_id, box) VALUES ('x', $1, 'k1', $1)`,
			`INSERT INTO actions (id, scope, device, serial, actor, kind, state, batch, ref, created, wake, version, data)
			VALUES ('a', 's', 'd', '', 'x', 'lock', 'queued', '', '', 1, 0, 1, $1)`,
			`INSERT INTO secrets (action, n, key_id, box) VALUES ('a', 1, 'k1', $1), ('a', 2, 'k2', $1)`,
		} {
			if _, err := tx.Exec(insert, []byte{1}); err != nil {
				return err
			}
		}
		_, err := tx.Exec(`INSERT INTO secrets (action, n, key_id, box) VALUES ('a', 3, '', $1)`, []byte{})
		return err
	}))
	counts, err := d.SealedBy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"k1": 2, "k2": 1}, counts, "a purged box needs no key")
}

// A database of the first version had the CA's key in a table of its own.
func TestFirstVersionIsBroughtUpToDate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	old, err := sql.Open("sqlite", sqlite.DSN(path))
	require.NoError(t, err)
	const name = "migrations/0001_server.sql"
	script, err := os.ReadFile(name)
	require.NoError(t, err)
	_, err = old.Exec(string(script) + `;
		CREATE TABLE server_migrations (name TEXT PRIMARY KEY);
		INSERT INTO server_migrations (name) VALUES ('` + name + `');
		INSERT INTO server_ca (id, cert, key_id, key_box) VALUES (1, x'01', 'k1', x'02')`)
	require.NoError(t, err)
	require.NoError(t, old.Close())

	d := dbtest.Open(t, path)
	require.NoError(t, d.Ready(t.Context()))
	var kept struct{ name, public, key, box string }
	require.NoError(t, d.Readers.QueryRow(`SELECT name, public, key_id, box FROM server_secrets`).
		Scan(&kept.name, &kept.public, &kept.key, &kept.box))
	assert.Equal(t, struct{ name, public, key, box string }{"device CA key", "\x01", "k1", "\x02"}, kept)
}
