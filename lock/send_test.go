package lock_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// sending is running with a provider that takes the commands.
func sending(t *testing.T, test func(t *testing.T, f *locktest.Fixture, s *locktest.Sender), edits ...func(*lock.Config)) {
	t.Helper()
	s := &locktest.Sender{}
	edits = append([]func(*lock.Config){through(s)}, edits...)
	running(t, func(t *testing.T, f *locktest.Fixture) { test(t, f, s) }, edits...)
}

// times are when the calls were made, since begin.
func times(calls []locktest.Sent, begin time.Time) []time.Duration {
	var at []time.Duration
	for _, call := range calls {
		at = append(at, call.At.Sub(begin))
	}
	return at
}

func TestSend(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		a := f.Lock(mac())
		synctest.Wait()
		require.Len(t, s.Sent(), 1, "at once")
		sent := s.Sent()[0]
		assert.Equal(t, a.ID, sent.Command.ID)
		assert.Equal(t, 1, sent.Delivery)
		got := f.Get(a.ID)
		assert.Equal(t, lock.StateIssued, got.State)
		assert.Equal(t, sent.Ref, got.Ref)
		assert.Equal(t, sent.Command.PIN, f.PIN(a.ID))
		events := eventsOf(t, f, a.ID)
		assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventIssued, lock.EventProgress, lock.EventRevealed}, typesOf(events))
		assert.Equal(t, "system", events[1].Actor.ID)
		assert.Equal(t, sent.Ref, events[2].Ref)
		found, err := f.Store.List(t.Context(), lock.Filter{Scope: "acme", Ref: sent.Ref})
		require.NoError(t, err)
		assert.Len(t, found, 1)

		next, err := f.Service.Next(t.Context(), mac())
		require.NoError(t, err)
		assert.Empty(t, next.ID, "a device of this platform fetches nothing")
		require.NoError(t, f.Service.Report(t.Context(), lock.Report{Scope: "acme", Device: "mac-1", Ref: sent.Ref, Outcome: lock.Acknowledged}))
		assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
		requireReplay(t, f.Store, a.ID)
		after(day)
		assert.Len(t, s.Sent(), 1)
		assert.Empty(t, s.Polled(), "nobody asks about what is known")
	})
}

// TestNextLeavesItToSender: also before it was sent.
func TestNextLeavesItToSender(t *testing.T) {
	f := newFixture(t, through(&locktest.Sender{}))
	f.Lock(mac())
	assert.Empty(t, f.Deliver(mac()).ID)
	queued, err := f.Service.NextQueued(t.Context(), mac())
	require.NoError(t, err)
	assert.Empty(t, queued.ID)
}

// TestSendThatGoesWrong: what may have been taken counts, and is sent again with the same ID and PIN; what was not taken does not.
func TestSendThatGoesWrong(t *testing.T) {
	busy := locktest.WakeFailure{Class: "busy"}
	steps := []time.Duration{0, time.Minute / 2, 2 * time.Minute, 8 * time.Minute, 30 * time.Minute}
	for name, c := range map[string]struct {
		err   error
		class string
		sends int // within an hour and a half
		state lock.State
	}{
		"an error that says nothing": {errors.New("connection reset"), "failed", 3, lock.StateUnconfirmed},
		"a lost answer":              {locktest.ErrLost, "failed", 3, lock.StateUnconfirmed},
		"a provider that hangs":      {locktest.ErrHang, "timeout", 3, lock.StateUnconfirmed},
		"one that did not take it":   {locktest.SendError{WakeFailure: busy, Untaken: true}, "busy", 5, lock.StateIssued},
		"one that refused it":        {locktest.SendError{WakeFailure: busy, Refused: map[string]string{"code": "INVALID_VALUE"}}, "", 1, lock.StateRefused},
		"one that took it":           {nil, "", 1, lock.StateIssued},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
				begin := time.Now()
				s.Fail(c.err)
				a := f.Lock(mac())
				after(90 * time.Minute)
				requireSteps(t, times(s.Sent(), begin), steps[:c.sends]...)
				got := f.Get(a.ID)
				assert.Equal(t, c.state, got.State)
				assert.Equal(t, c.class, got.WakeOutcome)
				assert.Equal(t, c.sends, got.Deliveries)
				if c.state == lock.StateRefused {
					assert.Equal(t, "INVALID_VALUE", got.Facts["code"])
				}
				for i, sent := range s.Sent() {
					assert.Equal(t, s.Sent()[0].Command, sent.Command, "the same ID, and the same PIN")
					assert.Equal(t, i+1, sent.Delivery)
				}
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

// TestSendAgainUntilItIsTaken: the action waits, however often the provider had no room for it.
func TestSendAgainUntilItIsTaken(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		s.Fail(locktest.SendError{WakeFailure: locktest.WakeFailure{Class: "quota"}, Untaken: true})
		a := f.Lock(mac())
		after(3 * day)
		tries := len(s.Sent())
		require.Greater(t, tries, 5)
		assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
		s.Fail(nil)
		after(30 * time.Hour)
		got := f.Get(a.ID)
		assert.Equal(t, lock.StateIssued, got.State)
		assert.NotEmpty(t, got.Ref)
		assert.Len(t, s.Sent(), tries+1, "and no more")
		assert.Equal(t, "sent", got.WakeOutcome)
		requireReplay(t, f.Store, a.ID)
	})
}

// TestSendLearnsTheName: an empty one is the action's ID, and one that cannot be kept is no name.
func TestSendLearnsTheName(t *testing.T) {
	for name, c := range map[string]struct {
		ref  string
		want func(lock.Action) string
	}{
		"empty":    {"", func(a lock.Action) string { return string(a.ID) }},
		"its own":  {"operations/7", func(lock.Action) string { return "operations/7" }},
		"too long": {strings.Repeat("x", 513), func(lock.Action) string { return "" }},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				a := f.Lock(mac())
				synctest.Wait()
				assert.Equal(t, c.want(a), f.Get(a.ID).Ref)
			}, through(calls(c.ref)))
		})
	}
}

// calls is a provider that calls every command the same, and can do nothing else.
type calls string

func (n calls) Send(context.Context, lock.Order, []byte) (string, error) { return string(n), nil }

// TestProviderThatFailsForAll: one alarm, and one trial at a time, as for wake-ups.
func TestProviderThatFailsForAll(t *testing.T) {
	sending(t, func(t *testing.T, f *locktest.Fixture, s *locktest.Sender) {
		s.Fail(locktest.SendError{WakeFailure: locktest.WakeFailure{Class: "credentials", Provider: true}, Untaken: true})
		first := f.Lock(mac())
		synctest.Wait()
		for _, id := range []string{"mac-2", "mac-3", "mac-4"} {
			f.Lock(locktest.Device(id))
		}
		after(20 * time.Second)
		assert.Len(t, s.Sent(), 1, "the others wait")
		notices := noticesOf(t, f)
		require.Len(t, notices, 1)
		assert.Contains(t, notices[0].Reason, "nothing can be sent to devices of platform test (credentials)")
		assert.Equal(t, "credentials", f.Get(first.ID).WakeOutcome)

		after(40 * day / 24)
		assert.Equal(t, lock.StateIssued, f.Get(first.ID).State, "what was not taken does not lapse")
		s.Fail(nil)
		after(20 * time.Minute)
		for _, a := range listed(t, f) {
			assert.NotEmpty(t, a.Ref, a.Device.ID)
			requireReplay(t, f.Store, a.ID)
		}
	})
}

func listed(t *testing.T, f *locktest.Fixture) []lock.Action {
	t.Helper()
	all, err := f.Store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	return all
}

// TestReplicasSendOnce: of two processes on one ledger, the one that claimed the delivery sends.
func TestReplicasSendOnce(t *testing.T) {
	const devices = 40
	s := &locktest.Sender{}
	f := newFixture(t, through(s))
	services := []*locktest.Fixture{f, locktest.New(t, f.Store, through(s))}
	for i := range devices {
		services[i%2].Lock(locktest.Device("mac-" + strings.Repeat("i", i+1)))
	}
	for range 3 { // in the end there is nothing left to do
		var both sync.WaitGroup
		for _, one := range services {
			both.Go(func() { one.Service.NewTicker().Tick(t.Context()) })
		}
		both.Wait()
	}
	sent := map[lock.ID]int{}
	for _, one := range s.Sent() {
		sent[one.Action]++
	}
	assert.Len(t, sent, devices)
	for id, n := range sent {
		assert.Equal(t, 1, n, "action %s", id)
	}
}
