package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func unlock(t *testing.T, f *locktest.Fixture, of lock.ID) lock.Action {
	t.Helper()
	u, err := f.Service.Unlock(t.Context(), locktest.Admin(), of, lock.Request{Device: mac(), Reason: "found"})
	require.NoError(t, err)
	return u
}

func TestUnlock(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	u := unlock(t, f, a.ID)
	assert.Equal(t, lock.KindUnlock, u.Kind)
	assert.Equal(t, a.ID, u.Of)
	assert.Empty(t, u.Secrets)
	assert.Equal(t, u.ID, unlock(t, f, a.ID).ID, "a repetition joins it")
	require.Equal(t, u.ID, f.Deliver(mac()).ID)
	commits := f.Store.Commits()
	f.Answer(u, lock.Acknowledged)
	assert.Equal(t, commits+1, f.Store.Commits(), "both in one commit")
	assert.Equal(t, lock.StateConfirmed, f.Get(u.ID).State)
	ended := f.Get(a.ID)
	assert.Equal(t, lock.StateReleased, ended.State)
	assert.Equal(t, lock.EvidenceUnlocked, ended.Evidence)
	assert.Empty(t, ended.Lane)
	events := eventsOf(t, f, a.ID)
	assert.Equal(t, u.ID, events[len(events)-1].Other)
	requireReplay(t, f.Store, a.ID)
	requireReplay(t, f.Store, u.ID)
	assert.Equal(t, lock.StateQueued, f.Lock(mac()).State, "the lane is free")
	f.Answer(u, lock.Acknowledged) // once more
	assert.Len(t, eventsOf(t, f, a.ID), len(events))
}

// requireNotToEnd says that Preflight finds what the order would be refused for.
func requireNotToEnd(t *testing.T, f *locktest.Fixture, r lock.Request) {
	t.Helper()
	found, err := f.Service.Preflight(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "not_to_end", found[0].Code)
	assert.Equal(t, lock.LevelBlock, found[0].Level)
	assert.Equal(t, "of", found[0].Field)
}

func TestUnlockOf(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	waiting := f.Lock(locktest.Device("mac-2"))
	reset, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		of     lock.ID
		device lock.Device
	}{
		"an action of another device": {a.ID, locktest.Device("mac-2")},
		"one that is not confirmed":   {waiting.ID, locktest.Device("mac-2")},
		"one of another kind":         {reset.ID, mac()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Service.Unlock(t.Context(), locktest.Admin(), c.of, lock.Request{Device: c.device})
			assert.Equal(t, "of", inputField(err))
			requireNotToEnd(t, f, lock.Request{Device: c.device, Kind: lock.KindUnlock, Of: c.of})
		})
	}
	found, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindUnlock, Of: a.ID})
	require.NoError(t, err)
	assert.Empty(t, found)
	_, err = f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindUnlock, Of: "nothing"})
	require.ErrorIs(t, err, lock.ErrNotFound)
	_, err = f.Service.Unlock(t.Context(), locktest.Admin(), "nothing", lock.Request{Device: mac()})
	require.ErrorIs(t, err, lock.ErrNotFound)
	f.Rights.Deny(lock.VerbUnlock)
	_, err = f.Service.Unlock(t.Context(), locktest.Admin(), a.ID, lock.Request{Device: mac()})
	require.ErrorIs(t, err, lock.ErrDenied)
}

// TestUnlockAnswersLate: the device did it, whatever was decided meanwhile.
func TestUnlockAnswersLate(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	u := unlock(t, f, a.ID)
	require.Equal(t, u.ID, f.Deliver(mac()).ID)
	cancel(t, f, u.ID)
	f.Answer(u, lock.Acknowledged)
	assert.Equal(t, lock.StateConfirmed, f.Get(u.ID).State)
	assert.Equal(t, lock.StateReleased, f.Get(a.ID).State)
}

// TestUnlockOfWhatIsOpen: there is nothing left to release.
func TestUnlockOfWhatIsOpen(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	u := unlock(t, f, a.ID)
	require.Equal(t, u.ID, f.Deliver(mac()).ID)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	f.Answer(u, lock.Acknowledged)
	assert.Equal(t, lock.StateConfirmed, f.Get(u.ID).State)
	assert.Equal(t, lock.EvidencePoll, f.Get(a.ID).Evidence)
}

// TestTwoUnlocks: of one lane, for two locks.
func TestTwoUnlocks(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	u := unlock(t, f, a.ID)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	b := f.Lock(mac())
	require.Equal(t, b.ID, f.Deliver(mac()).ID)
	f.Answer(b, lock.Acknowledged)
	_, err := f.Service.Unlock(t.Context(), locktest.Admin(), b.ID, lock.Request{Device: mac()})
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, u.ID, busy.Live.ID, "the unlock of the other one")
	_, err = f.Service.Unlock(t.Context(), locktest.Admin(), b.ID, lock.Request{Device: mac(), Key: "k"})
	require.ErrorAs(t, err, &busy)
	cancel(t, f, u.ID)
	assert.Equal(t, b.ID, unlock(t, f, b.ID).Of)
}

// TestUnlockOfWhatIsOver: it would open the next one.
func TestUnlockOfWhatIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		sent bool
		end  func(t *testing.T, f *locktest.Fixture, u lock.Action)
	}{
		"when the device comes": {false, func(t *testing.T, f *locktest.Fixture, _ lock.Action) {
			assert.Empty(t, f.Deliver(mac()).ID)
		}},
		"when the device comes again without an answer": {true, func(t *testing.T, f *locktest.Fixture, _ lock.Action) {
			assert.Empty(t, f.Deliver(mac()).ID)
		}},
		"when a second person looks": {false, func(t *testing.T, f *locktest.Fixture, u lock.Action) {
			require.Equal(t, lock.StateHeld, u.State)
			_, err := f.Service.Approve(t.Context(), locktest.Second(), u.ID, "", "")
			require.ErrorAs(t, err, new(*lock.TransitionError))
			assert.Empty(t, f.Deliver(mac()).ID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, func(cfg *lock.Config) {
				cfg.SecondPerson = func(_ lock.Actor, _ lock.Verb, about lock.Target) bool {
					return about.Action != nil && name == "when a second person looks"
				}
			})
			a := confirmed(t, f)
			u := unlock(t, f, a.ID)
			if c.sent {
				require.Equal(t, u.ID, f.Deliver(mac()).ID)
			}
			f.Clock.Advance(time.Hour)
			seen(t, f, lock.EvidencePoll)
			b := f.Lock(mac())
			_, err := f.Service.NextQueued(t.Context(), mac())
			require.NoError(t, err)
			f.Answer(b, lock.Acknowledged)
			c.end(t, f, u)
			u = f.Get(u.ID)
			assert.Equal(t, lock.StateCancelled, u.State)
			assert.Contains(t, u.Cause, "over already")
			assert.True(t, u.Due.IsZero())
			requireReplay(t, f.Store, u.ID)
			assert.Equal(t, lock.StateConfirmed, f.Get(b.ID).State)
			assert.Equal(t, b.ID, unlock(t, f, b.ID).Of, "it is in the way of no other")
		})
	}
}

// TestRunEndsAnUnlockOfWhatIsOver: though its device does not come.
func TestRunEndsAnUnlockOfWhatIsOver(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := confirmed(t, f)
		u := unlock(t, f, a.ID)
		after(2 * time.Minute)
		require.Equal(t, lock.StateQueued, f.Get(u.ID).State)
		seen(t, f, lock.EvidencePoll)
		after(3 * time.Minute)
		assert.Equal(t, lock.StateCancelled, f.Get(u.ID).State)
	})
}

// TestUnlockAnsweredAfterTheNextLock: the ledger still says locked, and people hear that it may not be so.
func TestUnlockAnsweredAfterTheNextLock(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	u := unlock(t, f, a.ID)
	require.Equal(t, u.ID, f.Deliver(mac()).ID)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	b := confirmed(t, f)
	require.Empty(t, noticesOf(t, f))
	f.Answer(u, lock.Acknowledged)
	f.Answer(u, lock.Acknowledged)
	assert.Equal(t, lock.StateConfirmed, f.Get(u.ID).State)
	assert.Equal(t, lock.StateConfirmed, f.Get(b.ID).State)
	alarms := noticesOf(t, f)
	require.Len(t, alarms, 1, "once")
	assert.Equal(t, lock.EventAlarm, alarms[0].Type)
	assert.Equal(t, mac().ID, alarms[0].Device)
	assert.Equal(t, b.ID, alarms[0].Other)
	assert.Contains(t, alarms[0].Reason, "may be open")
}

// TestKinds: each has its lane, its right and its deadline, and Plan is told.
func TestKinds(t *testing.T) {
	type ordering func(context.Context, lock.Actor, lock.Request) (lock.Action, error)
	for kind, c := range map[lock.Kind]struct {
		order    func(*lock.Service) ordering
		verb     lock.Verb
		lane     string
		deadline time.Duration
		holds    bool
	}{
		lock.KindLock:          {func(s *lock.Service) ordering { return s.Lock }, lock.VerbLock, "lock", 30 * 24 * time.Hour, true},
		lock.KindLostMode:      {func(s *lock.Service) ordering { return s.LostMode }, lock.VerbLock, "lock", 30 * 24 * time.Hour, true},
		lock.KindResetPasscode: {func(s *lock.Service) ordering { return s.ResetPasscode }, lock.VerbReset, "passcode", 10 * time.Minute, false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			f := newFixture(t)
			a, err := c.order(f.Service)(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Kind: lock.KindEscrow, Of: "another"})
			require.NoError(t, err)
			assert.Equal(t, kind, a.Kind)
			assert.Empty(t, a.Of)
			assert.Equal(t, c.lane, a.Lane)
			assert.Equal(t, f.Clock.Now().Add(c.deadline), a.NotAfter)
			assert.Equal(t, c.holds, a.Holds)
			require.Equal(t, f.PIN(a.ID), f.Deliver(mac()).PIN)
			f.Answer(a, lock.Acknowledged)
			assert.Equal(t, c.holds, f.Get(a.ID).Lane != "")
			f.Rights.Deny(c.verb)
			_, err = c.order(f.Service)(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
			require.ErrorIs(t, err, lock.ErrDenied)
		})
	}
}

// TestOtherKindsInATransaction have the same verbs.
func TestOtherKindsInATransaction(t *testing.T) {
	f := newFixture(t)
	a := confirmed(t, f)
	in := f.Service.In(f.Store)
	u, err := in.Unlock(t.Context(), locktest.Admin(), a.ID, lock.Request{Device: mac()})
	require.NoError(t, err)
	assert.Equal(t, a.ID, u.Of)
	_, err = in.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.NoError(t, err)
	_, err = in.LostMode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy, "the lane of the lock")
}
