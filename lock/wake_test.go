package lock_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestWakeUpThatFailsLeavesTheOrderIntact: whatever the provider says of a device, the order waits, shows why, and is tried again as if
// nothing had been said.
func TestWakeUpThatFailsLeavesTheOrderIntact(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"the token is dead":             {locktest.WakeError("unregistered"), "unregistered"},
		"the token is bad":              {locktest.WakeError("bad-token"), "bad-token"},
		"the topic is not the token's":  {locktest.WakeError("bad-topic"), "bad-topic"},
		"too many for this token":       {locktest.WakeFailure{Class: "too-many-requests"}, "too-many-requests"},
		"the provider is out for now":   {locktest.WakeFailure{Class: "unavailable"}, "unavailable"},
		"the payload is too large":      {locktest.WakeError("payload-too-large"), "payload-too-large"},
		"an error that wraps the class": {fmt.Errorf("push: %w", locktest.WakeError("unregistered")), "unregistered"},
		"an error without a class":      {errors.New("no route to host"), "failed"},
		"a class without a name":        {locktest.WakeError(" \n"), "failed"},
		"a class that is too long":      {locktest.WakeError(strings.Repeat("x\t", 100)), strings.Repeat("x ", 31) + "x"},
		"a wake-up that hangs":          {locktest.ErrHang, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				begin := time.Now()
				f.Waker.Fail(c.err)
				a := f.Lock(mac())
				after(2 * day)
				requireSteps(t, wakeups(f, begin), 0, time.Minute/2, 2*time.Minute, 8*time.Minute, 30*time.Minute, day)
				got := f.Get(a.ID)
				assert.Equal(t, lock.StateQueued, got.State)
				assert.Equal(t, c.want, strings.TrimSpace(got.WakeOutcome))
				assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventWoken}, typesOf(eventsOf(t, f, a.ID)), "once, not each time")
				assert.Empty(t, noticesOf(t, f), "what concerns one device raises no alarm")

				command := f.Deliver(mac())
				assert.Equal(t, a.ID, command.ID, "a device that comes by itself gets its lock")
				f.Answer(a, lock.Acknowledged)
				assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
				assert.Equal(t, command.PIN, f.PIN(a.ID))
				requireReplay(t, f.Store, a.ID)
			})
		})
	}
}

func TestWakeUpIsNotRepeatedBeforeTheProviderWantsIt(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		first time.Duration // the pause after the first wake-up
	}{
		"later than the pause":   {time.Hour, time.Hour},
		"earlier than the pause": {time.Second, 30 * time.Second},
		"in the past":            {-time.Hour, 30 * time.Second},
		"for a year":             {365 * day, day},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				begin := time.Now()
				f.Waker.Script(mac().ID, locktest.WakeFailure{Class: "too-many-requests", After: c.after}, nil)
				a := f.Lock(mac())
				after(c.first + c.first/5 + 2*time.Second)
				at := wakeups(f, begin)
				require.GreaterOrEqual(t, len(at), 2)
				requireSteps(t, at[:2], 0, c.first)
				assert.Equal(t, "sent", f.Get(a.ID).WakeOutcome)
			})
		})
	}
}

// TestWakeUpIsPutOffAgainThoughItsClassIsTheSame: then nothing is recorded, and only the time moves.
func TestWakeUpIsPutOffAgainThoughItsClassIsTheSame(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		begin := time.Now()
		f.Waker.Fail(locktest.WakeFailure{Class: "too-many-requests", After: time.Hour})
		a := f.Lock(mac())
		after(3*time.Hour + 40*time.Minute)
		requireSteps(t, wakeups(f, begin), 0, time.Hour, time.Hour, time.Hour)
		assert.Len(t, eventsOf(t, f, a.ID), 2)
	})
}

// TestWakeUpIsNotPutOffPastTheDeadline: the action ends when it says.
func TestWakeUpIsNotPutOffPastTheDeadline(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		f.Waker.Fail(locktest.WakeFailure{Class: "too-many-requests", After: day})
		a := f.Lock(mac(), func(r *lock.Request) { r.NotAfter = time.Now().Add(time.Hour) })
		after(time.Hour + 2*time.Second)
		assert.Equal(t, lock.StateExpired, f.Get(a.ID).State)
	})
}

// TestWakeUpThatComesToAnEndLate: what happened meanwhile stands.
func TestWakeUpThatComesToAnEndLate(t *testing.T) {
	var waker slow
	waker.Fail(locktest.WakeFailure{Class: "too-many-requests", After: time.Hour})
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		synctest.Wait()
		f.Deliver(mac())
		f.Answer(a, lock.Acknowledged)
		seen := f.Get(a.ID)
		after(6 * time.Second)
		got, err := f.Store.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.Equal(t, lock.StateConfirmed, got.State)
		assert.Equal(t, seen.Confirmed.Add(time.Minute), got.Due, "the probe stays where it is")
		requireReplay(t, f.Store, a.ID)
	}, func(c *lock.Config) { c.Platforms[0].Waker = &waker })
}

// BenchmarkRunTick is what Run costs for 10,000 due actions on the memory store with a waker that costs nothing: the first wake-up,
// which is recorded, and one that says nothing new.
func BenchmarkRunTick(b *testing.B) {
	const devices = 10_000
	for name, outcome := range map[string]string{"first": "", "again": "sent"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				w := &countdown{done: make(chan struct{})}
				w.left.Store(devices)
				svc := dueNow(b, devices, outcome, w)
				b.StartTimer()
				runUntil(b, svc, w.done)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/devices, "ns/action")
		})
	}
}

// dueNow is a service on a store with so many actions that are due.
func dueNow(b *testing.B, n int, outcome string, w lock.Waker) *lock.Service {
	st := store.NewMemory()
	changes := make([]lock.Change, n)
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range changes {
		a := lock.Action{Kind: lock.KindLock, State: lock.StateQueued, Device: locktest.Device(fmt.Sprintf("mac-%d", i)), Holds: true, NotAfter: now.Add(day), WakeOutcome: outcome}
		e := lock.Event{ID: lock.NewID(now), Action: lock.NewID(now), Seq: 1, Type: lock.EventOrdered, Time: now, Scope: "acme", Device: a.Device.ID, Actor: locktest.Admin(), Order: &a}
		require.NoError(b, e.Seal(nil))
		made, err := lock.Action{}.Apply(e)
		require.NoError(b, err)
		made.Due = now
		changes[i] = lock.Change{Actions: []lock.Action{made}, Events: []lock.Event{e}}
	}
	_, err := st.Commit(b.Context(), changes)
	require.NoError(b, err)
	svc, err := lock.New(lock.Config{
		Store: st, Sealer: locktest.Keyring("test"), Platforms: []lock.Platform{{Name: locktest.Platform, Codec: &locktest.Codec{}, Waker: w}},
	})
	require.NoError(b, err)
	return svc
}

// countdown is a waker that costs nothing and says when all were woken.
type countdown struct {
	left atomic.Int64
	done chan struct{}
}

// Wake is lock.Waker's.
func (w *countdown) Wake(context.Context, lock.Device) error {
	if w.left.Add(-1) == 0 {
		close(w.done)
	}
	return nil
}

// runUntil runs the service until done.
func runUntil(b *testing.B, svc *lock.Service, done <-chan struct{}) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- svc.Run(ctx) }()
	<-done
	cancel()
	require.NoError(b, <-ended)
}
