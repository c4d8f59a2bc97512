package main

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

// Passcodes and reset tokens of Android devices, the one-time codes with which they enrol, and the server's own key go through a whole life.
// Afterwards they are nowhere in clear.
func TestNoAndroidSecretIsKeptInClear(t *testing.T) {
	start := time.Now()
	s := newSite(t)
	if dbtest.IsPostgres(t) {
		s.source = postgrestest.Start(t).Database(t) // the log of the others' would be scanned too
	}
	s.start(t, func() time.Time { return start.Add(time.Since(start).Truncate(time.Second)) })
	var secrets []string
	for _, passcode := range []string{"", "58203914", "73915028"} {
		code := s.androidCode(t)
		phone, err := androidtest.New(androidtest.Config{APILevel: 34, Passcode: passcode})
		require.NoError(t, err)
		require.NoError(t, phone.Enroll(t.Context(), s.url, code))
		secrets = append(secrets, code)
		if passcode != "" {
			hasToken(t, phone, androidtest.TokenPending)
			require.True(t, phone.Type(passcode))
			secrets = append(secrets, passcode)
		}
		hasToken(t, phone, androidtest.TokenActive)
		drawn := s.reset(t, phone, object{"reason": "forgot it"})
		supplied := "kT7v" + drawn
		path := "/api/v1/devices/" + phone.ID() + "/reset-passcode"
		s.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, object{
			"reason": "it is " + supplied, "pin": object{"mode": "supplied", "value": supplied},
		})
		assert.Equal(t, supplied, s.reset(t, phone, object{"reason": "again", "pin": object{"mode": "supplied", "value": supplied}}))
		require.True(t, phone.Type(supplied))
		secrets = append(secrets, drawn, supplied)
	}
	tokens := s.sealedTokens(t)
	require.Len(t, tokens, 3)
	secrets = append(secrets, tokens...)
	assert.Empty(t, s.leaksInState(t, secrets), "while it runs, with the write-ahead log")
	s.stop()
	assert.Empty(t, s.leaksInState(t, secrets), "and after it stopped")
	assert.Empty(t, s.leaksInServer(t, secrets), "and in the files of PostgreSQL")
	assert.Empty(t, leaks([]byte(s.logs.String()), secrets), "in the logs")
	for _, token := range tokens { // which would be taken for a hash
		assert.NotContains(t, s.logs.String(), hex.EncodeToString([]byte(token)))
	}
	planted := s.logs.String() + "token=" + base64.StdEncoding.EncodeToString([]byte(tokens[1]))
	assert.Equal(t, tokens[1:2], leaks([]byte(planted), secrets), "a token in a log line is found")
}

// sealedTokens opens the reset tokens that were provisioned.
func (s *site) sealedTokens(t *testing.T) (tokens []string) {
	t.Helper()
	ring, err := pin.LoadKeyring(filepath.Join(s.data(), "keyring"))
	require.NoError(t, err)
	ledger := s.open(t).Ledger
	orders, err := ledger.List(t.Context(), lock.Filter{Kinds: []lock.Kind{lock.KindProvisionToken}})
	require.NoError(t, err)
	for _, order := range orders {
		a, err := ledger.Get(t.Context(), order.ID)
		require.NoError(t, err)
		for _, sealed := range a.Secrets {
			b := pin.Binding{Scope: a.Device.Scope, Platform: a.Device.Platform, Action: string(a.ID), Secret: sealed.N}
			token, err := ring.Open(t.Context(), sealed.Box, b)
			require.NoError(t, err)
			tokens = append(tokens, token.Expose())
		}
	}
	return tokens
}
