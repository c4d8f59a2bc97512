package lock_test

import (
	"context"
	"fmt"
	"log/slog"
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

// orderMany orders locks on a service that does not run, so that those that do find them by their Due.
func orderMany(t *testing.T, f *locktest.Fixture, n int, platform string, edits ...func(*lock.Request)) {
	t.Helper()
	elsewhere := locktest.New(t, f.Store, byBubble, withPlatform(platform, nil))
	for i := range n {
		d := locktest.Device(fmt.Sprintf("%s-%d", platform, i))
		d.Platform = platform
		elsewhere.Lock(d, edits...)
	}
	after(time.Millisecond) // what is ordered next is due later
}

// withPlatform adds a platform, unless it is the one that each fixture has.
func withPlatform(name string, w lock.Waker) func(*lock.Config) {
	return func(c *lock.Config) {
		if name != locktest.Platform {
			c.Platforms = append(c.Platforms, lock.Platform{Name: name, Codec: &locktest.Codec{}, Waker: w})
		}
	}
}

// wokenOf is when a device was woken first; negative: never.
func wokenOf(w *locktest.Waker, device string, begin time.Time) time.Duration {
	for _, call := range w.Woken() {
		if call.Device.ID == device {
			return call.At.Sub(begin)
		}
	}
	return -1
}

func TestRunOneHangingWakeUpDelaysNoOther(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		const many = 530 // more than two pages
		f.Waker.Script(locktest.Platform+"-0", locktest.ErrHang)
		orderMany(t, f, many, locktest.Platform)
		f.Service.Kick()
		after(2 * time.Second)
		assert.Len(t, f.Waker.Woken(), many, "while the first one hangs")
		after(9 * time.Second)
		hung, err := f.Store.List(t.Context(), lock.Filter{Devices: []string{locktest.Platform + "-0"}})
		require.NoError(t, err)
		assert.Equal(t, "timeout", hung[0].WakeOutcome)
		assert.Equal(t, lock.StateQueued, hung[0].State)
	})
}

func TestRunAnUrgentLockDoesNotWaitBehindABulk(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(*lock.Request)
		want time.Duration
	}{
		"a lock":              {func(*lock.Request) {}, 0},
		"one more of a batch": {func(r *lock.Request) { r.Batch = "b" }, -1},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				orderMany(t, f, 1000, locktest.Platform)
				f.Waker.Fail(locktest.ErrHang) // the worst case of a slow one
				f.Service.Kick()
				after(3 * time.Second)
				assert.Equal(t, 48, f.Waker.MostHanging())
				begin := time.Now()
				f.Lock(mac(), c.edit)
				synctest.Wait()
				assert.Equal(t, c.want, wokenOf(f.Waker, mac().ID, begin))
			})
		})
	}
}

func TestRunAPlatformThatHangsStarvesNoOther(t *testing.T) {
	var slow locktest.Waker
	slow.Fail(locktest.ErrHang)
	running(t, func(t *testing.T, f *locktest.Fixture) {
		orderMany(t, f, 1000, "slow")
		orderMany(t, f, 300, locktest.Platform)
		after(2 * time.Second)
		assert.Len(t, f.Waker.Woken(), 300)
		assert.Equal(t, 48, slow.MostHanging())
		after(10 * time.Minute)
		f.Waker.Fail(locktest.ErrHang)
		slow.Fail(nil)
		after(30 * time.Minute)
		devices := map[string]bool{}
		for _, w := range slow.Woken() {
			devices[w.Device.ID] = true
		}
		assert.Len(t, devices, 1000, "and no device of the slow one is forgotten")
	}, withPlatform("slow", &slow))
}

// TestRunLeavesAPlatformToThoseWhoHaveIt: what this process cannot wake is neither in the way of what it can, nor lost to others.
func TestRunLeavesAPlatformToThoseWhoHaveIt(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		deadline := time.Now().Add(10 * time.Minute)
		orderMany(t, f, 600, "other", func(r *lock.Request) { r.NotAfter = deadline })
		orderMany(t, f, 10, locktest.Platform)
		after(5 * time.Minute)
		assert.Less(t, wokenOf(f.Waker, locktest.Platform+"-9", time.Now()), -4*time.Minute)
		var waker locktest.Waker
		stop := start(t, locktest.New(t, f.Store, byBubble, withPlatform("other", &waker)))
		after(45 * time.Second)
		devices := map[string]bool{}
		for _, w := range waker.Woken() {
			devices[w.Device.ID] = true
		}
		assert.Len(t, devices, 600)
		stop()
		after(5 * time.Minute)
		live, err := f.Store.List(t.Context(), lock.Filter{Live: true})
		require.NoError(t, err)
		assert.Len(t, live, 10, "a deadline passes all the same")
	})
}

// TestRunSkipsWhatAnotherProcessClaimed: the wake-up is sent by whoever claimed it last.
func TestRunSkipsWhatAnotherProcessClaimed(t *testing.T) {
	var waker slow
	running(t, func(t *testing.T, f *locktest.Fixture) {
		orderMany(t, f, 100, locktest.Platform)
		f.Service.Kick()
		synctest.Wait() // 48 are under way, the others are claimed and wait for their turn
		woken := map[string]bool{}
		for _, w := range waker.Woken() {
			woken[w.Device.ID] = true
		}
		waiting, err := f.Store.List(t.Context(), lock.Filter{Limit: 100})
		require.NoError(t, err)
		for _, a := range waiting {
			if !woken[a.Device.ID] {
				a.Due = a.Due.Add(time.Hour) // as another process does that claims them after this one
				_, err := f.Store.Commit(t.Context(), []lock.Change{{Actions: []lock.Action{a}}})
				require.NoError(t, err)
			}
		}
		after(20 * time.Second)
		assert.Len(t, waker.Woken(), 48)
		after(2 * time.Hour)
		for _, w := range waker.Woken() {
			woken[w.Device.ID] = true
		}
		assert.Len(t, woken, 100, "when that one did not")
	}, func(c *lock.Config) { c.Platforms[0].Waker = &waker })
}

// slow takes five seconds for each wake-up.
type slow struct{ locktest.Waker }

func (w *slow) Wake(ctx context.Context, d lock.Device) error {
	defer time.Sleep(5 * time.Second) // the bubble's clock
	return w.Waker.Wake(ctx, d)
}

func TestRunStopsCleanlyWhileWakeUpsHang(t *testing.T) {
	var log lines
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble, func(c *lock.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		stop := start(t, f)
		f.Waker.Fail(locktest.ErrHang)
		orderMany(t, f, 100, locktest.Platform)
		f.Service.Kick()
		synctest.Wait()
		for i := range 30 {
			f.Lock(locktest.Device(fmt.Sprintf("urgent-%d", i)))
		}
		synctest.Wait()
		require.Equal(t, 64, f.Waker.MostHanging(), "no more than that at the same time")
		begin := time.Now()
		stop()
		assert.Zero(t, time.Since(begin))
		assert.Empty(t, log.String())
		for _, e := range feedOf(t, f) {
			assert.Equal(t, lock.EventOrdered, e.Type, "a wake-up that was broken off says nothing of the device")
		}
		f.Waker.Fail(nil)
		defer start(t, f)()
		after(time.Minute)
		for i := range 100 {
			assert.Positive(t, wokenOf(f.Waker, fmt.Sprintf("%s-%d", locktest.Platform, i), begin.Add(-time.Second)))
		}
	})
}

// feedOf reads all events.
func feedOf(t *testing.T, f *locktest.Fixture) []lock.Event {
	t.Helper()
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Limit: 1000})
	require.NoError(t, err)
	return events
}

// TestRunConvergesAfterAClockThatWasWrong: an order that was made in the year after is woken for today.
func TestRunConvergesAfterAClockThatWasWrong(t *testing.T) {
	var ahead atomic.Int64
	now := func(c *lock.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	}
	for name, restart := range map[string]bool{"while it runs": false, "and was put right before it starts": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ahead.Store(int64(365 * day))
				f := newFixture(t, now)
				stop := start(t, f)
				f.Lock(mac())
				after(10 * time.Second)
				require.Len(t, f.Waker.Woken(), 1)
				if restart {
					stop()
				}
				ahead.Store(0)
				if restart {
					stop = start(t, f)
				}
				defer stop()
				after(3 * time.Second)
				assert.Len(t, f.Waker.Woken(), 2)
				after(150 * time.Second)
				assert.Len(t, f.Waker.Woken(), 3, "and from there on as always")
			})
		})
	}
}

// dozing answers the first Get a little later than Run looks for what is due.
type dozing struct {
	lock.Store
	asked atomic.Bool
}

func (s *dozing) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	if !s.asked.Swap(true) {
		time.Sleep(2500 * time.Millisecond) // the bubble's clock
	}
	return s.Store.Get(ctx, id)
}

// TestRunDoesNotTakeAnOrderFromItself: one that is attended to is still due, and is not claimed.
func TestRunDoesNotTakeAnOrderFromItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := locktest.New(t, &dozing{Store: store.NewMemory()}, byBubble)
		defer start(t, f)()
		begin := time.Now()
		_, err := order(t, f)
		require.NoError(t, err)
		after(5 * time.Second)
		assert.Equal(t, []time.Duration{2500 * time.Millisecond}, wakeups(f, begin))
	})
}

// TestRunJudgesInTheEnd: an order that was made in the year after, and not judged, is judged today, whether or not there is a Waker.
func TestRunJudgesInTheEnd(t *testing.T) {
	for name, waker := range map[string]bool{"with a waker": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ahead := 40 * day
				edit := func(c *lock.Config) {
					c.Now = func() time.Time { return time.Now().Add(ahead) }
					c.Limits = []lock.Limit{{Verb: lock.VerbLock, Count: 1, Window: time.Hour}}
					if !waker {
						c.Platforms[0].Waker = nil
					}
				}
				dying := locktest.New(t, store.NewMemory(), edit)
				dying.Store.DieAfter(1, false)
				_, err := order(t, dying)
				require.ErrorIs(t, err, locktest.ErrFault)
				ahead = 0
				f := locktest.New(t, dying.Store.Store, edit)
				defer start(t, f)()
				after(2 * time.Second)
				actions, err := f.Store.List(t.Context(), lock.Filter{})
				require.NoError(t, err)
				require.Len(t, actions, 1)
				assert.Equal(t, lock.StateQueued, actions[0].State)
			})
		})
	}
}

// TestRunEndsWhatIsHeldInTime: also when it waits longer than it may by now.
func TestRunEndsWhatIsHeldInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble, locktest.TwoPersons(lock.VerbLock), func(c *lock.Config) { c.Patience = 10 * day })
		a := f.Lock(mac())
		f = locktest.New(t, f.Store, byBubble, locktest.TwoPersons(lock.VerbLock))
		defer start(t, f)()
		after(day - time.Second)
		require.Equal(t, lock.StateHeld, f.Get(a.ID).State)
		after(2 * time.Second)
		assert.Equal(t, lock.StateExpired, f.Get(a.ID).State)
	})
}

// TestRunWakesForWhatWasOrderedWithoutAWaker: push is often set up later than the first lock.
func TestRunWakesForWhatWasOrderedWithoutAWaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble, func(c *lock.Config) { c.Platforms[0].Waker = nil })
		stop := start(t, f)
		f.Lock(mac())
		locked := f.Lock(locktest.Device("mac-2"))
		f.Deliver(locktest.Device("mac-2"))
		f.Answer(locked, lock.Acknowledged)
		after(time.Hour)
		stop()
		with := locktest.New(t, f.Store, byBubble)
		defer start(t, with)()
		after(2 * time.Second)
		assert.Len(t, with.Waker.Woken(), 2, "the one that waits, and a probe for the one that holds")
	})
}

// TestRunJudgesWhatWasOrderedInATransaction: the limits judge it after the commit.
func TestRunJudgesWhatWasOrderedInATransaction(t *testing.T) {
	limited := func(c *lock.Config) {
		c.Limits = []lock.Limit{{Verb: lock.VerbLock, Count: 1, Window: time.Hour}}
	}
	running(t, func(t *testing.T, f *locktest.Fixture) {
		order := func(device string) lock.Action {
			a, err := f.Service.In(f.Store).Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device(device), Reason: "stolen"})
			require.NoError(t, err)
			require.Equal(t, lock.StateHeld, a.State)
			return a
		}
		begin := time.Now().Add(-time.Second)
		within, over := order("mac-1"), order("mac-2")
		f.Service.Kick()
		synctest.Wait()
		assert.Equal(t, lock.StateQueued, f.Get(within.ID).State)
		assert.Positive(t, wokenOf(f.Waker, "mac-1", begin))
		assert.Equal(t, "limit", f.Get(over.ID).HeldBy)
		after(25 * time.Hour)
		assert.Equal(t, lock.StateExpired, f.Get(over.ID).State)
		assert.Negative(t, wokenOf(f.Waker, "mac-2", begin))
	}, limited)
}
