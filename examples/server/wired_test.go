package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

const testPassword = "correct horse battery"

// wired is a server that is ready and does not listen, with an administrator.
func wired(t *testing.T, base string, args ...string) *server {
	t.Helper()
	o, err := parse(append([]string{"-data", filepath.Join(t.TempDir(), "data")}, args...), noEnv, io.Discard)
	require.NoError(t, err)
	o.password = testPassword
	if dbtest.IsPostgres(t) {
		o.database = postgres.Database(t)
	}
	_, err = openFolder(&o)
	require.NoError(t, err)
	d, err := openDatabase(t.Context(), o, db.Open, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	keyring, err := openKeyring(t.Context(), o, d, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	s, err := wire(t.Context(), o, base, d, keyring, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.NoError(t, createAdmin(t.Context(), o, s.accounts, io.Discard))
	return s
}

// visitor calls a server that does not listen.
type visitor struct {
	t       *testing.T
	web     http.Handler
	token   string
	cookies []*http.Cookie
}

func visit(t *testing.T, s *server) *visitor {
	t.Helper()
	web, err := s.handler(t.Context().Done())
	require.NoError(t, err)
	token, err := s.desk().NewToken(t.Context(), local("test"), account.Admin)
	require.NoError(t, err)
	return &visitor{t: t, web: web, token: token}
}

func (v *visitor) post(path, kind, body string) *httptest.ResponseRecorder {
	v.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", "Bearer "+v.token)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, c := range v.cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	v.web.ServeHTTP(w, r)
	return w
}

func (v *visitor) form(path string, fields url.Values) *httptest.ResponseRecorder {
	v.t.Helper()
	return v.post(path, "application/x-www-form-urlencoded", fields.Encode())
}

func (v *visitor) signIn(name, password string) int {
	v.t.Helper()
	w := v.form("/signin", url.Values{"name": {name}, "password": {password}})
	v.cookies = w.Result().Cookies()
	return w.Code
}

// notices are what was recorded of one type.
func notices(t *testing.T, s *server, kind lock.EventType) []lock.Event {
	t.Helper()
	sequence(t, s.db.Ledger)
	events, err := s.service.Events(t.Context(), lock.Actor{ID: account.Admin}, lock.EventFilter{
		Scope: inventory.Scope, Types: []lock.EventType{kind},
	})
	require.NoError(t, err)
	return events
}

// deafen makes the ledger take no event any more.
func deafen(t *testing.T, s *server) {
	t.Helper()
	trigger := `CREATE TRIGGER deaf BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'disk full'); END`
	if s.db.IsShared() {
		trigger = `CREATE FUNCTION deaf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$;
			CREATE TRIGGER deaf BEFORE INSERT ON events EXECUTE FUNCTION deaf()`
	}
	_, err := s.db.Exec(t.Context(), trigger)
	require.NoError(t, err)
}
