package lock_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// passcodesOnly is a platform whose passcode reset alone has a PIN, if that.
type passcodesOnly struct {
	*locktest.Codec
	length int
}

func (c passcodesOnly) Plan(_ lock.Device, r lock.Request) lock.Plan {
	if r.Kind != lock.KindResetPasscode {
		return lock.Plan{NoPIN: true, Holds: true}
	}
	return lock.Plan{NoPIN: c.length == 0, Policy: pin.Policy{Length: c.length, Alphabet: "0123456789"}}
}

// TestWordsBesideAnActionWithoutAPIN: people write of the device's passcode, which another action has.
func TestWordsBesideAnActionWithoutAPIN(t *testing.T) {
	for name, c := range map[string]struct {
		length   int
		said, is string
	}{
		"as long as a passcode":        {8, "it was 7391 8426", "it was [digits]"},
		"shorter":                      {8, "it was 739184", "it was 739184"},
		"no platform says how long":    {0, "it was 7391", "it was [digits]"},
		"shorter than any passcode is": {0, "it was 739", "it was 739"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(cfg *lock.Config) { cfg.Platforms[0].Codec = passcodesOnly{&locktest.Codec{}, c.length} })
			a, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Reason: c.said})
			require.NoError(t, err)
			assert.Equal(t, c.is, f.Get(a.ID).Reason)
			_, err = f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, c.said)
			require.NoError(t, err)
			assert.Equal(t, c.is, f.Get(a.ID).Cause)
		})
	}
}

// TestKeptPINIsNoOption: an option is kept in clear, and whoever orders does not know the PIN that is kept.
func TestKeptPINIsNoOption(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	cancelled := unlock(t, f, a.ID)
	f.Answer(cancelled, lock.Acknowledged)
	for name, options := range map[string]map[string]string{
		"as a value": {"note": "was 73-91-84"},
		"as a name":  {"n739184": "true"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := order(t, f, func(r *lock.Request) { r.Keep, r.Options = true, options })
			assert.Equal(t, "options", inputField(err))
		})
	}
	_, err := order(t, f, func(r *lock.Request) { r.Keep, r.Options = true, map[string]string{"lock_now": "true"} })
	require.NoError(t, err)
}
