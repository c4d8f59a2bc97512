package ca_test

import (
	"context"
	"testing"

	"github.com/smallstep/scep"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/pin"
)

// sealedBy is the key that sealed the CA's.
func (w *world) sealedBy() map[string]int {
	w.t.Helper()
	counts, err := w.db.SealedBy(w.t.Context())
	require.NoError(w.t, err)
	return counts
}

func TestReseal(t *testing.T) {
	w := newWorld(t)
	before := w.Certificate()
	old := w.keyring.KeyIDs()[0]
	next := w.keyring.Rotate()
	done, err := secret.Reseal(t.Context(), w.db, next, old)
	require.NoError(t, err)
	assert.Equal(t, 1, done)
	assert.Equal(t, map[string]int{next.KeyIDs()[0]: 1}, w.sealedBy())
	done, err = secret.Reseal(t.Context(), w.db, next, old)
	require.NoError(t, err)
	assert.Zero(t, done, "there is nothing left to do")

	alone, err := next.Without(old)
	require.NoError(t, err)
	c, err := ca.Open(t.Context(), ca.Config{DB: w.db, Sealer: alone})
	require.NoError(t, err)
	assert.Equal(t, before, c.Certificate())
	r := newRequester(t, keys()[0])
	require.NotNil(t, r.send(t, w, r.request(t, w, scep.PKCSReq, w.code())), "the one that runs goes on")
}

// forger seals something else than it is given.
type forger struct{ *pin.Keyring }

// Seal implements pin.Sealer.
func (f forger) Seal(ctx context.Context, _ pin.PIN, b pin.Binding) (pin.Box, error) {
	other, err := pin.Parse("483920")
	if err != nil {
		return nil, err
	}
	return f.Keyring.Seal(ctx, other, b)
}

func TestResealKeepsWhatItCannotSeal(t *testing.T) {
	w := newWorld(t)
	old := w.keyring.KeyIDs()[0]
	for name, sealer := range map[string]pin.Sealer{
		"a box that holds something else": forger{w.keyring.Rotate()},
		"no key for the old one":          new(pin.Keyring).Rotate(),
	} {
		t.Run(name, func(t *testing.T) {
			done, err := secret.Reseal(t.Context(), w.db, sealer, old)
			require.Error(t, err)
			assert.Zero(t, done)
			assert.Equal(t, map[string]int{old: 1}, w.sealedBy())
		})
	}
	_, err := ca.Open(t.Context(), ca.Config{DB: w.db, Sealer: w.keyring})
	assert.NoError(t, err)
}
