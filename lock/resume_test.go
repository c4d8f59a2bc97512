package lock_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func resume(t testing.TB, f *locktest.Fixture, d lock.Device, id lock.ID) locktest.Command {
	t.Helper()
	next, err := f.Service.Resume(t.Context(), d, id)
	require.NoError(t, err)
	if next.ID == "" {
		assert.Empty(t, next.Body)
		return locktest.Command{}
	}
	var c locktest.Command
	require.NoError(t, json.Unmarshal(next.Body, &c))
	return c
}

func talking(r *lock.Request) { r.Options = map[string]string{locktest.OptionTalks: "yes"} }

// TestResume: the next part belongs to the delivery that is under way, even when that is the last.
func TestResume(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 1 })
	a := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Progress, map[string]string{"before": "=old"})))
	commits := f.Store.Commits()
	cmd := resume(t, f, mac(), a.ID)
	assert.Equal(t, locktest.Command{ID: a.ID, PIN: code, Resumed: true, Facts: map[string]string{"before": "=old"}}, cmd)
	assert.Equal(t, commits, f.Store.Commits(), "nothing is claimed")
	assert.Equal(t, 1, f.Get(a.ID).Deliveries)
}

// TestNothingToResume.
func TestNothingToResume(t *testing.T) {
	another := mac()
	another.Platform = "another"
	for name, c := range map[string]struct {
		device lock.Device
		life   func(f *locktest.Fixture, a lock.Action)
	}{
		"it has not left":           {mac(), func(*locktest.Fixture, lock.Action) {}},
		"it was withdrawn":          {mac(), func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); cancel(t, f, a.ID) }},
		"it is done":                {mac(), func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Acknowledged) }},
		"its deadline passed":       {mac(), func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()); f.Clock.Advance(31 * day) }},
		"it is another device's":    {locktest.Device("mac-2"), func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }},
		"it is another transport's": {another, func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }},
		"it is in another's scope":  {lock.Device{Scope: "umbrella", ID: "mac-1", Platform: locktest.Platform}, func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			c.life(f, a)
			assert.Empty(t, resume(t, f, c.device, a.ID).ID)
		})
	}
	f := newFixture(t)
	assert.Empty(t, resume(t, f, mac(), "nothing").ID)
	a := f.Lock(mac())
	f.Deliver(mac())
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	_, err := without.Service.Resume(t.Context(), mac(), a.ID)
	require.ErrorIs(t, err, lock.ErrSealed)
	_, err = f.Service.Resume(t.Context(), lock.Device{}, a.ID)
	assert.Equal(t, "device.scope", inputField(err))
}

// TestAnUnlockThatIsIdleHalfWay: what it was to end is over, so nothing more of it leaves.
func TestAnUnlockThatIsIdleHalfWay(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), talking)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	u := unlock(t, f, a.ID)
	cmd := f.Deliver(mac())
	assert.Equal(t, a.ID, cmd.Ends, "it is told what it ends")
	assert.Equal(t, a.ID, resume(t, f, mac(), u.ID).Ends)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidenceStatement)
	assert.Empty(t, resume(t, f, mac(), u.ID).ID)
}

// TestADeviceThatTalksWhileItIsLocked: that it polls is no evidence that it is open, nothing probes it, and an unlock ends it.
func TestADeviceThatTalksWhileItIsLocked(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), talking)
	assert.True(t, a.Talks)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	assert.True(t, get(t, f, a.ID).Due.IsZero(), "nothing wakes it to see whether it answers")
	f.Answer(unlock(t, f, a.ID), lock.Acknowledged)
	assert.Equal(t, lock.EvidenceUnlocked, f.Get(a.ID).Evidence)
	again := f.Lock(mac(), talking)
	f.Deliver(mac())
	f.Answer(again, lock.Acknowledged)
	seen(t, f, lock.EvidenceReenrolled)
	assert.Equal(t, lock.StateReleased, f.Get(again.ID).State, "it was wiped")
	requireReplay(t, f.Store, a.ID)
}

// TestUnlockOfWhatMayBeOnTheDevice: a lock that talks can be ended though no acknowledgement came, and stays so.
func TestUnlockOfWhatMayBeOnTheDevice(t *testing.T) {
	for name, c := range map[string]struct {
		life  func(f *locktest.Fixture, a lock.Action)
		edit  func(*lock.Request)
		ended bool
	}{
		"withdrawn": {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); cancel(t, f, a.ID) }, talking, true},
		"given up": {func(f *locktest.Fixture, _ lock.Action) {
			f.Deliver(mac())
			f.Clock.Advance(31 * day)
			f.Service.NewTicker().Tick(t.Context())
		}, talking, true},
		"on its way":            {func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }, talking, false},
		"never left":            {func(f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) }, talking, false},
		"refused":               {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Refused) }, talking, false},
		"withdrawn, and silent": {func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); cancel(t, f, a.ID) }, func(*lock.Request) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac(), c.edit)
			c.life(f, a)
			u, err := f.Service.Unlock(t.Context(), locktest.Admin(), a.ID, lock.Request{Device: mac()})
			if !c.ended {
				assert.Equal(t, "of", inputField(err))
				return
			}
			require.NoError(t, err)
			seen(t, f, lock.EvidencePoll)
			require.Equal(t, u.ID, f.Deliver(mac()).ID, "it stays valid")
			f.Answer(u, lock.Acknowledged)
			assert.Equal(t, lock.StateReleased, f.Get(a.ID).State)
			requireReplay(t, f.Store, a.ID)
		})
	}
}
