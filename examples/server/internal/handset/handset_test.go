package handset_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/handset"
	"github.com/latchkey-mdm/latchkey/lock"
)

// ledger has given one token to each device.
type ledger struct {
	action lock.Action
	err    error
}

// List implements handset.Ledger.
func (l ledger) List(_ context.Context, _ lock.Actor, f lock.Filter) ([]lock.Action, error) {
	if f.Scope != "default" || len(f.Devices) != 1 || f.Devices[0] != "phone" || len(f.Kinds) != 1 || f.Kinds[0] != lock.KindProvisionToken {
		return nil, errors.New("asked for more than the tokens of the device")
	}
	return []lock.Action{l.action}, l.err
}

func TestForeign(t *testing.T) {
	kept := lock.Secret{Name: android.SecretToken, N: 1, KeyID: "k1"}
	for name, c := range map[string]struct {
		state, id string
		secret    lock.Secret
		want      bool
	}{
		"ours":                {"active", "T", kept, false},
		"ours, pending":       {"pending", "T", kept, false},
		"unknown":             {"active", "U", kept, true},
		"unknown, pending":    {"pending", "U", kept, true},
		"not named":           {"active", "", kept, true},
		"purged":              {"active", "T", lock.Secret{Name: android.SecretToken, N: 1}, true},
		"no token was made":   {"active", "T", lock.Secret{}, true},
		"the device has none": {"none", "", kept, false},
		"nothing is known":    {"", "U", kept, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := lock.Device{Scope: "default", ID: "phone", Facts: map[string]lock.Fact{"token_state": {Value: c.state}, "token_id": {Value: c.id}}}
			got, err := handset.Foreign(t.Context(), ledger{action: lock.Action{ID: "T", Secrets: []lock.Secret{c.secret}}}, lock.Actor{}, d)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	d := lock.Device{Scope: "default", ID: "phone", Facts: map[string]lock.Fact{"token_state": {Value: "active"}}}
	_, err := handset.Foreign(t.Context(), ledger{err: errors.New("disk full")}, lock.Actor{}, d)
	require.Error(t, err)
}

func TestCapabilities(t *testing.T) {
	f := android.Facts{
		APILevel: 34, Mode: android.ModeDeviceOwner, SecureLock: android.Yes, UserUnlocked: android.Yes, SecureLockFeature: android.Yes,
		Token: android.TokenActive, TokenID: "U",
	}
	assert.Equal(t, android.Capabilities(f), handset.Capabilities(f, false))
	for _, v := range handset.Capabilities(f, true) {
		changes := v.Act == android.ActReset || v.Act == android.ActClear
		assert.Equal(t, changes, v.Code == handset.CodeTokenForeign, v)
		assert.Equal(t, changes, v.Effect == android.EffectFails && v.Code != android.CodeTokenActive, v)
	}
}
