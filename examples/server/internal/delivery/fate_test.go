package delivery_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// followed is a reset that was delivered and withdrawn, and one after it that was delivered too.
func (b *bench) followed() (first, second lock.Action) {
	b.t.Helper()
	first = b.reset("a")
	b.order(first, "", "first@example.org")
	b.Deliver(first.Device)
	_, err := b.Service.Cancel(b.t.Context(), locktest.Admin(), first.ID, "again")
	require.NoError(b.t, err)
	b.Clock.Advance(time.Second)
	second = b.reset("a")
	b.order(second, "", "second@example.org")
	b.Deliver(second.Device)
	b.Clock.Advance(time.Second)
	return first, second
}

// mailedTo are the addresses that got a mail.
func (b *bench) mailedTo() (all []string) {
	for _, m := range b.post.taken() {
		all = append(all, m.to...)
	}
	return all
}

// TestLateAnswer: the device says late that it did the first thing, and has done the second one since.
func TestLateAnswer(t *testing.T) {
	b := newBench(t)
	first, second := b.followed()
	b.Answer(second, lock.Acknowledged)
	b.Clock.Advance(time.Second)
	b.Answer(first, lock.Acknowledged)
	found, err := b.Service.Candidates(t.Context(), locktest.Admin(), first.Device)
	require.NoError(t, err)
	require.Equal(t, second.ID, found[0].Action.ID)
	b.Clock.Advance(time.Minute)
	b.order(first, "", "first@example.org") // also one that is ordered now
	b.work()
	assert.Equal(t, []string{"second@example.org"}, b.mailedTo())
	all, err := b.d.Of(t.Context(), first.ID)
	require.NoError(t, err)
	for _, one := range all {
		assert.Equal(t, delivery.Void, one.State)
	}
}

// TestLaterActionHasNoAnswer: nothing is mailed until it is known whether the device did that one too.
func TestLaterActionHasNoAnswer(t *testing.T) {
	for _, c := range []struct {
		name   string
		then   func(b *bench, second lock.Action)
		mailed []string
		state  delivery.State // of the first
	}{
		{"none yet", func(*bench, lock.Action) {}, nil, delivery.Waiting},
		{"it did", func(b *bench, second lock.Action) { b.Answer(second, lock.Acknowledged) }, []string{"second@example.org"}, delivery.Void},
		{"it did not", func(b *bench, second lock.Action) { b.Answer(second, lock.Refused) }, []string{"first@example.org"}, delivery.Sent},
		{"it never says", func(b *bench, _ lock.Action) { b.Clock.Advance(26 * time.Hour) }, nil, delivery.Void},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			first, second := b.followed()
			b.Answer(first, lock.Acknowledged)
			b.Clock.Advance(time.Minute)
			b.work()
			require.Empty(t, b.mailedTo())
			c.then(b, second)
			b.Clock.Advance(time.Minute)
			b.work()
			assert.Equal(t, c.mailed, b.mailedTo())
			assert.Equal(t, c.state, b.only(b.Get(first.ID)).State)
		})
	}
}

// TestLinkWhileALaterActionWaits: until the device has answered that one, the link is the best there is.
func TestLinkWhileALaterActionWaits(t *testing.T) {
	b := newBench(t)
	a, token := b.mailed("a")
	b.Clock.Advance(time.Second)
	later := b.reset("a")
	b.Deliver(a.Device)
	_, err := b.d.Look(t.Context(), token, stranger())
	require.NoError(t, err)
	b.Answer(later, lock.Acknowledged)
	_, err = b.d.Look(t.Context(), token, stranger())
	require.ErrorIs(t, err, delivery.ErrDead)
}

// TestDeviceEnrolsAnew: what it had before is not mailed, however it came to be confirmed.
func TestDeviceEnrolsAnew(t *testing.T) {
	for _, c := range []struct {
		name  string
		until func(b *bench) lock.Action
		state delivery.State
	}{
		{"after it confirmed", func(b *bench) lock.Action {
			a := b.done("a")
			b.anew(a.Device)
			return a
		}, delivery.Void},
		{"before it confirmed", func(b *bench) lock.Action {
			a := b.reset("a")
			b.Deliver(a.Device)
			b.anew(a.Device)
			b.Answer(a, lock.Acknowledged)
			return a
		}, delivery.Void},
		{"with another one delivered last", func(b *bench) lock.Action {
			first, second := b.followed()
			b.anew(first.Device)
			b.Answer(first, lock.Acknowledged)
			b.Answer(second, lock.Refused)
			return first
		}, delivery.Void},
		{"with a lock delivered last", func(b *bench) lock.Action {
			a := b.locked()
			b.anew(a.Device)
			b.Answer(a, lock.Acknowledged)
			return a
		}, delivery.Void},
		{"before it got it", func(b *bench) lock.Action {
			a := b.reset("a")
			b.anew(a.Device)
			b.Deliver(a.Device)
			b.Answer(a, lock.Acknowledged)
			return a
		}, delivery.Sent},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			a := c.until(b)
			require.Equal(t, lock.StateConfirmed, b.Get(a.ID).State)
			b.order(a, adminMail, "")
			b.work()
			all, err := b.d.Of(t.Context(), a.ID)
			require.NoError(t, err)
			last := all[len(all)-1]
			assert.Equal(t, c.state, last.State)
			if c.state == delivery.Void {
				assert.Empty(t, b.mailedTo())
				assert.Contains(t, last.Cause, "enrolled anew")
			}
		})
	}
}

// locked is a reset that was delivered and withdrawn; the device has done a lock since.
func (b *bench) locked() lock.Action {
	b.t.Helper()
	a := b.reset("a")
	b.Deliver(a.Device)
	_, err := b.Service.Cancel(b.t.Context(), locktest.Admin(), a.ID, "")
	require.NoError(b.t, err)
	locked := b.Lock(a.Device)
	b.Deliver(a.Device)
	b.Answer(locked, lock.Acknowledged)
	return a
}

// anew lets a device enrol anew.
func (b *bench) anew(d lock.Device) {
	b.t.Helper()
	b.Clock.Advance(time.Second)
	require.NoError(b.t, b.Service.Seen(b.t.Context(), d, lock.EvidenceReenrolled))
	b.Clock.Advance(time.Second)
}

// TestClocksOfServers: what the device got last is the same, whatever they say.
func TestClocksOfServers(t *testing.T) {
	for name, ahead := range map[string]struct{ ordered, delivered, answered time.Duration }{ // the clocks of the first action's servers
		"the answer's":   {0, 0, 30 * time.Second},
		"the delivery's": {0, 30 * time.Second, 0},
		"the order's":    {30 * time.Second, 0, 0},
		"all":            {30 * time.Second, 30 * time.Second, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			var first lock.Action
			b.by(ahead.ordered, func() { first = b.reset("a") })
			b.order(first, "", "first@example.org")
			b.by(ahead.delivered, func() { b.Deliver(first.Device) })
			b.by(ahead.answered, func() { b.Answer(first, lock.Acknowledged) })
			b.Clock.Advance(10 * time.Second)
			second := b.reset("a")
			b.order(second, "", "second@example.org")
			b.Deliver(second.Device)
			b.Answer(second, lock.Acknowledged)
			b.Clock.Advance(time.Minute)
			b.work()
			assert.Equal(t, []string{"second@example.org"}, b.mailedTo())
			assert.Equal(t, delivery.Void, b.only(first).State)
		})
	}
}

// by does something at a server whose clock is ahead.
func (b *bench) by(ahead time.Duration, do func()) {
	b.Clock.Advance(ahead)
	do()
	b.Clock.Advance(-ahead)
}

// TestClocksOfServersAsADeviceEnrolsAnew: what it got since is mailed and what it got before is not, whatever they say.
func TestClocksOfServersAsADeviceEnrolsAnew(t *testing.T) {
	for name, ahead := range map[string]struct{ enrolled, delivered time.Duration }{
		"the enrolment's": {30 * time.Second, 0},
		"the delivery's":  {0, 30 * time.Second},
		"none":            {},
	} {
		for state, first := range map[delivery.State]bool{delivery.Sent: true, delivery.Void: false} {
			t.Run(name+" "+string(state), func(t *testing.T) {
				var clock *locktest.Clock
				b := newBenchWith(t, newPost(t, false, false), func(c *lock.Config) {
					c.Now = func() time.Time { clock.Advance(time.Millisecond); return clock.Now() }
				})
				clock = b.Clock
				b.done("a") // an enrolment is put on record with this one too, a little later than with the one that waits
				b.Clock.Advance(time.Hour)
				a := b.reset("a")
				b.order(a, "", userMail)
				anew := func() { b.by(ahead.enrolled, func() { b.anew(a.Device) }) }
				if first {
					anew()
				}
				b.by(ahead.delivered, func() { b.Deliver(a.Device); b.Answer(a, lock.Acknowledged) })
				if !first {
					anew()
				}
				b.Clock.Advance(time.Minute)
				b.work()
				assert.Equal(t, state, b.only(a).State)
			})
		}
	}
}

// TestActionThatMayWaitLong: the mail waits as long as its action may, for a second person and for the device.
func TestActionThatMayWaitLong(t *testing.T) {
	b := newBenchWith(t, newPost(t, false, false), func(c *lock.Config) {
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v != lock.VerbReveal }
		c.Patience = 72 * time.Hour
	})
	a, err := b.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{
		Device: locktest.Device("a"), Reason: "forgotten", NotAfter: b.Clock.Now().Add(96 * time.Hour),
	})
	require.NoError(t, err)
	require.Equal(t, lock.StateHeld, a.State)
	b.order(a, "", userMail)
	b.Clock.Advance(71 * time.Hour)
	b.work()
	require.Equal(t, delivery.Waiting, b.only(a).State)
	_, err = b.Service.Approve(t.Context(), locktest.Second(), a.ID, "", "fine")
	require.NoError(t, err)
	b.Clock.Advance(24 * time.Hour)
	b.work()
	require.Equal(t, delivery.Waiting, b.only(a).State)
	b.Deliver(a.Device)
	b.Answer(a, lock.Acknowledged)
	b.Clock.Advance(time.Minute)
	b.work()
	assert.Len(t, b.post.taken(), 1)
}

// TestLateOrderForAnOldAction: it waits a day for an answer that may still come.
func TestLateOrderForAnOldAction(t *testing.T) {
	b := newBench(t)
	a := b.reset("a")
	b.Deliver(a.Device)
	b.Clock.Advance(48 * time.Hour)
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	b.Clock.Advance(24 * time.Hour)
	b.work()
	assert.Equal(t, delivery.Void, b.only(a).State)
}
