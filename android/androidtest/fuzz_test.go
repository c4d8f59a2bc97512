package androidtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/require"
)

// FuzzCommand signs any payload as a server would, or nothing at all: the agent answers with at most one result, and keeps its passcode
// unless the command says so.
func FuzzCommand(f *testing.F) {
	f.Add([]byte(`{"v":1,"typ":"android.dpc.command","id":"a","dev":"dev-1","seq":1,"exp":"2126-01-01T00:00:00Z","cmd":"lock","args":{}}`), true)
	f.Add([]byte(`{"id":"a","dev":"dev-1","seq":1,"exp":"2126-01-01T00:00:00Z","cmd":"clear_password","args":{"secret":"a.b.c.d.e"}}`), true)
	f.Add([]byte(`a.b.c`), false)
	f.Add([]byte(`[[[[`), true)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, payload []byte, signed bool) {
		d, err := New(Config{Passcode: "482915"})
		require.NoError(t, err)
		d.agent.signing, d.agent.agreement = key, key
		d.agent.results, d.agent.executing, d.agent.sequence = map[string]*result{}, map[string]execution{}, map[string]int64{}
		d.agent.enrolment = &enrolment{device: "dev-1", keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1"}}}}
		jws := string(payload)
		if signed {
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
				(&jose.SignerOptions{}).WithType(typeCommand).WithHeader("kid", "k1"))
			require.NoError(t, err)
			object, err := signer.Sign(payload)
			require.NoError(t, err)
			jws, err = object.CompactSerialize()
			require.NoError(t, err)
		}
		require.NoError(t, d.handle(jws))
		require.LessOrEqual(t, len(d.agent.outbox), 1)
		require.Empty(t, d.agent.executing)
		require.Equal(t, "482915", d.Passcode(), "a device owner of Android 14 changes nothing without a token")
	})
}
