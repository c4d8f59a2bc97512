package lock_test

import (
	"context"
	"fmt"
	"sync"
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

// expired is a provider that fails for all.
func expired() error { return locktest.WakeFailure{Class: "certificate-expired", Provider: true} }

// unreachable is a provider that fails at once, for now.
var unreachable = locktest.WakeFailure{Class: "unreachable", Trouble: true}

// outagesOf reads the classes of the provider alarms.
func outagesOf(t *testing.T, f *locktest.Fixture) (classes []string) {
	t.Helper()
	alarms, err := f.Store.Events(t.Context(), lock.EventFilter{Types: []lock.EventType{lock.EventAlarm}, Limit: 1000})
	require.NoError(t, err)
	for _, e := range alarms {
		assert.Empty(t, e.Device)
		assert.Equal(t, locktest.Platform, e.Facts["platform"])
		assert.Contains(t, e.Reason, e.Facts["outcome"])
		classes = append(classes, e.Facts["outcome"])
	}
	return classes
}

func TestBreakerOneAlarmForAllDevices(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		const many = 600
		begin := time.Now()
		f.Waker.Fail(expired())
		orderMany(t, f, many, locktest.Platform)
		after(20 * time.Second)
		assert.Equal(t, []string{"certificate-expired"}, outagesOf(t, f))
		assert.LessOrEqual(t, len(f.Waker.Woken()), 48, "what was under way")
		actions, err := f.Store.List(t.Context(), lock.Filter{Limit: 1000})
		require.NoError(t, err)
		require.Len(t, actions, many)
		for _, a := range actions {
			require.Equal(t, lock.StateQueued, a.State)
			require.Equal(t, "certificate-expired", a.WakeOutcome, "each shows why it waits")
			require.Zero(t, a.Wake, "no wake-up is counted")
		}
		before := len(f.Waker.Woken())
		after(time.Hour - time.Since(begin))
		requireSteps(t, wakeups(f, begin.Add(f.Waker.Woken()[0].At.Sub(begin)))[before:],
			30*time.Second, time.Minute, 2*time.Minute, 4*time.Minute, 8*time.Minute, 15*time.Minute, 15*time.Minute)
		assert.Len(t, outagesOf(t, f), 1)

		f.Waker.Fail(nil)
		before = len(f.Waker.Woken())
		after(17*time.Minute + 30*time.Second)
		last := f.Waker.Woken()
		require.GreaterOrEqual(t, len(last), before+many)
		assert.LessOrEqual(t, last[before+many-1].At.Sub(last[before].At), 2*time.Second, "one got through, so all are woken")
		for _, a := range actions {
			require.Equal(t, "sent", f.Get(a.ID).WakeOutcome)
		}
		requireReplay(t, f.Store, actions[0].ID)
	})
}

// TestBreakerAlarmsOnceADay: whoever runs, and however often it is started again, and once more for another class.
func TestBreakerAlarmsOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble)
		f.Waker.Fail(expired())
		orderMany(t, f, 5, locktest.Platform)
		for range 3 {
			stop := start(t, f)
			after(time.Minute)
			stop()
			f = locktest.New(t, f.Store, byBubble)
			f.Waker.Fail(expired())
			f.Lock(mac())
		}
		assert.Len(t, outagesOf(t, f), 1)
		defer start(t, f)()
		after(day - 10*time.Minute)
		assert.Len(t, outagesOf(t, f), 1)
		after(time.Hour)
		assert.Len(t, outagesOf(t, f), 2, "it fails still")
		f.Waker.Fail(locktest.WakeFailure{Class: "unreachable", Provider: true})
		after(20 * time.Minute)
		assert.Equal(t, []string{"certificate-expired", "certificate-expired", "unreachable"}, outagesOf(t, f))
	})
}

// together holds reads of alarms until so many have come, so that all find that there is none.
type together struct {
	lock.Store
	wait sync.WaitGroup
	left atomic.Int64
}

func (s *together) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	found, err := s.Store.Events(ctx, f)
	if len(f.Types) == 1 && s.left.Add(-1) >= 0 {
		s.wait.Done()
		s.wait.Wait()
	}
	return found, err
}

func TestBreakerOneAlarmOfProcessesThatFailTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &together{Store: store.NewMemory()}
		st.wait.Add(2)
		st.left.Store(2)
		var processes []*locktest.Fixture
		for range 2 {
			f := locktest.New(t, st, byBubble)
			f.Waker.Fail(expired())
			defer start(t, f)()
			processes = append(processes, f)
		}
		for i, f := range processes {
			f.Lock(locktest.Device(fmt.Sprintf("mac-%d", i)))
		}
		after(10 * time.Second)
		assert.LessOrEqual(t, st.left.Load(), int64(0), "both looked before either told")
		assert.Len(t, outagesOf(t, locktest.New(t, st)), 1)
	})
}

// TestBreakerIsOfOneScope: the certificate of one tenant is not that of another.
func TestBreakerIsOfOneScope(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		other := locktest.Device("other")
		other.Scope = "globex"
		f.Waker.Script(mac().ID, expired())
		f.Lock(mac())
		after(10 * time.Second)
		f.Lock(other)
		synctest.Wait()
		assert.Len(t, f.Waker.Woken(), 2)
		alarms, err := f.Store.Events(t.Context(), lock.EventFilter{Scope: "globex", Types: []lock.EventType{lock.EventAlarm}})
		require.NoError(t, err)
		assert.Empty(t, alarms)
	})
}

// TestBreakerClosesOnAnyAnswerOfTheProvider: that a device is gone says that the provider works.
func TestBreakerClosesOnAnyAnswerOfTheProvider(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		closes bool
	}{
		"it is sent":                 {nil, true},
		"this device is gone":        {locktest.WakeFailure{Class: "unregistered", Answered: true}, true},
		"it cannot do it now":        {locktest.WakeFailure{Class: "unavailable", Trouble: true}, false},
		"it hangs":                   {locktest.ErrHang, false},
		"it fails for another cause": {locktest.WakeFailure{Class: "unreachable", Provider: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				f.Waker.Fail(expired())
				for i := range 10 {
					f.Lock(locktest.Device(fmt.Sprintf("mac-%d", i)))
				}
				after(20 * time.Second)
				before := len(f.Waker.Woken())
				f.Waker.Fail(c.err)
				after(30 * time.Second)
				woken := len(f.Waker.Woken()) - before
				if c.closes {
					assert.GreaterOrEqual(t, woken, 10)
				} else {
					assert.Equal(t, 1, woken)
					after(3 * time.Minute)
					assert.Greater(t, len(f.Waker.Woken()), before+1, "and it is tried again")
				}
			})
		})
	}
}

func TestBreakerOfWakeUpsWithoutAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		fail, half error
		want       []string
	}{
		"all of them":                            {locktest.ErrHang, locktest.ErrHang, []string{"timeout"}},
		"but for some that it answered":          {locktest.ErrHang, locktest.WakeFailure{Class: "unregistered", Answered: true}, nil},
		"but for some that it was not asked for": {locktest.ErrHang, locktest.WakeError("no-token"), []string{"timeout"}},
		"or fail at once":                        {unreachable, unreachable, []string{"unreachable"}},
		"or fail at once, but for some":          {unreachable, locktest.WakeFailure{Class: "unregistered", Answered: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(t *testing.T, f *locktest.Fixture) {
				f.Waker.Fail(c.fail)
				for i := 0; i < 100; i += 2 {
					f.Waker.Script(fmt.Sprintf("%s-%d", locktest.Platform, i), c.half)
				}
				orderMany(t, f, 100, locktest.Platform)
				after(12 * time.Second)
				assert.Equal(t, c.want, outagesOf(t, f))
			})
		})
	}
}

// TestBreakerResumesWhatHadNoAnswer: of those that failed before it was known, none waits for its next wake-up, which is up to a day off.
func TestBreakerResumesWhatHadNoAnswer(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		const devices = 6 // each fails five times in an hour; the two that are first on the next day make it 32
		f.Waker.Fail(unreachable)
		for i := range devices / 2 {
			f.Waker.Script(fmt.Sprintf("%s-%d", locktest.Platform, i), locktest.WakeFailure{Class: "unavailable", Trouble: true})
		}
		orderMany(t, f, devices, locktest.Platform)
		after(23 * time.Hour)
		require.Empty(t, outagesOf(t, f))
		for range 7 * 60 {
			if after(time.Minute); len(outagesOf(t, f)) > 0 {
				break
			}
		}
		require.Len(t, outagesOf(t, f), 1)
		f.Waker.Fail(nil)
		for i := range devices {
			f.Waker.Script(fmt.Sprintf("%s-%d", locktest.Platform, i))
		}
		before := len(f.Waker.Woken())
		after(5 * time.Minute)
		assert.Len(t, f.Waker.Woken()[before:], devices, "the trial, and then the others")
	})
}

// TestBreakerStaysOpenThoughNobodyWasAsked: that a device has no token does not say that the provider works.
func TestBreakerStaysOpenThoughNobodyWasAsked(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		f.Waker.Fail(expired())
		tokenless := map[string]bool{}
		for i := 0; i < 100; i += 5 {
			id := fmt.Sprintf("%s-%d", locktest.Platform, i)
			tokenless[id] = true
			f.Waker.Script(id, locktest.WakeError("no-token"))
		}
		orderMany(t, f, 100, locktest.Platform)
		after(2 * time.Hour)
		asked := 0
		for _, w := range f.Waker.Woken() {
			if !tokenless[w.Device.ID] {
				asked++
			}
		}
		assert.LessOrEqual(t, asked, 48+4+4*2, "what was under way, and a trial in a quarter of an hour")
		assert.GreaterOrEqual(t, asked, 8, "others are tried in their place")
		assert.Equal(t, []string{"certificate-expired"}, outagesOf(t, f))
	})
}

// TestBreakerAlarmSpeaksForADayFromWhenItWasRaised: whoever reads of it later counts from then.
func TestBreakerAlarmSpeaksForADayFromWhenItWasRaised(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, byBubble)
		f.Waker.Fail(expired())
		orderMany(t, f, 5, locktest.Platform)
		stop := start(t, f)
		after(time.Minute)
		stop()
		f = locktest.New(t, f.Store, byBubble)
		f.Waker.Fail(expired())
		after(23 * time.Hour)
		defer start(t, f)()
		after(2 * time.Hour)
		assert.Len(t, outagesOf(t, f), 2)
	})
}

// TestBreakerLetsAnOrderOfThisMomentTry: whoever repaired it and locks a device does not wait for a quarter of an hour.
func TestBreakerLetsAnOrderOfThisMomentTry(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		f.Waker.Fail(expired())
		f.Lock(mac())
		after(35 * time.Minute)
		before := len(f.Waker.Woken())
		for f.Waker.Fail(nil); len(f.Waker.Woken()) == before; f.Waker.Fail(nil) { // the next trial, so that it is known when that was
			f.Waker.Fail(expired())
			after(time.Second)
		}
		f.Waker.Fail(nil)
		before = len(f.Waker.Woken())
		early := f.Lock(locktest.Device("early"))
		after(29 * time.Second)
		require.Len(t, f.Waker.Woken(), before, "nobody tries more than once in 30 seconds")
		assert.Equal(t, "certificate-expired", f.Get(early.ID).WakeOutcome)
		late := f.Lock(locktest.Device("late"))
		after(2 * time.Second)
		if len(f.Waker.Woken()) == before { // it came a moment too early
			late = f.Lock(locktest.Device("later"))
			after(2 * time.Second)
		}
		assert.Equal(t, "sent", f.Get(late.ID).WakeOutcome)
		assert.Equal(t, "sent", f.Get(early.ID).WakeOutcome, "and all that waited with it")
	})
}

// TestBreakerWaitsAsLongAsTheProviderWants: also an order of this moment does.
func TestBreakerWaitsAsLongAsTheProviderWants(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		begin := time.Now()
		f.Waker.Fail(locktest.WakeFailure{Class: "unavailable", After: time.Hour, Provider: true})
		f.Lock(mac())
		after(59 * time.Minute)
		f.Lock(locktest.Device("mac-2"))
		synctest.Wait()
		require.Len(t, f.Waker.Woken(), 1)
		after(5 * time.Minute)
		requireSteps(t, wakeups(f, begin), 0, time.Hour)
	})
}

// TestBreakerOutlivesAClockThatIsSetBack: a trial in a year is none.
func TestBreakerOutlivesAClockThatIsSetBack(t *testing.T) {
	var ahead atomic.Int64
	synctest.Test(t, func(t *testing.T) {
		ahead.Store(int64(365 * day))
		f := newFixture(t, func(c *lock.Config) {
			c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		defer start(t, f)()
		f.Waker.Fail(expired())
		f.Lock(mac())
		after(10 * time.Second)
		ahead.Store(0)
		f.Waker.Fail(nil)
		after(5 * time.Second)
		assert.Len(t, f.Waker.Woken(), 2)
	})
}
