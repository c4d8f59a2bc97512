package main

import (
	"encoding/base64"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/computers"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// PINs that Windows devices make, their secrets and digests, and the server's key for their sessions go through a whole life, answers that get
// lost included. Afterwards they are nowhere in clear: not in the database, its log, the sessions that are kept, or the server's log.
func TestNoWindowsSecretIsKeptInClear(t *testing.T) {
	left := newSite(t)
	if dbtest.IsPostgres(t) {
		left.source = postgrestest.Start(t).Database(t) // the log of the others' would be scanned too
	}
	s := startTLS(t, left, nil)
	var secrets []string
	for _, cfg := range []windowstest.Config{
		{Name: "Lumia 1", PIN: "58203914", User: "hedy"},
		{Name: "Lumia 2", PINPolicy: windowstest.LettersAndDigits, PIN: "58203914", User: "ada", SyncVersion3: true},
	} {
		phone := s.computer(t, cfg)
		phone.sync(t)
		inner := syncml.Inner(cfg.User, phone.secret)
		secrets = append(secrets, phone.secret, inner)
		for _, faults := range [][]windowstest.Fault{
			nil, {windowstest.LoseAnswer(2)}, {windowstest.RepeatMessage(2)}, {windowstest.SplitPackages()}, {windowstest.NoFinal()}, nil,
		} {
			id := phone.reset(t, s)
			phone.Script(faults...)
			phone.comesUntil(t, s.site, id, "confirmed")
			code := s.reveal(t, id)
			require.Equal(t, phone.State().PIN, code)
			require.True(t, phone.Type(code))
			secrets = append(secrets, code)
		}
	}
	for _, state := range s.sessionStates(t) {
		require.NotEmpty(t, state)
		assert.Empty(t, leaks(state, secrets), "in what is kept between the messages, once it is decrypted")
	}
	secrets = append(secrets, s.windowsKey(t))
	assert.Empty(t, s.leaksInState(t, secrets), "while it runs, with the write-ahead log")
	s.stop()
	assert.Empty(t, s.leaksInState(t, secrets), "and after it stopped")
	assert.Empty(t, s.leaksInServer(t, secrets), "and in the files of PostgreSQL")
	assert.Empty(t, leaks([]byte(s.logs.String()), secrets), "in the logs")
	for _, planted := range []string{secrets[1], base64.StdEncoding.EncodeToString([]byte(secrets[2])), secrets[2]} {
		_, err := s.open(t).Exec(t.Context(), `UPDATE server_computers SET session = $1`, []byte(`{"answer": "`+planted+`"}`))
		require.NoError(t, err)
		assert.NotEmpty(t, s.leaksInState(t, secrets), "one in a session is found")
	}
}

// sessionStates are what is kept of devices between their messages, decrypted.
func (s *site) sessionStates(t *testing.T) (states [][]byte) {
	t.Helper()
	ring, err := pin.LoadKeyring(filepath.Join(s.data(), "keyring"))
	require.NoError(t, err)
	d := s.open(t)
	store, err := computers.Open(t.Context(), computers.Config{DB: d, Sealer: ring})
	require.NoError(t, err)
	for _, device := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1/devices", nil).list("items") {
		state, _, err := store.Load(t.Context(), inventory.Scope, device.text("id"))
		require.NoError(t, err)
		states = append(states, state)
	}
	require.NotEmpty(t, states)
	return states
}

// windowsKey opens the key that encrypts what is kept of Windows devices.
func (s *site) windowsKey(t *testing.T) string {
	t.Helper()
	ring, err := pin.LoadKeyring(filepath.Join(s.data(), "keyring"))
	require.NoError(t, err)
	kept, err := secret.Read(t.Context(), s.open(t), ring, secret.WindowsSessions)
	require.NoError(t, err)
	return kept.Private.Expose()
}
