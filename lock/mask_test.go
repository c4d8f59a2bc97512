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
		"of people's own":              {8, "it was 739184", "it was [digits]"},
		"longer, in groups":            {8, "it was 73918 42611", "it was [digits]"},
		"shorter than people's own":    {8, "Case 4711", "Case 4711"},
		"as short as a passcode":       {4, "it was 73-91", "it was [digits]"},
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

// sized is a platform whose PINs have eight characters of an alphabet when they are drawn, and any number when they are chosen.
type sized struct {
	*locktest.Codec
	alphabet string
}

func (c sized) Plan(_ lock.Device, r lock.Request) lock.Plan {
	if !r.PIN.IsZero() {
		return lock.Plan{Policy: pin.Policy{Rules: pin.RuleAll}, Holds: true}
	}
	return lock.Plan{Policy: pin.Policy{Length: 8, Alphabet: c.alphabet}, Holds: true}
}

func withSized(alphabet string, history int) func(*lock.Config) {
	return func(c *lock.Config) {
		c.Platforms[0].Codec, c.Rotation.History = sized{&locktest.Codec{}, alphabet}, history
	}
}

// TestPINsWithLettersInAnOrder: of the words of their shape none stays, so which is the PIN that is kept, or one that the device had, does not
// show, and no other text tells.
func TestPINsWithLettersInAnOrder(t *testing.T) {
	for name, c := range map[string]struct {
		history int
		edit    func(*lock.Request)
	}{
		"kept": {-1, keep}, "had before": {1, func(*lock.Request) {}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, withSized("abcdefghkmnprstuvwxyz", c.history))
			_, code := wasLocked(t, f)
			options := map[string]string{"lock_now": code, "password": "true"}
			a := f.Lock(mac(), c.edit, func(r *lock.Request) {
				r.Reason, r.Message, r.Options = "the same, “"+code+"”, or another", "Call "+code, options
			})
			assert.Equal(t, "the same, “[withheld]”, or another", a.Reason)
			assert.Equal(t, "Call "+code, a.Message)
			assert.Equal(t, options, a.Options)
			got, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "not "+f.PIN(a.ID)+", nor password")
			require.NoError(t, err)
			assert.Equal(t, "not [withheld], nor [withheld]", got.Cause)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestEarlierPINsOfOtherLengths: in words every number goes that is as long, and which is the PIN does not show.
func TestEarlierPINsOfOtherLengths(t *testing.T) {
	f := newFixture(t, withSized("0123456789", 10))
	wasLocked(t, f, supplied(t, "73918"))
	const said = "73918 or 73917 does not open it, case 4711"
	a := f.Lock(mac(), func(r *lock.Request) { r.Reason, r.Message, r.Ticket = said, said, said })
	assert.Equal(t, "[digits] or [digits] does not open it, case 4711", a.Reason)
	assert.Equal(t, []string{said, said}, []string{a.Message, a.Ticket}, "else they would tell a PIN")
	got, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "nor 739184, nor 7391 8426, case 47110")
	require.NoError(t, err)
	assert.Equal(t, "nor [digits], nor [digits], case 47110", got.Cause)
	a = f.Lock(mac(), supplied(t, "73918"), func(r *lock.Request) { r.Reuse = "they know 73 917" })
	assert.Equal(t, "they know [digits]", a.Reuse)
}

// TestKeptPINOfAnyLength: where the policy says nothing of it, a number as long as the PIN is refused all the same.
func TestKeptPINOfAnyLength(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) {
		c.Platforms[0].Codec = &locktest.Codec{Answer: &lock.Plan{Holds: true, Policy: pin.Policy{Rules: pin.RuleAll}}}
	})
	wasLocked(t, f, supplied(t, "7391846"))
	_, err := order(t, f, keep, func(r *lock.Request) { r.Message = "call 555 0101" })
	assert.Equal(t, "message", inputField(err))
}
