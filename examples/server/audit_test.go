package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// audit runs a command on the record of a server, beside it.
func (s *site) audit(t *testing.T, words ...string) said {
	t.Helper()
	return auditWith(t, s.env, append(words, "-data", s.data())...)
}

func auditWith(t *testing.T, env func(string) string, words ...string) said {
	t.Helper()
	var out, stderr bytes.Buffer
	err := run(t.Context(), append([]string{"audit"}, words...), env, &out, &stderr)
	code := exit(err, &stderr)
	return said{out.String(), stderr.String(), code}
}

// fetch gets what is no JSON document.
func (s *site) fetch(t *testing.T, path string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(req)
	require.NoError(t, err)
	defer func() { assert.NoError(t, res.Body.Close()) }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(data)
}

// signed waits until a checkpoint covers so many events, and returns it.
func (s *site) signed(t *testing.T, events int64) (checkpoint string) {
	t.Helper()
	within(t, func() bool {
		var status int
		status, checkpoint = s.fetch(t, "/api/v1/audit/checkpoint")
		return status == http.StatusOK && audit.Size([]byte(checkpoint)) >= events
	})
	return checkpoint
}

// keep keeps something outside.
func keep(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "kept")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// eventful is a server at which a PIN was revealed, and the position of that event.
func eventful(t *testing.T) (s *site, revealed int64) {
	t.Helper()
	s = open(t, nil)
	mac := s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	s.reveal(t, s.lock(t, mac, object{"reason": "lost"}).text("id"))
	events := s.feed(t, "?type=revealed")
	require.Len(t, events, 1)
	position, ok := events[0]["position"].(float64)
	require.True(t, ok)
	return s, int64(position)
}

func TestExportIsVerifiedElsewhere(t *testing.T) {
	s, revealed := eventful(t)
	older := keep(t, s.signed(t, revealed+1))
	s.enrol(t, mdmtest.Config{KeyType: mdmtest.P256})
	s.signed(t, revealed+2)
	key := s.audit(t, "key")
	require.Zero(t, key.code, key.err)
	_, served := s.fetch(t, "/api/v1/audit/key")
	assert.Equal(t, served, key.out)
	assert.Contains(t, s.logs.String(), "audit_key="+strings.TrimSpace(key.out), "said at the start")
	newest := s.audit(t, "checkpoint")
	require.Zero(t, newest.code, newest.err)
	assert.GreaterOrEqual(t, audit.Size([]byte(newest.out)), revealed+2)

	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	exported := s.audit(t, "export", file)
	require.Zero(t, exported.code, exported.err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	assert.Equal(t, exitUsage, s.audit(t, "export", file).code, "an export is not overwritten")
	_, downloaded := s.fetch(t, "/api/v1/audit/export")
	s.stop()

	elsewhere := func(file string, more ...string) said {
		return auditWith(t, noEnv, append([]string{"verify", file, "-key", "@" + keep(t, key.out)}, more...)...)
	}
	for _, file := range []string{file, keep(t, downloaded)} {
		intact := elsewhere(file, "-checkpoint", older, "-checkpoint", keep(t, newest.out))
		require.Zero(t, intact.code, intact.err)
		assert.Contains(t, intact.out, "Intact: ")
		assert.Contains(t, intact.out, "goes on from 2 checkpoints that you gave")
	}
	assert.Contains(t, elsewhere(file).out, "No checkpoint from outside was given")
	tampered := elsewhere(keep(t, strings.Replace(downloaded, `"type":"revealed"`, `"type":"feedback"`, 1)), "-checkpoint", older)
	assert.Equal(t, exitFailed, tampered.code)
	assert.Contains(t, tampered.err, "TAMPERED: ")
	assert.Contains(t, tampered.err, "event at position "+strconv.FormatInt(revealed, 10)+" was changed")
	assert.Empty(t, tampered.out)
}

func TestLedgerIsVerifiedWhereItIs(t *testing.T) {
	s, revealed := eventful(t)
	older := keep(t, s.signed(t, revealed+1))
	key := strings.TrimSpace(s.audit(t, "key").out)
	intact := s.audit(t, "verify", "-checkpoint", older)
	require.Zero(t, intact.code, intact.err)
	assert.Contains(t, intact.out, "Compared with the events: 1 action, and every sealed box.")
	assert.Contains(t, intact.out, "an auditor gives -key")
	require.NoError(t, os.Rename(filepath.Join(s.data(), "keyring"), filepath.Join(s.dir, "hidden")))
	intact = s.audit(t, "verify", "-key", key)
	require.Zero(t, intact.code, "by a key from elsewhere, without the keyring: %s", intact.err)
	assert.Equal(t, exitUsage, s.audit(t, "verify").code)
	require.NoError(t, os.Rename(filepath.Join(s.dir, "hidden"), filepath.Join(s.data(), "keyring")))

	d := s.open(t)
	tamper(t, d)
	tampered := s.audit(t, "verify", "-key", key, "-checkpoint", older)
	assert.Equal(t, exitFailed, tampered.code)
	assert.Contains(t, tampered.err, "event at position "+strconv.FormatInt(revealed, 10)+" was changed")

	var outcomes []string
	sequence(t, d.Ledger)
	reads, err := d.Ledger.Events(t.Context(), lock.EventFilter{Types: []lock.EventType{lock.EventAuditVerified}})
	require.NoError(t, err)
	for _, e := range reads {
		outcomes = append(outcomes, e.Facts["outcome"])
		assert.Equal(t, lock.Actor{ID: "admin", Name: "audit command", Address: "local"}, e.Actor)
	}
	assert.Equal(t, []string{"intact", "intact", "tampered"}, outcomes)
}

// An event that cannot be read is found by a verification, and keeps nobody from one.
func TestUnreadableEventIsFound(t *testing.T) {
	s, revealed := eventful(t)
	s.signed(t, revealed+1)
	d := s.open(t)
	dropTrigger(t, d)
	spoil := `UPDATE events SET body = $1 WHERE position IN (0, $2)`
	if d.IsShared() {
		spoil = `UPDATE events SET body = $1 WHERE id IN (SELECT event FROM log WHERE position IN (0, $2))`
	}
	_, err := d.Writer.Exec(spoil, []byte("gac"), revealed)
	require.NoError(t, err)
	unread := s.must(t, http.StatusInternalServerError, http.MethodGet, "/api/v1/events", nil)
	assert.Equal(t, "unreadable", unread.text("code"))
	s.signed(t, 1)
	status, exported := s.fetch(t, "/api/v1/audit/export")
	require.Equal(t, http.StatusOK, status, exported)
	words := []string{"verify", keep(t, exported), "-key", strings.TrimSpace(s.audit(t, "key").out)}
	for _, tampered := range []said{s.audit(t, "verify"), auditWith(t, noEnv, words...)} {
		assert.Equal(t, exitFailed, tampered.code)
		assert.Contains(t, tampered.err, "TAMPERED: ")
		assert.Contains(t, tampered.err, "event at position 0 ")
	}
}

// tamper changes what was recorded of a reveal, as whoever owns the database can.
func tamper(t *testing.T, d *db.DB) {
	t.Helper()
	dropTrigger(t, d)
	var body []byte
	require.NoError(t, d.Readers.QueryRow(`SELECT body FROM events WHERE type = 'revealed'`).Scan(&body))
	changed := bytes.Replace(body, []byte(`"type":"revealed"`), []byte(`"type":"feedback"`), 1)
	require.NotEqual(t, body, changed)
	_, err := d.Writer.Exec(`UPDATE events SET body = $1 WHERE type = 'revealed'`, changed)
	require.NoError(t, err)
}

// dropTrigger takes away what keeps events as they are.
func dropTrigger(t *testing.T, d *db.DB) {
	t.Helper()
	drop := `DROP TRIGGER events_update`
	if d.IsShared() {
		drop += ` ON events`
	}
	_, err := d.Writer.Exec(drop)
	require.NoError(t, err)
}

// What happened until a server has stopped is signed.
func TestLastEventsAreSigned(t *testing.T) {
	s, _ := eventful(t)
	s.stop()
	d := s.open(t)
	sequence(t, d.Ledger)
	newest, err := d.Ledger.Events(t.Context(), lock.EventFilter{Newest: true, Limit: 1})
	require.NoError(t, err)
	storage, err := logStorage(d)
	require.NoError(t, err)
	size, _, err := storage.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Equal(t, newest[0].Position+1, size)
}

func TestAuditCommandLine(t *testing.T) {
	s, _ := eventful(t)
	s.stop()
	_, key, err := auditlog.NewKey("mdm.example.com/ledger")
	require.NoError(t, err)
	some := keep(t, "no checkpoint")
	large := keep(t, strings.Repeat("x", audit.MaxCheckpoint+1))
	for name, c := range map[string]struct{ words, wants string }{
		"unknown":                  {"erase", "verify, export FILE, checkpoint or key"},
		"no file to export to":     {"export", "server audit -h"},
		"two files":                {"verify a b", "server audit -h"},
		"no key for a file":        {"verify " + some, "-key"},
		"no such file":             {"verify nowhere -key " + key, "FILE must be an export"},
		"key is none":              {"verify " + some + " -key x", "-key"},
		"key file is not there":    {"verify -key @nowhere", "-key"},
		"checkpoint is none":       {"verify -checkpoint " + some, "-checkpoint"},
		"checkpoint is not there":  {"verify -checkpoint nowhere", "-checkpoint"},
		"checkpoint is too large":  {"verify -checkpoint " + large, "64 KiB"},
		"key for another command":  {"export x -key " + key, "for verify"},
		"folder that has no state": {"verify -data " + t.TempDir(), "-data"},
		"no keyring":               {"key -keyring nowhere", "-keyring"},
	} {
		t.Run(name, func(t *testing.T) {
			words := strings.Fields(c.words)
			if !strings.Contains(c.words, "-data") {
				words = append(words, "-data", s.data())
			}
			refused := auditWith(t, noEnv, words...)
			assert.Equal(t, exitUsage, refused.code, refused.err)
			assert.Contains(t, refused.err, c.wants)
		})
	}
	foreign := s.audit(t, "verify", "-key", key)
	assert.Equal(t, exitFailed, foreign.code, "the key of another log")
	assert.Contains(t, foreign.err, "TAMPERED")
	help := auditWith(t, noEnv, "-h")
	assert.Zero(t, help.code)
	assert.Contains(t, help.err, "Usage: server audit COMMAND")
}
