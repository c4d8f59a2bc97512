package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A token file may outlive its database, as that of a demonstration does.
func TestTokenFileOfAnotherDatabaseIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	read := func() string {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(content)
	}
	first, second := t.TempDir(), t.TempDir()
	var tokens []string
	for _, data := range []string{first, second, second} {
		p := start(t, data, "-api-token-file", file)
		p.tokenFile = file
		status, _ := p.call(http.MethodGet, "/api/v1/devices", "")
		assert.Equal(t, http.StatusOK, status)
		p.end()
		tokens = append(tokens, read())
	}
	assert.NotEqual(t, tokens[0], tokens[1])
	assert.Equal(t, tokens[1], tokens[2], "one that is good stays")
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestTokenFileThatHoldsSomethingElseStays(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	s.tokenFile = filepath.Join(t.TempDir(), "notes")
	require.NoError(t, os.WriteFile(s.tokenFile, []byte("my notes"), 0o600))
	err := writeToken(t.Context(), s.options, s.desk())
	assert.Equal(t, exitUsage, exit(err, io.Discard))
	content, err := os.ReadFile(s.tokenFile)
	require.NoError(t, err)
	assert.Equal(t, "my notes", string(content))
	require.NoError(t, os.WriteFile(s.tokenFile, nil, 0o600))
	require.NoError(t, writeToken(t.Context(), s.options, s.desk()), "an empty file is no loss")
}

func TestTokenFileStaysWhenTokensCannotBeRead(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	s.tokenFile = filepath.Join(t.TempDir(), "token")
	require.NoError(t, writeToken(t.Context(), s.options, s.desk()))
	kept, err := os.ReadFile(s.tokenFile)
	require.NoError(t, err)
	require.NoError(t, s.db.Readers.Close())
	err = writeToken(t.Context(), s.options, s.desk())
	require.Error(t, err)
	assert.Equal(t, exitFailed, exit(err, io.Discard))
	now, err := os.ReadFile(s.tokenFile)
	require.NoError(t, err)
	assert.Equal(t, kept, now)
}

// Only a password that breaks the rule is the operator's mistake.
func TestAnAdministratorThatCannotBeKeptIsNobodysPassword(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	for _, statement := range []string{
		`DELETE FROM server_accounts`,
		`CREATE TRIGGER full BEFORE INSERT ON server_accounts BEGIN SELECT RAISE(ABORT, 'disk full'); END`,
	} {
		_, err := s.db.Writer.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	err := createAdmin(t.Context(), s.options, s.accounts, io.Discard)
	require.ErrorContains(t, err, "disk full")
	assert.Equal(t, exitFailed, exit(err, io.Discard))
	assert.NotContains(t, err.Error(), envPassword)
}

// A new keyring would open nothing of what is sealed, and look as if all were well.
func TestNoKeyringIsMadeWhereSomethingIsSealed(t *testing.T) {
	s := wired(t, "http://127.0.0.1")
	require.NoError(t, os.Remove(s.keyringPath()))
	_, err := openKeyring(t.Context(), s.options, s.db, s.logger)
	require.ErrorContains(t, err, "restore")
	_, err = os.Stat(s.keyringPath())
	assert.ErrorIs(t, err, os.ErrNotExist)
}
