package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Only the server itself changes tables: with those of another version a command says what to do.
func TestCommandsChangeNoTables(t *testing.T) {
	s := open(t, nil)
	s.stop()
	d := s.open(t)
	migrations := func() (names []string) {
		rows, err := d.Readers.QueryContext(t.Context(), `SELECT name FROM server_migrations ORDER BY name`)
		require.NoError(t, err)
		defer func() { assert.NoError(t, rows.Close()) }()
		for rows.Next() {
			var name string
			require.NoError(t, rows.Scan(&name))
			names = append(names, name)
		}
		require.NoError(t, rows.Err())
		return names
	}
	refuse := func(wants string) {
		t.Helper()
		before := migrations()
		for _, words := range []string{
			"purge -older-than 365d -reason x", "purge -older-than 365d -reason x -apply", "audit verify", "audit key", "audit checkpoint",
			"audit export " + filepath.Join(t.TempDir(), "x"), "keyring status", "keyring rotate", "keyring reseal", "keyring remove k",
		} {
			got := command(t, s.env, append(strings.Fields(words), "-data", s.data())...)
			assert.Equal(t, exitFailed, got.code, words)
			assert.Contains(t, got.err, wants, words)
			assert.Empty(t, got.out, words)
		}
		assert.Equal(t, before, migrations())
	}
	_, err := d.Exec(t.Context(), `DROP TABLE server_heartbeat`)
	require.NoError(t, err)
	_, err = d.Exec(t.Context(), `DELETE FROM server_migrations WHERE name LIKE '%0004%'`)
	require.NoError(t, err)
	refuse("start the server of this version first")
	reopen(t, s).stop()
	assert.Contains(t, strings.Join(migrations(), " "), "0004")
	assert.Zero(t, command(t, s.env, "keyring", "status", "-data", s.data()).code)
	_, err = d.Exec(t.Context(), `INSERT INTO server_migrations (name) VALUES ('migrations/9999_later.sql')`)
	require.NoError(t, err)
	refuse("run the newer program")
}
