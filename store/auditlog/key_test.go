package auditlog_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

func TestKeys(t *testing.T) {
	for range 50 { // some have a + in their base64
		signer, verifier, err := auditlog.NewKey("mdm.example.org/ledger")
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(verifier, "mdm.example.org/ledger+"), verifier)
		derived, err := auditlog.PublicKey(signer)
		require.NoError(t, err)
		require.Equal(t, verifier, derived)
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		name, origin string
		ok           bool
	}{
		{"host and path", "mdm.example.org/ledger", true},
		{"one word", "ledger", true},
		{"another script", "münchen.example/Buch", true},
		{"200 bytes", strings.Repeat("a", 200), true},
		{"empty", "", false},
		{"201 bytes", strings.Repeat("a", 201), false},
		{"space", "our ledger", false},
		{"plus", "a+b", false},
		{"newline", "a\nb", false},
		{"control character", "a\x00b", false},
		{"not UTF-8", "a\xff", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := auditlog.NewKey(c.origin)
			if c.ok {
				require.NoError(t, err)
				return
			}
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, "origin", input.Field)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	m := store.NewMemory()
	skey, vkey, err := auditlog.NewKey(origin)
	require.NoError(t, err)
	for _, c := range []struct {
		name, field string
		cfg         auditlog.Config
	}{
		{"no store", "store", auditlog.Config{Storage: m, Key: skey}},
		{"no storage", "storage", auditlog.Config{Store: m, Key: skey}},
		{"no key", "key", auditlog.Config{Store: m, Storage: m}},
		{"public key", "key", auditlog.Config{Store: m, Storage: m, Key: vkey}},
		{"key that was cut", "key", auditlog.Config{Store: m, Storage: m, Key: skey[:len(skey)-5]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := auditlog.New(c.cfg)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
			assert.NotContains(t, err.Error(), skey[len(skey)-20:len(skey)-6], "an error never repeats the key")
		})
	}
}
