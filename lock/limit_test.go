package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// lockLimit lets each actor lock so many devices an hour.
func lockLimit(count int) func(*lock.Config) {
	return locktest.Limited(lock.Limit{Verb: lock.VerbLock, Count: count, Window: time.Hour})
}

// numbered is the nth device.
func numbered(n int) lock.Device { return locktest.Device(fmt.Sprintf("mac-%d", n)) }

// lockAs orders a lock of the nth device as that actor, and returns the state in which it is then.
func lockAs(t testing.TB, f *locktest.Fixture, actor string, n int) lock.Action {
	t.Helper()
	a, err := f.Service.Lock(t.Context(), lock.Actor{ID: actor}, lock.Request{Device: numbered(n), Reason: "stolen"})
	require.NoError(t, err)
	return a
}

func TestLimitOfLocks(t *testing.T) {
	var heard told
	f := newFixture(t, lockLimit(2), heard.edit)
	for n := range 2 {
		a := lockAs(t, f, "ada", n)
		require.Equal(t, lock.StateQueued, a.State)
		require.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventApproved}, typesOf(eventsOf(t, f, a.ID)))
		require.NotEmpty(t, f.Deliver(numbered(n)).ID)
	}
	over := lockAs(t, f, "ada", 2)
	assert.Equal(t, lock.StateHeld, over.State)
	assert.Equal(t, "limit", over.HeldBy)
	assert.Equal(t, over.HeldBy, f.Get(over.ID).HeldBy)
	alarms := alarmsOf(t, f, over.ID)
	require.Len(t, alarms, 1)
	assert.Equal(t, "ada", alarms[0].Actor.ID)
	require.Len(t, heard.events, 1)
	assert.Equal(t, over.ID, heard.events[0].Action)
	assert.Equal(t, lock.StateQueued, lockAs(t, f, "bob", 3).State, "each actor by itself")

	assert.Equal(t, over.ID, lockAs(t, f, "ada", 2).ID, "a repetition joins it")
	assert.Len(t, alarmsOf(t, f, over.ID), 1)
	assert.Len(t, heard.events, 1)
	require.Len(t, requests(t, f, locktest.Second()), 1)
	assert.Equal(t, lock.StateQueued, approve(t, f, over.ID).State)
	requireReplay(t, f.Store, over.ID)
}

// TestLimitWindow: what was asked for a window ago counts no more, at the microsecond.
func TestLimitWindow(t *testing.T) {
	f := newFixture(t, lockLimit(1))
	require.Equal(t, lock.StateQueued, lockAs(t, f, "ada", 0).State)
	f.Clock.Advance(time.Hour - time.Microsecond)
	require.Equal(t, lock.StateHeld, lockAs(t, f, "ada", 1).State)
	f.Clock.Advance(time.Hour - time.Microsecond)
	require.Equal(t, lock.StateHeld, lockAs(t, f, "ada", 2).State, "what was held counts too")
	f.Clock.Advance(time.Hour)
	require.Equal(t, lock.StateQueued, lockAs(t, f, "ada", 3).State)
}

// TestLimitCountsDevices: not orders.
func TestLimitCountsDevices(t *testing.T) {
	f := newFixture(t, lockLimit(1))
	for range 3 {
		a := lockAs(t, f, "ada", 0)
		require.Equal(t, lock.StateQueued, a.State)
		cancel(t, f, a.ID)
	}
	assert.Equal(t, lock.StateHeld, lockAs(t, f, "ada", 1).State)
}

func TestLimitsThatMatch(t *testing.T) {
	for name, c := range map[string]struct {
		limit lock.Limit
		held  bool
	}{
		"everybody":     {lock.Limit{Verb: lock.VerbLock}, true},
		"this actor":    {lock.Limit{Verb: lock.VerbLock, Actor: "ada"}, true},
		"another actor": {lock.Limit{Verb: lock.VerbLock, Actor: "bob"}, false},
		"this scope":    {lock.Limit{Verb: lock.VerbLock, Scope: "acme"}, true},
		"another scope": {lock.Limit{Verb: lock.VerbLock, Scope: "globex"}, false},
		"another verb":  {lock.Limit{Verb: lock.VerbReveal}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c.limit.Window = time.Hour // and a Count of 0
			f := newFixture(t, locktest.Limited(c.limit))
			a := lockAs(t, f, "ada", 0)
			assert.Equal(t, c.held, a.State == lock.StateHeld)
			if !c.held {
				assert.Len(t, eventsOf(t, f, a.ID), 1, "what no limit is about takes no further commit")
			}
		})
	}
}

func TestLimitsAreChecked(t *testing.T) {
	good := lock.Limit{Verb: lock.VerbLock, Count: 1, Window: time.Hour}
	for field, edit := range map[string]func(*lock.Config){
		"Limits[1].Verb":   func(c *lock.Config) { c.Limits[1].Verb = lock.VerbView },
		"Limits[1].Count":  func(c *lock.Config) { c.Limits[1].Count = -1 },
		"Limits[1].Window": func(c *lock.Config) { c.Limits[1].Window = 0 },
		"Limits[1].Actor":  func(c *lock.Config) { c.Limits[1].Actor = "a\nb" },
		"Limits[1].Scope":  func(c *lock.Config) { c.Limits[1].Scope = "a\nb" },
		"Patience":         func(c *lock.Config) { c.Patience = -1 },
	} {
		t.Run(field, func(t *testing.T) {
			f := newFixture(t)
			cfg := lock.Config{
				Store: f.Store, Sealer: locktest.Keyring("test"), Platforms: []lock.Platform{{Name: "test", Codec: f.Codec}},
				Limits: []lock.Limit{good, good},
			}
			edit(&cfg)
			_, err := lock.New(cfg)
			assert.Equal(t, field, inputField(err))
		})
	}
}

// TestRunFinishesAVerdict that the process which took the order did not live to make, and so does a repeated order.
func TestRunFinishesAVerdict(t *testing.T) {
	judged := map[int]lock.State{0: lock.StateQueued, 1: lock.StateHeld}
	t.Run("by Run", func(t *testing.T) {
		var heard told
		running(t, func(t *testing.T, f *locktest.Fixture) {
			for n, want := range judged {
				a := unjudged(t, f, n)
				f.Service.Kick()
				after(time.Second)
				assert.Equal(t, want, f.Get(a.ID).State, "device %d", n)
			}
			assert.Len(t, heard.events, 1)
		}, heard.edit, locktest.Limited(
			lock.Limit{Verb: lock.VerbLock, Actor: "ada-0", Count: 1, Window: time.Hour},
			lock.Limit{Verb: lock.VerbLock, Actor: "ada-1", Count: 0, Window: time.Hour},
		))
	})
	t.Run("by a repetition", func(t *testing.T) {
		f := newFixture(t, lockLimit(1))
		a := unjudged(t, f, 0)
		b := lockAs(t, f, "ada-0", 0)
		assert.Equal(t, a.ID, b.ID)
		assert.Equal(t, lock.StateQueued, b.State)
	})
}

// unjudged is an order that was committed and not judged: as in a caller's transaction, or when the process died in between.
func unjudged(t *testing.T, f *locktest.Fixture, n int) lock.Action {
	t.Helper()
	actor := lock.Actor{ID: fmt.Sprintf("ada-%d", n)}
	a, err := f.Service.In(f.Store).Lock(t.Context(), actor, lock.Request{Device: numbered(n)})
	require.NoError(t, err)
	require.Equal(t, lock.StateHeld, a.State)
	require.Empty(t, a.HeldBy)
	return a
}

// TestTheVerdictIsByPosition: an order that is judged late is judged as if at once, whatever came after it.
func TestTheVerdictIsByPosition(t *testing.T) {
	f := newFixture(t, lockLimit(2))
	in := f.Service.In(f.Store)
	var ids []lock.ID
	for n := range 4 {
		a, err := in.Lock(t.Context(), locktest.Admin(), lock.Request{Device: numbered(n)})
		require.NoError(t, err)
		ids = append(ids, a.ID)
	}
	assert.Empty(t, requests(t, f, locktest.Second()), "nobody is asked before the verdict")
	for n := 3; n >= 0; n-- { // the last one first
		_, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: numbered(n)})
		require.NoError(t, err)
	}
	var states []lock.State
	for _, id := range ids {
		states = append(states, f.Get(id).State)
	}
	assert.Equal(t, []lock.State{lock.StateQueued, lock.StateQueued, lock.StateHeld, lock.StateHeld}, states)
}

// TestOneVerdict, with one alarm, however many processes find the order at once.
func TestOneVerdict(t *testing.T) {
	var heard told
	f := newFixture(t, lockLimit(0), heard.edit)
	services := []*lock.Service{f.Service, locktest.New(t, f.Store, lockLimit(0), heard.edit).Service}
	a := unjudged(t, f, 0)
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			_, err := services[n%2].Lock(t.Context(), a.By, lock.Request{Device: a.Device})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.Len(t, alarmsOf(t, f, a.ID), 1)
	assert.Len(t, heard.events, 1)
}

// TestFiftyLocksRace through two services on one store: exactly as many pass as the limit says.
func TestFiftyLocksRace(t *testing.T) {
	for name, st := range map[string]lock.Store{
		"positions at commit": store.NewMemory(),
		"positions later":     newTardy(7),
	} {
		t.Run(name, func(t *testing.T) {
			const limit = 7
			f := locktest.New(t, st, lockLimit(limit))
			services := []*lock.Service{f.Service, locktest.New(t, f.Store, lockLimit(limit)).Service}
			var wg sync.WaitGroup
			for n := range 50 {
				wg.Go(func() {
					_, err := services[n%2].Lock(t.Context(), locktest.Admin(), lock.Request{Device: numbered(n)})
					assert.NoError(t, err)
				})
			}
			wg.Wait()
			passed, err := f.Store.List(t.Context(), lock.Filter{States: []lock.State{lock.StateQueued}})
			require.NoError(t, err)
			assert.Len(t, passed, limit)
			assert.Len(t, requests(t, f, locktest.Second()), 50-limit)
		})
	}
}

// TestSomebodyElseTakesTheLane between an order and its verdict: nothing is left to do for it.
func TestSomebodyElseTakesTheLane(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		waiting := unjudged(t, f, 1)
		live, err := locktest.New(t, f.Store, byBubble).Service.Lock(t.Context(), locktest.Second(), lock.Request{Device: numbered(1)})
		require.NoError(t, err)
		require.Equal(t, lock.StateQueued, live.State)
		f.Service.Kick()
		after(time.Second)
		got := f.Get(waiting.ID)
		assert.Equal(t, lock.StateCancelled, got.State)
		assert.Contains(t, got.Cause, "superseded")
		assert.Equal(t, lock.StateQueued, f.Get(live.ID).State)
	}, lockLimit(1))
}

// between is a store on which something happens between an order and its verdict.
type between struct {
	lock.Store
	commits int
	by      func()
}

func (s *between) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if s.commits++; s.commits == 2 {
		s.by()
	}
	return s.Store.Commit(ctx, changes)
}

// TestAKeyLeadsToItsOrderAlsoWhenThatWasSuperseded: the first answer and every later one name the same action.
func TestAKeyLeadsToItsOrderAlsoWhenThatWasSuperseded(t *testing.T) {
	f := newFixture(t)
	var live lock.Action
	f2 := locktest.New(t, &between{Store: f.Store, by: func() { live = f.Lock(numbered(1)) }}, lockLimit(3))
	r := lock.Request{Device: numbered(1), Key: "ticket-4711"}
	first, err := f2.Service.Lock(t.Context(), locktest.Second(), r)
	require.NoError(t, err)
	assert.Equal(t, lock.StateCancelled, first.State)
	assert.Contains(t, first.Cause, "superseded")
	again, err := f2.Service.Lock(t.Context(), locktest.Second(), r)
	require.NoError(t, err)
	assert.Equal(t, first.ID, again.ID)
	assert.Equal(t, lock.StateQueued, f.Get(live.ID).State, "one lock is live")
}
