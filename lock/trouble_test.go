package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// throttled is what a provider says whose quota is used up.
func throttled(after time.Duration) error {
	return locktest.SendError{WakeFailure: locktest.WakeFailure{Class: "throttled", Trouble: true, After: after}, Untaken: true}
}

// TestTroubleIsNotWaitedOutForADay: what a provider in trouble did not take leaves within minutes once it can be taken.
func TestTroubleIsNotWaitedOutForADay(t *testing.T) {
	const half, two, eight = time.Minute / 2, 2 * time.Minute, 8 * time.Minute
	for name, c := range map[string]struct {
		after time.Duration
		steps []time.Duration // within three quarters of an hour
	}{
		"on the schedule":             {0, []time.Duration{0, half, two, eight, eight, eight, eight, eight}},
		"as the provider asks":        {25 * time.Minute, []time.Duration{0, 25 * time.Minute}},
		"the provider asks for a bit": {time.Second, []time.Duration{0, half, two, eight, eight, eight, eight, eight}},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				begin := time.Now()
				s.Fail(throttled(c.after))
				a := f.Lock(mac())
				after(45 * time.Minute)
				tries := times(s.Sent(), begin)
				require.InDelta(t, len(c.steps), len(tries), 1)
				requireSteps(t, tries, c.steps[:len(tries)]...)
				s.Fail(nil)
				after(max(eight, c.after) * 5 / 4)
				assert.NotEmpty(t, f.Get(a.ID).Ref)
				assert.Len(t, s.Sent(), len(tries)+1)
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

// TestTroubleAfterALongSilence: what may have been taken, time and again, was not taken the last time.
func TestTroubleAfterALongSilence(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		s.Fail(locktest.ErrLost)
		a := f.Lock(mac())
		after(2 * day)
		s.Fail(throttled(0))
		after(30 * time.Hour)
		require.Equal(t, "throttled", f.Get(a.ID).WakeOutcome)
		tries := len(s.Sent())
		after(time.Hour)
		assert.GreaterOrEqual(t, len(s.Sent()), tries+3)
	}, func(c *lock.Config) { c.Platforms[0].MaxDeliveries = 10 })
}

// TestTroubleOfManyIsBounded: no more is asked of a provider that takes nothing, however many wait for it.
func TestTroubleOfManyIsBounded(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		const many = 100
		s.Fail(throttled(0))
		orderMany(t, f, many, locktest.Platform)
		after(time.Hour)
		early := len(s.Sent())
		assert.LessOrEqual(t, early, 100, "what was under way, and then one at a time")
		after(6 * time.Hour)
		assert.LessOrEqual(t, len(s.Sent()), early+25, "one in a quarter of an hour")
		s.Fail(nil)
		after(20 * time.Minute)
		for _, a := range listed(t, f) {
			require.NotEmpty(t, a.Ref, a.Device.ID)
		}
	})
}
