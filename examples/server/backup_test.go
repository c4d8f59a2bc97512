package main

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// command runs a command of the program.
func command(t *testing.T, env func(string) string, words ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a server that starts all the same serves on
	defer cancel()
	err := run(ctx, words, env, &out, &stderr)
	code := exit(err, &stderr)
	return said{out.String(), stderr.String(), code}
}

// backedUp is a server with a locked Mac, and a backup that was made while it took orders.
func backedUp(t *testing.T) (s *site, id, code, file string) {
	t.Helper()
	s, file = open(t, nil), filepath.Join(t.TempDir(), "backup.db")
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	id = s.lock(t, mac, object{"reason": "lost"}).text("id")
	code = s.reveal(t, id)
	ctx, enough := context.WithCancel(t.Context())
	var working sync.WaitGroup
	working.Go(func() {
		for ctx.Err() == nil {
			_, _, _ = s.request(ctx, http.MethodPost, "/api/v1/devices/"+mac.Config().UDID+"/lock", object{"reason": "again"})
		}
	})
	got := command(t, s.env, "backup", file, "-data", s.data())
	enough()
	working.Wait()
	require.Zero(t, got.code, got.err)
	assert.Contains(t, got.out, "Not in it is the keyring "+filepath.Join(s.data(), "keyring"))
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	return s, id, code, file
}

// moved is a state folder with the keyring of a server and nothing else.
func moved(t *testing.T, s *site) *site {
	t.Helper()
	other := newSite(t)
	require.NoError(t, os.Mkdir(other.data(), 0o700))
	ring, err := os.ReadFile(filepath.Join(s.data(), "keyring"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(other.data(), "keyring"), ring, 0o600))
	return other
}

// folder lists a state folder, without the lock of those who work in it.
func (s *site) folder(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(s.data())
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != "latchkey.lock" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestBackupIsRestored(t *testing.T) {
	s, id, code, file := backedUp(t)
	s.stop()
	other := moved(t, s)
	got := command(t, noEnv, "restore", file, "-data", other.data())
	require.Zero(t, got.code, got.err)
	assert.Equal(t, []string{"keyring", "latchkey.db"}, other.folder(t))
	info, err := os.Stat(other.source)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	other.start(t, nil)
	assert.Equal(t, code, other.reveal(t, id))
	other.replays(t)
}

func TestRestoreRefuses(t *testing.T) {
	s, _, _, file := backedUp(t)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	with := func(change func([]byte) []byte) string {
		name := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(name, change(bytes.Clone(whole)), 0o600))
		return name
	}
	live := with(func(b []byte) []byte { return b })
	require.NoError(t, os.WriteFile(live+"-wal", []byte("x"), 0o600))
	for name, c := range map[string]struct {
		file  string
		to    func(*site)
		force bool
		wants string
	}{
		"no file":          {file: "/nowhere/backup.db", wants: "takes a file of server backup"},
		"empty file":       {file: with(func([]byte) []byte { return nil }), wants: "no database of this program"},
		"no database":      {file: with(func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) }), wants: "takes a whole file"},
		"cut off":          {file: with(func(b []byte) []byte { return b[:len(b)/2] }), wants: "takes a whole file"},
		"a live database":  {file: live, wants: "write-ahead log"},
		"a database there": {file: file, to: func(s *site) { write(t, s, "latchkey.db", "x") }, wants: "-force"},
		"a log there":      {file: file, to: func(s *site) { write(t, s, "latchkey.db-wal", "x") }, wants: "-force"},
		"no keyring": {
			file: file, to: func(s *site) { require.NoError(t, os.Remove(filepath.Join(s.data(), "keyring"))) }, wants: "sealed secrets need the key",
		},
		"keyring of another": {file: file, to: func(s *site) {
			text, _ := keyringText(t, "other")
			write(t, s, "keyring", text)
		}, wants: "is not the right one"},
		"keyring with a wrong character": {file: file, to: func(s *site) {
			spoil(t, filepath.Join(s.data(), "keyring"))
		}, wants: "is another one than the one of this ID"},
		"a server that runs": {file: file, to: func(to *site) {
			held, err := lockFolder(options{data: to.data()}, false)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, held.Close()) })
		}, force: true, wants: "stop it first"},
	} {
		t.Run(name, func(t *testing.T) {
			other := moved(t, s)
			if c.to != nil {
				c.to(other)
			}
			before := other.folder(t)
			words := []string{"restore", c.file, "-data", other.data()}
			if c.force {
				words = append(words, "-force")
			}
			got := command(t, noEnv, words...)
			assert.Equal(t, exitUsage, got.code)
			assert.Contains(t, got.err, c.wants)
			assert.Equal(t, before, other.folder(t), "nothing has changed")
		})
	}
}

func write(t *testing.T, s *site, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.data(), name), []byte(text), 0o600))
}

func TestRestoreNeedsTheServerStopped(t *testing.T) {
	s, _, _, file := backedUp(t)
	got := command(t, noEnv, "restore", file, "-force", "-data", s.data())
	assert.Equal(t, exitUsage, got.code)
	assert.Contains(t, got.err, "stop it first")
	alone, err := lockFolder(options{data: s.data()}, true)
	require.Error(t, err)
	assert.Nil(t, alone)
	s.stop()
	alone, err = lockFolder(options{data: s.data()}, true)
	require.NoError(t, err)
	defer func() { assert.NoError(t, alone.Close()) }()
	for _, words := range [][]string{
		{"-addr", "127.0.0.1:0"}, {"backup", file + ".2"}, {"keyring", "status"}, {"purge", "-older-than", "365d", "-reason", "x"},
		{"audit", "verify"}, {"audit", "key"},
	} {
		got := command(t, noEnv, append(words, "-data", s.data())...)
		assert.Equal(t, exitUsage, got.code)
		assert.Contains(t, got.err, "is being restored")
	}
}

// The database that was there is kept, with all that it knows, and so is one that is damaged.
func TestForcedRestoreKeepsWhatWasThere(t *testing.T) {
	s, id, code, file := backedUp(t)
	later := s.lock(t, s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256}), object{"reason": "after the backup"}).text("id")
	newer := s.reveal(t, later)
	s.stop()
	force := func() (aside string) {
		got := command(t, noEnv, "restore", file, "-force", "-data", s.data())
		require.Zero(t, got.code, got.err)
		_, rest, found := strings.Cut(got.out, "The one that was there is ")
		require.True(t, found, got.out)
		aside, _, _ = strings.Cut(rest, ": ")
		return aside
	}
	aside := force()
	again := reopen(t, s)
	assert.Equal(t, code, again.reveal(t, id))
	again.must(t, http.StatusNotFound, http.MethodGet, "/api/v1/actions/"+later, nil)
	again.stop()

	other := moved(t, s)
	require.NoError(t, os.Rename(aside, other.source))
	other.start(t, nil)
	assert.Equal(t, newer, other.reveal(t, later))

	write(t, s, "latchkey.db", strings.Repeat("no database ", 1000))
	write(t, s, "latchkey.db-wal", "its log")
	aside = force()
	for suffix, want := range map[string]string{"": "no database no", "-wal": "its log"} {
		kept, err := os.ReadFile(aside + suffix)
		require.NoError(t, err)
		assert.Contains(t, string(kept), want)
	}
	assert.Equal(t, code, reopen(t, s).reveal(t, id))
}

// What must not come back with a backup does not.
func TestRestoreSignsOutAndVoidsLinks(t *testing.T) {
	s := open(t, nil)
	link := s.link(t, "")
	_, err := s.open(t).Exec(t.Context(), `INSERT INTO server_sessions (id, data, expires_at) VALUES ('x', $1, 9999999999999999)`, []byte("x"))
	require.NoError(t, err)
	_, err = s.open(t).Exec(t.Context(), `INSERT INTO server_agent_codes (sha256, expires_at) VALUES ($1, 9999999999999999)`, []byte("x"))
	require.NoError(t, err)
	_, err = s.open(t).Exec(t.Context(), `INSERT INTO server_deliveries VALUES
		('x', 'a', 'user', 'grace@example.com', 'ada', '', '', 'link', 'sent', '', 1, 1, 1, 1, 1, 1, 9999999999999999, 0, $1),
		('y', 'a', 'admin', 'ada@example.com', 'ada', '', '', 'link', 'opened', '', 1, 1, 1, 1, 1, 1, 9999999999999999, 2, $2)`, []byte("x"), []byte("y"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "backup.db")
	require.Zero(t, command(t, s.env, "backup", file, "-data", s.data()).code)
	other := moved(t, s)
	require.Zero(t, command(t, noEnv, "restore", file, "-data", other.data()).code)
	other.start(t, nil)
	_, query, _ := strings.Cut(link, "?")
	res, err := other.client.Get(other.url + "/enroll?" + query)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	for _, left := range []string{
		`SELECT count(*) FROM server_sessions`,
		`SELECT count(*) FROM server_agent_codes`,
		`SELECT count(*) FROM server_deliveries WHERE token IS NOT NULL`,
		`SELECT count(*) FROM server_deliveries WHERE state <> 'void' AND id = 'x' OR state <> 'opened' AND id = 'y'`,
	} {
		var kept int
		require.NoError(t, other.open(t).Readers.QueryRow(left).Scan(&kept))
		assert.Zero(t, kept, left)
	}
}

func TestBackupRefuses(t *testing.T) {
	s, _, _, file := backedUp(t)
	onPostgres := func(name string) string {
		return map[string]string{envDatabase: "postgres://latchkey:kT7vQ2mX9pLs@db.example.com/latchkey"}[name]
	}
	for name, c := range map[string]struct {
		env   func(string) string
		words string
		wants string
	}{
		"a file that is there":  {noEnv, "backup " + file, "takes the name of a new file"},
		"two files":             {noEnv, "backup x y", "one new file"},
		"no database":           {noEnv, "backup x -data " + t.TempDir(), "must be the state folder"},
		"PostgreSQL":            {onPostgres, "backup x", "pg_dump or pg_basebackup"},
		"restore to PostgreSQL": {onPostgres, "restore " + file, "pg_restore"},
		"two files to restore":  {noEnv, "restore x y", "one file"},
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(c.words)
			if !strings.Contains(c.words, "-data") {
				words = append(words, "-data", s.data())
			}
			got := command(t, c.env, words...)
			assert.Equal(t, exitUsage, got.code)
			assert.Contains(t, got.err, c.wants)
			assert.NotContains(t, got.err, "kT7v")
		})
	}
	for _, words := range [][]string{{"backup", "-h"}, {"restore", "-h"}, {"backup"}, {"restore"}} {
		help := command(t, noEnv, words...)
		assert.Zero(t, help.code)
		assert.Contains(t, help.err, "server "+words[0]+" FILE")
	}
}

// A server does not go on with a database that is damaged.
func TestDamagedDatabaseIsNotServed(t *testing.T) {
	s, _, _, _ := backedUp(t)
	s.stop()
	d, err := db.OpenAsIs(t.Context(), s.source, nil)
	require.NoError(t, err)
	var page int // of a table that is not read when a server starts
	require.NoError(t, d.Readers.QueryRow(`SELECT rootpage FROM sqlite_schema WHERE name = 'server_facts'`).Scan(&page))
	require.NoError(t, d.Close())
	content, err := os.ReadFile(s.source)
	require.NoError(t, err)
	copy(content[(page-1)*4096:], bytes.Repeat([]byte("x"), 4096))
	require.NoError(t, os.WriteFile(s.source, content, 0o600))
	got := command(t, noEnv, "-addr", "127.0.0.1:0", "-data", s.data())
	assert.NotZero(t, got.code)
	assert.Contains(t, got.err, "damaged")
	assert.Contains(t, got.err, "restore a backup")
}
