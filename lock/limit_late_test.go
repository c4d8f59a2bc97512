package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestALateIntentHidesNone: an order of a transaction that took three hours has an old time and a new place in the feed.
func TestALateIntentHidesNone(t *testing.T) {
	f := newFixture(t, lockLimit(2))
	slow := &pending{Store: f.Store}
	_, err := f.Service.In(slow).Lock(t.Context(), lock.Actor{ID: "ada"}, lock.Request{Device: numbered(0)})
	require.NoError(t, err)
	f.Clock.Advance(3 * time.Hour)
	require.Equal(t, lock.StateQueued, lockAs(t, f, "ada", 1).State)
	require.Equal(t, lock.StateQueued, lockAs(t, f, "ada", 2).State)
	_, err = f.Store.Commit(t.Context(), slow.changes)
	require.NoError(t, err)
	assert.Equal(t, lock.StateHeld, lockAs(t, f, "ada", 3).State)
}

// pending is a transaction that is not committed yet.
type pending struct {
	lock.Store
	changes []lock.Change
}

func (p *pending) Commit(_ context.Context, changes []lock.Change) ([]error, error) {
	p.changes = append(p.changes, changes...)
	return make([]error, len(changes)), nil
}

// TestAClockSetBackHidesNone: what was asked for before is in the feed before, whatever its time.
func TestAClockSetBackHidesNone(t *testing.T) {
	f := newFixture(t, locktest.Limited(lock.Limit{Verb: lock.VerbReveal, Count: 1, Window: time.Hour}))
	one, two := lockAs(t, f, "ada", 1), lockAs(t, f, "ada", 2)
	reveal := func(a lock.Action) error {
		_, err := f.Service.Reveal(t.Context(), locktest.Second(), a.ID, "owner at the desk", "")
		return err
	}
	require.NoError(t, reveal(one))
	cancel(t, f, one.ID)
	f.Clock.Advance(-40 * 24 * time.Hour)
	require.NoError(t, reveal(lockAs(t, f, "ada", 1)), "the same device")
	require.ErrorIs(t, reveal(two), lock.ErrPending)
}

// TestOrdersFromBeforeTheLimitsCount, which were queued at once.
func TestOrdersFromBeforeTheLimitsCount(t *testing.T) {
	free := newFixture(t)
	lockAs(t, free, "ada", 1)
	_, err := free.Service.Lock(t.Context(), lock.Actor{ID: "ada"}, lock.Request{Device: numbered(2), Batch: "no batch was opened", Key: "k"})
	require.NoError(t, err)
	f := locktest.New(t, free.Store, lockLimit(2))
	assert.Equal(t, lock.StateHeld, lockAs(t, f, "ada", 3).State)
}

// TestABatchOpenedTwiceCountsOnce: two replicas opened it in the same instant, so it has two notices.
func TestABatchOpenedTwiceCountsOnce(t *testing.T) {
	f := newFixture(t, hourly(3))
	raced := &interrupted{Store: f.Store, before: func() { require.NoError(t, openBatch(t, f, 2)) }}
	require.NoError(t, openBatch(t, locktest.New(t, raced, hourly(3)), 2))
	lockAll(t, f, macs(2))
	assert.Equal(t, lock.StateQueued, f.Lock(locktest.Device("mac-8")).State)
	assert.Equal(t, lock.StateHeld, f.Lock(locktest.Device("mac-9")).State)
}

// TestSomebodyElsesLimitCatchesNobody: an order within its own takes the place of one that a limit holds.
func TestSomebodyElsesLimitCatchesNobody(t *testing.T) {
	for name, key := range map[string]string{"with a key": "k", "without": ""} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, lockLimit(1))
			lockAs(t, f, "ada", 1)
			over := lockAs(t, f, "ada", 2)
			require.Equal(t, lock.StateHeld, over.State)
			hers := lock.Request{Device: numbered(2), Reason: "stolen", Key: key}
			a, err := f.Service.Lock(t.Context(), locktest.Second(), hers)
			require.NoError(t, err)
			assert.Equal(t, lock.StateQueued, a.State)
			assert.False(t, a.Joined)
			ended := eventsOf(t, f, over.ID)
			last := ended[len(ended)-1]
			assert.Equal(t, lock.Event{Type: lock.EventCancelled, Actor: lock.Actor{ID: "system"}, Other: a.ID},
				lock.Event{Type: last.Type, Actor: last.Actor, Other: last.Other})
			again, err := f.Service.Lock(t.Context(), locktest.Second(), hers)
			require.NoError(t, err)
			assert.Equal(t, a.ID, again.ID)
			requireReplay(t, f.Store, over.ID)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

// TestAKeyThatWasNotReached: the process died between an order in another's place and its key.
func TestAKeyThatWasNotReached(t *testing.T) {
	mem := store.NewMemory()
	f := locktest.New(t, mem, lockLimit(1))
	lockAs(t, f, "ada", 1)
	lockAs(t, f, "ada", 2)
	dying := locktest.New(t, mem, lockLimit(1))
	dying.Store.DieAfter(1, false)
	hers := lock.Request{Device: numbered(2), Reason: "stolen", Key: "k"}
	_, err := dying.Service.Lock(t.Context(), locktest.Second(), hers)
	require.ErrorIs(t, err, locktest.ErrFault)
	a, err := f.Service.Lock(t.Context(), locktest.Second(), hers)
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, a.State)
	byKey, err := mem.List(t.Context(), lock.Filter{Scope: "acme", Key: "k"})
	require.NoError(t, err)
	require.Len(t, byKey, 1)
	assert.Equal(t, a.ID, byKey[0].ID)
	assert.Len(t, listAll(t, f), 3)
}

// TestOneOrderTakesAPlace, however many race for it: each ends in the one that is queued.
func TestOneOrderTakesAPlace(t *testing.T) {
	f := newFixture(t, lockLimit(1))
	lockAs(t, f, "ada", 1)
	lockAs(t, f, "ada", 2)
	done := make(chan lock.Action)
	for n := range 8 {
		svc := locktest.New(t, f.Store, lockLimit(1)).Service
		go func() {
			a, err := svc.Lock(t.Context(), lock.Actor{ID: fmt.Sprintf("bob-%d", n)}, lock.Request{Device: numbered(2)})
			assert.NoError(t, err)
			done <- a
		}()
	}
	for range 8 {
		assert.Equal(t, lock.StateQueued, (<-done).State)
	}
	assert.Len(t, queued(t, f), 2)
}

// TestASecondPersonsOrderIsJoined by another actor's, as long as a policy wants one.
func TestASecondPersonsOrderIsJoined(t *testing.T) {
	f := newFixture(t, lockLimit(1), locktest.TwoPersons(lock.VerbLock))
	a := lockAs(t, f, "ada", 1)
	assert.Equal(t, a.ID, lockAs(t, f, "bob", 1).ID)
}
