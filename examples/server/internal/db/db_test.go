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
)

func open(t *testing.T, path string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), path)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	return d
}

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
	first := open(t, path)
	require.NoError(t, first.Write(t.Context(), func(tx *sql.Tx) error { return insert(tx, "a") }))
	second := open(t, path)
	assert.Equal(t, 1, accounts(t, second))
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	folder := t.TempDir()
	d := open(t, filepath.Join(folder, "x.db"))
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
	d := open(t, filepath.Join(t.TempDir(), "x.db"))
	reason := errors.New("reason")
	err := d.Write(t.Context(), func(tx *sql.Tx) error { return errors.Join(insert(tx, "a"), reason) })
	require.ErrorIs(t, err, reason)
	assert.Zero(t, accounts(t, d))
}

func TestReadersCannotWrite(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "x.db"))
	_, err := d.Readers.Exec(`DELETE FROM server_accounts`)
	assert.Error(t, err)
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 123456000, time.UTC)
	assert.Equal(t, at, db.Time(db.Micros(at)))
	assert.True(t, db.Time(db.Micros(time.Time{})).IsZero())
}

func TestSealedByCountsBoxesOfAllTables(t *testing.T) {
	d := open(t, filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, d.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO server_ca (id, cert, key_id, key_box) VALUES (1, x'00', 'k1', x'00');
			INSERT INTO actions (id, scope, device, serial, actor, kind, state, batch, ref, created, wake, version, data)
			VALUES ('a', 's', 'd', '', 'x', 'lock', 'queued', '', '', 1, 0, 1, x'00');
			INSERT INTO secrets (action, n, key_id, box) VALUES ('a', 1, 'k1', x'01'), ('a', 2, 'k2', x'01'), ('a', 3, 'k3', x'')`)
		return err
	}))
	counts, err := d.SealedBy(t.Context())
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"k1": 2, "k2": 1}, counts, "a purged box needs no key")
}
