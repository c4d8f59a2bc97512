package lock_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestPoll: on the schedule of wake-ups, until the result is known.
func TestPoll(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		begin := time.Now()
		a := f.Lock(mac())
		after(15 * time.Minute)
		requireSteps(t, times(s.Polled(), begin), time.Minute/2, 2*time.Minute, 8*time.Minute)
		s.FailPoll(locktest.WakeError("unavailable"))
		after(35 * time.Minute)
		require.Len(t, s.Polled(), 4)
		assert.Equal(t, "unavailable", f.Get(a.ID).WakeOutcome)
		assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
		s.FailPoll(nil)
		s.Settle(f.Get(a.ID).Ref, lock.Report{Outcome: lock.Acknowledged, Facts: map[string]string{"code": "OK"}})
		after(30 * time.Hour)
		got := f.Get(a.ID)
		assert.Equal(t, lock.StateConfirmed, got.State)
		assert.Equal(t, "OK", got.Facts["code"])
		assert.Len(t, s.Polled(), 5, "nobody asks about what is known")
		assert.Len(t, s.Sent(), 1)
		requireReplay(t, f.Store, a.ID)
	})
}

// TestPollSaysNothingNew: one event for what is said again and again.
func TestPollSaysNothingNew(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		a := f.Lock(mac())
		synctest.Wait()
		s.Settle(f.Get(a.ID).Ref, lock.Report{Outcome: lock.Progress, Facts: map[string]string{"state": "PENDING"}})
		after(45 * time.Minute)
		require.Greater(t, len(s.Polled()), 2)
		assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventIssued, lock.EventProgress, lock.EventProgress}, typesOf(eventsOf(t, f, a.ID)))
	})
}

// TestPollSaysNotNow: what the provider gave up is sent again, and no delivery is counted as lost.
func TestPollSaysNotNow(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		a := f.Lock(mac())
		synctest.Wait()
		s.Settle("operations/1", lock.Report{Outcome: lock.NotNow})
		after(2 * time.Minute)
		require.Len(t, s.Sent(), 2)
		got := f.Get(a.ID)
		assert.Equal(t, "operations/2", got.Ref)
		assert.Equal(t, 1, got.Deferrals)
		assert.Equal(t, lock.StateIssued, got.State)
		requireReplay(t, f.Store, a.ID)
	})
}

// TestSendAgainAfterNotNow: what it was called before is not its name any more, so an answer that got lost leaves it without one.
func TestSendAgainAfterNotNow(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		s.Script("mac-1", nil, locktest.ErrLost, nil)
		a := f.Lock(mac())
		synctest.Wait()
		require.NoError(t, f.Service.Report(t.Context(), lock.Report{Scope: "acme", Device: "mac-1", Ref: "operations/1", Outcome: lock.NotNow}))
		after(5 * time.Minute)
		require.Len(t, s.Sent(), 3)
		got := f.Get(a.ID)
		assert.Equal(t, "operations/3", got.Ref)
		assert.Equal(t, lock.StateIssued, got.State)
		requireReplay(t, f.Store, a.ID)
	})
}

// TestPollOnceMoreAtTheDeadline: the device may have done it just in time, and nobody would ever ask again.
func TestPollOnceMoreAtTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		report lock.Report
		err    error
		want   lock.State
	}{
		"it had":                     {lock.Report{Outcome: lock.Acknowledged}, nil, lock.StateConfirmed},
		"it had not":                 {lock.Report{}, nil, lock.StateUnconfirmed},
		"the provider knows no more": {lock.Report{}, locktest.WakeFailure{Class: "not_found", Answered: true}, lock.StateUnconfirmed},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				a, err := f.Service.ResetPasscode(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
				require.NoError(t, err)
				after(9 * time.Minute)
				polls := len(s.Polled())
				s.Settle("operations/1", c.report)
				s.FailPoll(c.err)
				after(time.Hour)
				assert.Equal(t, c.want, f.Get(a.ID).State)
				assert.Len(t, s.Polled(), polls+1, "once")
				assert.Len(t, s.Sent(), 1)
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

// TestEarlyNotification: the provider is faster than the ledger. Its news must come again, and not be taken for somebody else's.
func TestEarlyNotification(t *testing.T) {
	var f *locktest.Fixture
	var early error
	f = newFixture(t, through(talkative(func(_ lock.Action, ref string) {
		early = f.Service.Report(t.Context(), lock.Report{Scope: "acme", Device: "mac-1", Ref: ref, Outcome: lock.Acknowledged})
	})))
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	require.Error(t, early)
	require.NotErrorIs(t, early, lock.ErrNotOurs)
	assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	again := lock.Report{Scope: "acme", Device: "mac-1", Ref: "operations/of-" + string(a.ID), Outcome: lock.Acknowledged}
	require.NoError(t, f.Service.Report(t.Context(), again))
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)

	again.Ref = "operations/of-somebody-else"
	require.ErrorIs(t, f.Service.Report(t.Context(), again), lock.ErrNotOurs)
	again.Ref, again.Device = f.Get(a.ID).Ref, "mac-2"
	require.ErrorIs(t, f.Service.Report(t.Context(), again), lock.ErrWrongDevice)
	assert.Equal(t, a.ID, noticesOf(t, f)[0].Other)
	requireReplay(t, f.Store, a.ID)
}

// talkative is a provider that does something before Send returns.
type talkative func(a lock.Action, ref string)

func (s talkative) Send(_ context.Context, o lock.Order, _ []byte) (string, error) {
	ref := "operations/of-" + string(o.Action.ID)
	s(o.Action, ref)
	return ref, nil
}

// TestCancelledWhileItIsSent: the name is learnt all the same, so a late answer counts.
func TestCancelledWhileItIsSent(t *testing.T) {
	var f *locktest.Fixture
	f = newFixture(t, through(talkative(func(a lock.Action, _ string) { cancel(t, f, a.ID) })))
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	got := f.Get(a.ID)
	assert.Equal(t, lock.StateCancelled, got.State)
	require.NotEmpty(t, got.Ref)
	require.NoError(t, f.Service.Report(t.Context(), lock.Report{Scope: "acme", Device: "mac-1", Ref: got.Ref, Outcome: lock.Acknowledged}))
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State, "the device wins")
	requireReplay(t, f.Store, a.ID)
}

func TestWithdraw(t *testing.T) {
	var log lines
	logged := func(c *lock.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	for name, c := range map[string]struct {
		err  error
		sent bool
	}{
		"taken back":      {nil, true},
		"too late for it": {locktest.WakeFailure{Class: "executed", Answered: true}, true},
		"never left":      {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			log.drain()
			s := &locktest.Sender{}
			f := newFixture(t, through(s), logged)
			a := f.Lock(mac())
			if c.sent {
				f.Service.NewTicker().Tick(t.Context())
			}
			s.Fail(c.err)
			cancel(t, f, a.ID)
			assert.Equal(t, lock.StateCancelled, f.Get(a.ID).State)
			assert.Equal(t, c.sent, len(s.Withdrawn()) == 1)
			assert.Equal(t, c.err != nil, len(log.drain()) > 0)
			cancel(t, f, a.ID)
			f.Service.NewTicker().Tick(t.Context())
			assert.LessOrEqual(t, len(s.Withdrawn()), 1, "once")
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestWithdrawInTransaction: only what the caller committed is withdrawn, so Run does it.
func TestWithdrawInTransaction(t *testing.T) {
	s := &locktest.Sender{}
	f := locktest.New(t, store.NewMemory(), through(s))
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	_, err := f.Service.In(f.Store).Cancel(t.Context(), locktest.Admin(), a.ID, "")
	require.NoError(t, err)
	assert.Empty(t, s.Withdrawn())
	for range 2 {
		f.Service.NewTicker().Tick(t.Context())
		assert.Equal(t, []string{"operations/1"}, s.Withdrawn(), "once")
	}
	assert.Zero(t, f.Get(a.ID).Due)
}

// TestClearBesideWhatIsUnderWay: a reset that somebody else's queue may still deliver is not over because the passcode was removed.
func TestClearBesideWhatIsUnderWay(t *testing.T) {
	s := &locktest.Sender{}
	f := newFixture(t, through(s))
	tick := func() { f.Service.NewTicker().Tick(t.Context()) }
	underWay := reset(t, f)
	tick()
	cancel(t, f, underWay.ID)
	cleared := clearPasscode(t, f)
	tick()
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, lock.StateCancelled, f.Get(underWay.ID).State)

	f.Clock.Advance(time.Hour) // by now its provider has dropped it
	cleared = clearPasscode(t, f)
	tick()
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, lock.StateReleased, f.Get(underWay.ID).State)
}
