package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// confirmed is a lock that mac-1 acknowledged now.
func confirmed(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	a := f.Lock(mac())
	require.Equal(t, a.ID, f.Deliver(mac()).ID)
	f.Answer(a, lock.Acknowledged)
	return f.Get(a.ID)
}

func TestGuard(t *testing.T) {
	for name, c := range map[string]struct {
		guard, after time.Duration
		want         lock.State
	}{
		"at once":                  {0, 0, lock.StateConfirmed},
		"just before":              {0, time.Minute - time.Microsecond, lock.StateConfirmed},
		"less than a microsecond":  {0, time.Minute - time.Nanosecond, lock.StateConfirmed},
		"at the guard":             {0, time.Minute, lock.StateReleased},
		"a guard of one's own":     {time.Hour, time.Hour - time.Microsecond, lock.StateConfirmed},
		"at a guard of one's own":  {time.Hour, time.Hour, lock.StateReleased},
		"the clock was put back":   {0, -time.Hour, lock.StateConfirmed},
		"many days, and no signal": {0, 1000 * time.Hour, lock.StateReleased},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(cfg *lock.Config) { cfg.Platforms[0].Guard = c.guard })
			f.Clock.Set(f.Clock.Now().Truncate(time.Microsecond))
			a := confirmed(t, f)
			f.Clock.Advance(c.after)
			seen(t, f, lock.EvidencePoll)
			assert.Equal(t, c.want, f.Get(a.ID).State)
		})
	}
}

func TestGuardRunsFromTheLastAnswer(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Minute - time.Microsecond)
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Second)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
}

// TestTrailingIdle: a Mac may poll once more between its acknowledgement and the lock.
func TestTrailingIdle(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	f.Clock.Advance(2 * time.Second)
	seen(t, f, lock.EvidencePoll)
	assert.Empty(t, f.Deliver(mac()).ID)
	assert.Equal(t, a, f.Get(a.ID))
}

func TestReleasedWithEvidence(t *testing.T) {
	for _, evidence := range []lock.Evidence{lock.EvidencePoll, lock.EvidenceUserChannel, lock.EvidenceAgent, lock.EvidenceStatement} {
		t.Run(string(evidence), func(t *testing.T) {
			f := newFixture(t)
			a := confirmed(t, f)
			code := f.PIN(a.ID)
			f.Clock.Advance(time.Hour)
			seen(t, f, evidence)
			seen(t, f, evidence)
			got := f.Get(a.ID)
			assert.Equal(t, lock.StateReleased, got.State)
			assert.Equal(t, evidence, got.Evidence)
			assert.Equal(t, f.Clock.Now(), got.Released)
			assert.Empty(t, got.Lane)
			assert.Equal(t, code, f.PIN(a.ID), "a released PIN is still revealable")
			assert.Equal(t, []lock.ID{a.ID}, candidateIDs(t, f, mac()))
			events := eventsOf(t, f, a.ID)
			assert.Equal(t, []lock.EventType{lock.EventRevealed, lock.EventReleased, lock.EventRevealed}, typesOf(events[3:]), "released once")
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestSeenAfterTheLockEnded: what was issued and then given up is released too, what never left or does not hold is not.
func TestSeenAfterTheLockEnded(t *testing.T) {
	deliver := func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) }
	withdraw := func(f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) }
	refuse := func(f *locktest.Fixture, a lock.Action) { f.Answer(a, lock.Refused) }
	for name, c := range map[string]struct {
		life []func(*locktest.Fixture, lock.Action)
		wait time.Duration
		want lock.State
	}{
		"queued":                           {nil, time.Hour, lock.StateQueued},
		"issued":                           {[]func(*locktest.Fixture, lock.Action){deliver}, time.Hour, lock.StateIssued},
		"cancelled before it left":         {[]func(*locktest.Fixture, lock.Action){withdraw}, time.Hour, lock.StateCancelled},
		"cancelled after it left":          {[]func(*locktest.Fixture, lock.Action){deliver, withdraw}, time.Minute, lock.StateReleased},
		"cancelled, within the guard":      {[]func(*locktest.Fixture, lock.Action){deliver, withdraw}, 59 * time.Second, lock.StateCancelled},
		"unconfirmed":                      {[]func(*locktest.Fixture, lock.Action){deliver, deliver, deliver, deliver}, time.Minute, lock.StateReleased},
		"unconfirmed, within the guard":    {[]func(*locktest.Fixture, lock.Action){deliver, deliver, deliver, deliver}, 59 * time.Second, lock.StateUnconfirmed},
		"refused":                          {[]func(*locktest.Fixture, lock.Action){deliver, refuse}, time.Hour, lock.StateRefused},
		"cancelled and refused afterwards": {[]func(*locktest.Fixture, lock.Action){deliver, withdraw, refuse}, time.Hour, lock.StateRefused},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			for _, act := range c.life {
				act(f, a)
			}
			f.Clock.Advance(c.wait)
			seen(t, f, lock.EvidencePoll)
			assert.Equal(t, c.want, f.Get(a.ID).State)
		})
	}
}

func TestSeenOfAnActionThatDoesNotHold(t *testing.T) {
	f := newFixture(t)
	plan := f.Codec.Plan(lock.Device{}, lock.Request{})
	plan.Holds = false
	f.Codec.Answer = &plan
	a := confirmed(t, f)
	assert.Empty(t, a.Lane, "an action that does not hold is done")
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, a, f.Get(a.ID))
}

func TestSeenOfAnotherDevice(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	f.Clock.Advance(time.Hour)
	elsewhere := mac()
	elsewhere.Scope = "globex"
	for _, d := range []lock.Device{locktest.Device("mac-2"), elsewhere} {
		require.NoError(t, f.Service.Seen(t.Context(), d, lock.EvidencePoll))
	}
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	assert.Equal(t, "device.id", inputField(f.Service.Seen(t.Context(), lock.Device{Scope: "acme"}, lock.EvidencePoll)))
}

func TestSeenWhenTheStoreFails(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	f.Clock.Advance(time.Hour)
	f.Store.FailBefore(locktest.Forever)
	require.ErrorIs(t, f.Service.Seen(t.Context(), mac(), lock.EvidencePoll), locktest.ErrFault)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
}

func TestReenrolledWhileQueued(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	code := f.PIN(a.ID)
	seen(t, f, lock.EvidenceReenrolled)
	got := f.Get(a.ID)
	assert.Equal(t, lock.StateQueued, got.State, "a wiped stolen Mac is still stolen")
	assert.Equal(t, lock.EventReenrolled, eventsOf(t, f, a.ID)[2].Type)
	notices := noticesOf(t, f)
	require.Equal(t, []lock.EventType{lock.EventAlarm}, typesOf(notices))
	assert.Equal(t, a.ID, notices[0].Other)
	assert.Equal(t, "mac-1", notices[0].Device)
	assert.Equal(t, code, f.Deliver(mac()).PIN)
	requireReplay(t, f.Store, a.ID)
}

// TestReenrolledOnceIssued: the command lapses, and as the wipe opened the device, that is evidence too.
func TestReenrolledOnceIssued(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	seen(t, f, lock.EvidenceReenrolled)
	events := eventsOf(t, f, a.ID)
	assert.Equal(t, []lock.EventType{lock.EventLapsed, lock.EventReleased}, typesOf(events[2:]))
	assert.Equal(t, lock.EvidenceReenrolled, f.Get(a.ID).Evidence)
	assert.Empty(t, f.Deliver(mac()).ID)
	assert.Equal(t, code, f.PIN(a.ID))
	assert.Equal(t, []lock.EventType{lock.EventAlarm}, typesOf(noticesOf(t, f)), "it may be somebody else in its name")
}

func TestReenrolledWhileLocked(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	seen(t, f, lock.EvidenceReenrolled) // no guard: a device that enrols is open
	got := f.Get(a.ID)
	assert.Equal(t, lock.StateReleased, got.State)
	assert.Equal(t, lock.EvidenceReenrolled, got.Evidence)
	assert.NotEmpty(t, f.PIN(a.ID))
	assert.Equal(t, []lock.EventType{lock.EventAlarm}, typesOf(noticesOf(t, f)), "it may be somebody else in its name")
	requireReplay(t, f.Store, a.ID)
}

// TestEscrowsDoNotSurviveANewEnrolment: whoever enrols in the name of a device gets none of its secrets. The ledger keeps them.
func TestEscrowsDoNotSurviveANewEnrolment(t *testing.T) {
	f := newFixture(t)
	token, err := pin.Bytes([]byte("bootstrap token"))
	require.NoError(t, err)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "bootstrap_token", token))
	seen(t, f, lock.EvidenceReenrolled)
	_, err = f.Service.Escrowed(t.Context(), mac(), "bootstrap_token")
	require.ErrorIs(t, err, lock.ErrNotFound)
	f.Clock.Advance(time.Second)
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "bootstrap_token", token), "the device may hand it over again")
	back, err := f.Service.Escrowed(t.Context(), mac(), "bootstrap_token")
	require.NoError(t, err)
	assert.True(t, back.Equal(token))
	kept, err := f.Store.List(t.Context(), lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	assert.Len(t, kept, 2)
}
