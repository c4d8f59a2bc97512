package agent_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"crypto"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestKeyIsTheSameAfterItWasKept(t *testing.T) {
	key, err := agent.NewKey()
	require.NoError(t, err)
	der, err := key.Marshal()
	require.NoError(t, err)
	again, err := agent.ParseKey(der)
	require.NoError(t, err)
	assert.Equal(t, key.ID(), again.ID())
	der2, err := again.Marshal()
	require.NoError(t, err)
	assert.Equal(t, der, der2)

	parsed, err := x509.ParsePKCS8PrivateKey(der)
	require.NoError(t, err)
	private, ok := parsed.(*ecdsa.PrivateKey)
	require.True(t, ok)
	thumb, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	require.NoError(t, err)
	assert.Equal(t, base64.RawURLEncoding.EncodeToString(thumb), key.ID(), "RFC 7638, as another implementation has it")
}

func TestKeyDoesNotPrint(t *testing.T) {
	key, err := agent.NewKey()
	require.NoError(t, err)
	der, err := key.Marshal()
	require.NoError(t, err)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	require.NoError(t, err)
	private, ok := parsed.(*ecdsa.PrivateKey)
	require.True(t, ok)
	d, err := private.Bytes()
	require.NoError(t, err)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, nil))
	logger.Info("key", slog.Any("key", key), slog.Any("config", agent.Config{Keys: []agent.Key{key}}))
	held := struct{ k agent.Key }{key}
	text := fmt.Sprintf("%v %+v %#v %s %x %v %+v %#v", key, key, key, key, key, held, held, held) + log.String()
	for _, secret := range []string{fmt.Sprintf("%d", d), fmt.Sprintf("%x", d), base64.StdEncoding.EncodeToString(d), fmt.Sprint(private.X)} {
		assert.NotContains(t, text, secret)
	}
	_, err = json.Marshal(key)
	assert.Error(t, err)
}

func TestKeyThatIsNone(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	p384, err := x509.MarshalPKCS8PrivateKey(other)
	require.NoError(t, err)
	for name, der := range map[string][]byte{"nothing": nil, "no DER": []byte("hello"), "another curve": p384} {
		t.Run(name, func(t *testing.T) {
			_, err := agent.ParseKey(der)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, "key", input.Field)
		})
	}
	t.Run("the zero key", func(t *testing.T) {
		assert.Empty(t, agent.Key{}.ID())
		_, err := agent.Key{}.Marshal()
		assert.Error(t, err)
	})
}

func TestHandlerNeedsItsParts(t *testing.T) {
	key, err := agent.NewKey()
	require.NoError(t, err)
	whole := agent.Config{Service: &ledger{}, Enrollments: &records{}, Requests: &records{}, Keys: []agent.Key{key}}
	_, err = agent.NewHandler(whole)
	require.NoError(t, err)
	for field, edit := range map[string]func(*agent.Config){
		"Service":     func(c *agent.Config) { c.Service = nil },
		"Enrollments": func(c *agent.Config) { c.Enrollments = nil },
		"Requests":    func(c *agent.Config) { c.Requests = nil },
		"Keys":        func(c *agent.Config) { c.Keys = []agent.Key{{}} },
		"Skew":        func(c *agent.Config) { c.Recheck = -1 },
	} {
		t.Run(field, func(t *testing.T) {
			c := whole
			edit(&c)
			_, err := agent.NewHandler(c)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, field, input.Field)
		})
	}
}
