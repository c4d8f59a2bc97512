package lock_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// running calls test in a bubble with a service that runs by the bubble's clock, and ends it.
func running(t *testing.T, test func(t *testing.T, f *locktest.Fixture), edits ...func(*lock.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, append([]func(*lock.Config){byBubble}, edits...)...)
		stop := start(t, f)
		defer stop()
		test(t, f)
	})
}

func byBubble(c *lock.Config) { c.Now = time.Now }

// start runs the service, and returns the function that ends it and waits until it has.
func start(t *testing.T, f *locktest.Fixture) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- f.Service.Run(ctx) }()
	synctest.Wait()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// after lets the bubble's time pass and everything come to rest.
func after(d time.Duration) {
	time.Sleep(d) // the bubble's clock, not the wall's
	synctest.Wait()
}

// wakeups are the times of the wake-ups since begin.
func wakeups(f *locktest.Fixture, begin time.Time) []time.Duration {
	var at []time.Duration
	for _, w := range f.Waker.Woken() {
		at = append(at, w.At.Sub(begin))
	}
	return at
}

const day = 24 * time.Hour

// requireSteps says that the times are these pauses apart, or up to a fifth and the second in which Run looks longer.
func requireSteps(t *testing.T, at []time.Duration, pauses ...time.Duration) {
	t.Helper()
	require.Len(t, at, len(pauses))
	last := time.Duration(0)
	for i, pause := range pauses {
		got := at[i] - last
		assert.GreaterOrEqual(t, got, pause, "step %d", i)
		assert.LessOrEqual(t, got, pause+pause/5+time.Second, "step %d", i)
		last = at[i]
	}
}

// TestRunSpreadsWakeUps: what was ordered together does not stay together.
func TestRunSpreadsWakeUps(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		const devices = 100
		for i := range devices {
			f.Lock(locktest.Device(fmt.Sprintf("mac-%d", i)))
		}
		after(time.Minute)
		seconds := map[time.Time]int{}
		for _, w := range f.Waker.Woken()[devices:] {
			seconds[w.At]++
		}
		assert.Greater(t, len(seconds), 4)
	})
}

func TestRunWakesAtOnceAfterAnOrder(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		begin := time.Now()
		a := f.Lock(mac())
		synctest.Wait()
		assert.Equal(t, []time.Duration{0}, wakeups(f, begin))
		assert.Equal(t, mac(), f.Waker.Woken()[0].Device)
		assert.Equal(t, "sent", f.Get(a.ID).WakeOutcome)
		assert.Equal(t, lock.StateQueued, f.Get(a.ID).State)
		requireReplay(t, f.Store, a.ID)
	})
}

func TestRunFindsWhatWasOrderedElsewhere(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		elsewhere := locktest.New(t, f.Store, byBubble)
		begin := time.Now()
		elsewhere.Lock(mac())
		after(time.Second)
		require.Len(t, f.Waker.Woken(), 1)
		assert.LessOrEqual(t, wakeups(f, begin)[0], time.Second)

		elsewhere.Lock(locktest.Device("mac-2"))
		f.Service.Kick()
		synctest.Wait()
		assert.Len(t, f.Waker.Woken(), 2, "a kick finds it at once")
	})
}

func TestRunWakesAgainLessAndLess(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		begin := time.Now()
		a := f.Lock(mac())
		after(2 * day)
		requireSteps(t, wakeups(f, begin), 0, time.Minute/2, 2*time.Minute, 8*time.Minute, 30*time.Minute, day)
		assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventWoken}, typesOf(eventsOf(t, f, a.ID)), "only a change of class is an event")
	})
}

// TestRunWakesAfterADelivery: a device that fetched its command and said nothing, or NotNow, is called again.
func TestRunWakesAfterADelivery(t *testing.T) {
	for name, c := range map[string]struct {
		answer lock.Outcome
		calls  bool
	}{"without an answer": {"", true}, "not now": {lock.NotNow, true}, "refused": {lock.Refused, false}} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				a := f.Lock(mac())
				after(time.Minute)
				f.Deliver(mac())
				if c.answer != "" {
					f.Answer(a, c.answer)
				}
				synctest.Wait()
				begin, before := time.Now(), len(f.Waker.Woken())
				after(29 * time.Second)
				assert.Len(t, f.Waker.Woken(), before)
				after(2 * time.Second)
				if c.calls {
					assert.Equal(t, 30*time.Second, wakeups(f, begin)[before])
					return
				}
				after(3 * time.Hour)
				assert.Len(t, f.Waker.Woken(), before)
			})
		})
	}
}

// TestRunProbesWhatIsLocked: a locked device stays silent, an open one answers.
func TestRunProbesWhatIsLocked(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		f.Deliver(mac())
		f.Answer(a, lock.Acknowledged)
		synctest.Wait()
		begin, before := time.Now(), len(f.Waker.Woken())
		after(2 * day)
		m := time.Minute
		assert.Equal(t, []time.Duration{
			m, 5 * m, 21 * m, 85 * m, 341 * m, 1365 * m, 1365*m + day,
		}, wakeups(f, begin)[before:])
		assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)

		seen(t, f, lock.EvidencePoll)
		before = len(f.Waker.Woken())
		after(3 * time.Hour)
		assert.Len(t, f.Waker.Woken(), before, "a released device is left alone")
	})
}

// TestRunDoesNotProbeLostMode: there, an answer says nothing.
func TestRunDoesNotProbeLostMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble)
		stop := start(t, f)
		a, err := f.Service.LostMode(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Reason: "lost"})
		require.NoError(t, err)
		synctest.Wait()
		f.Deliver(mac())
		f.Answer(a, lock.Acknowledged)
		before := len(f.Waker.Woken())
		after(2 * day)
		stop()
		defer start(t, f)()
		after(2 * day)
		assert.Len(t, f.Waker.Woken(), before)
		got, err := f.Store.Get(t.Context(), a.ID)
		require.NoError(t, err)
		assert.True(t, got.Due.IsZero())
	})
}

func TestRunEndsWhatIsTooOld(t *testing.T) {
	for name, c := range map[string]struct {
		deliver bool
		want    lock.State
		waker   bool
	}{
		"queued":                         {false, lock.StateExpired, true},
		"issued":                         {true, lock.StateUnconfirmed, true},
		"queued, and nothing to wake by": {false, lock.StateExpired, false},
		"issued, and nothing to wake by": {true, lock.StateUnconfirmed, false},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				begin := time.Now()
				a := f.Lock(mac(), func(r *lock.Request) { r.NotAfter = begin.Add(time.Hour) })
				if c.deliver {
					f.Deliver(mac())
				}
				after(time.Hour - time.Second)
				require.NotEqual(t, c.want, f.Get(a.ID).State)
				after(2 * time.Second)
				got := f.Get(a.ID)
				assert.Equal(t, c.want, got.State)
				assert.Empty(t, got.Lane)
				before := len(f.Waker.Woken())
				after(3 * time.Hour)
				assert.Len(t, f.Waker.Woken(), before)
				requireReplay(t, f.Store, a.ID)
			}, func(cfg *lock.Config) {
				if !c.waker {
					cfg.Platforms[0].Waker = nil
				}
			})
		})
	}
}

func TestRunRecordsTheClassOfAWakeUpWhenItChanges(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		after(20 * time.Second)
		for _, c := range []struct {
			err   error
			lasts time.Duration
		}{
			{locktest.WakeError("unregistered"), 4 * time.Minute}, // two wake-ups
			{errors.New("no network"), 11 * time.Minute},
			{nil, 40 * time.Minute},
		} {
			f.Waker.Fail(c.err)
			after(c.lasts)
		}
		var classes []string
		for _, e := range eventsOf(t, f, a.ID)[1:] {
			classes = append(classes, e.Facts["outcome"])
		}
		assert.Equal(t, []string{"sent", "unregistered", "failed", "sent"}, classes)
		assert.Equal(t, lock.StateQueued, f.Get(a.ID).State, "a wake-up that fails never changes the state")
		requireReplay(t, f.Store, a.ID)
	})
}

func TestRunOfTwoServices(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		other := locktest.New(t, f.Store, byBubble)
		defer start(t, other)()
		a := f.Lock(mac(), func(r *lock.Request) { r.NotAfter = time.Now().Add(time.Hour) })
		after(2 * time.Hour)
		assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventWoken, lock.EventExpired}, typesOf(eventsOf(t, f, a.ID)))
		requireReplay(t, f.Store, a.ID)
	})
}

func TestRunOutlivesAStoreThatFails(t *testing.T) {
	var log lines
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		synctest.Wait()
		f.Store.FailBefore(locktest.Forever)
		after(5 * time.Minute)
		assert.Equal(t, 1, strings.Count(log.String(), "could not be read or claimed"), "not once a second")
		assert.Len(t, f.Waker.Woken(), 1, "what cannot be claimed is not woken for")
		assert.Equal(t, lock.StateQueued, f.Get(a.ID).State)
		f.Store.FailBefore(0)
		after(time.Second)
		assert.Len(t, f.Waker.Woken(), 2)
	}, func(c *lock.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
}

func TestRunAttendsToMoreThanAPage(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		const many = 250
		elsewhere := locktest.New(t, f.Store, byBubble)
		for i := range many {
			elsewhere.Lock(locktest.Device(fmt.Sprintf("mac-%d", i)))
		}
		after(time.Second)
		assert.Len(t, f.Waker.Woken(), many)
	})
}
