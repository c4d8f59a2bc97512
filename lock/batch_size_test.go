package lock_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// queued are the actions that are queued.
func queued(t *testing.T, f *locktest.Fixture) []lock.Action {
	t.Helper()
	found, err := f.Store.List(t.Context(), lock.Filter{States: []lock.State{lock.StateQueued}, Limit: 1000})
	require.NoError(t, err)
	return found
}

// TestABatchOfLocksNeedsASecondPerson where every lock does, also one of a single device.
func TestABatchOfLocksNeedsASecondPerson(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	require.ErrorIs(t, openBatch(t, f, 1), lock.ErrPending)
	opened, _, err := f.Service.Batch(t.Context(), locktest.Admin(), "acme", "b")
	require.NoError(t, err)
	assert.Equal(t, "policy", opened.Facts["held_by"])
	_, _, err = lockBatch(t, f, macs(1))
	require.ErrorIs(t, err, lock.ErrPending)
	assert.Empty(t, listAll(t, f))
}

// TestReplicasKnowWhatOthersOrdered in the batch since they looked last.
func TestReplicasKnowWhatOthersOrdered(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 4))
	other := locktest.New(t, f.Store)
	requests := macs(8)
	lockAll(t, f, requests[:1])
	lockAll(t, other, requests[1:3])
	_, errs, err := lockBatch(t, f, requests[3:6])
	require.NoError(t, err)
	require.NoError(t, errs[0])
	for _, err := range errs[1:] {
		assert.Equal(t, "batch", inputField(err))
	}
	assert.Len(t, listAll(t, f), 4)
}

// TestReplicasShareTheSizeOfABatch also when all order at once: what a limit judged is not passed.
func TestReplicasShareTheSizeOfABatch(t *testing.T) {
	const size, replicas = 5, 4
	for range 5 {
		f := newFixture(t, hourly(size))
		require.NoError(t, openBatch(t, f, size))
		requests := macs(size * replicas)
		var wg sync.WaitGroup
		for n := range replicas {
			svc := locktest.New(t, f.Store, hourly(size)).Service
			wg.Go(func() {
				_, _, err := svc.LockBatch(t.Context(), locktest.Admin(), "acme", "b", requests[n*size:(n+1)*size])
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.Len(t, queued(t, f), size)
	}
}

// TestWhatRacedBeyondABatchIsWithdrawn: another replica's orders were committed between the count and the commit.
func TestWhatRacedBeyondABatchIsWithdrawn(t *testing.T) {
	f := newFixture(t, hourly(2))
	require.NoError(t, openBatch(t, f, 2))
	raced := &interrupted{Store: f.Store, before: func() { lockAll(t, f, macs(2)) }}
	other := locktest.New(t, raced, hourly(2))
	requests := macs(4)[2:]
	_, errs, err := lockBatch(t, other, requests)
	require.NoError(t, err)
	for _, err := range errs {
		assert.Equal(t, "batch", inputField(err))
	}
	assert.Len(t, listAll(t, f), 4)
	assert.Len(t, queued(t, f), 2)
	for _, a := range queued(t, f) {
		assert.NotContains(t, []string{requests[0].Device.ID, requests[1].Device.ID}, a.Device.ID, "who came first in the feed stays")
	}
}

// TestBatchesAreNotSavedUp: what limits judged counts when it is opened, so it ends before it is forgotten.
func TestBatchesAreNotSavedUp(t *testing.T) {
	short := func(c *lock.Config) { c.Patience = 2 * time.Hour }
	f := newFixture(t, hourly(3), short)
	require.NoError(t, openBatch(t, f, 3))
	first := lockAll(t, f, macs(1))[0]
	f.Clock.Advance(2*time.Hour - time.Microsecond)
	lockAll(t, f, macs(2))
	f.Clock.Advance(time.Microsecond)
	assert.Equal(t, lock.StateExpired, batchState(t, f))
	actions, errs, err := lockBatch(t, f, macs(3))
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, first.ID, actions[0].ID, "what was ordered stays")
	require.ErrorIs(t, errs[2], lock.ErrCancelled)
	assert.Len(t, queued(t, f), 2)
}

// TestABatchWithoutLimitsNeverEnds once it has begun.
func TestABatchWithoutLimitsNeverEnds(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 2))
	f.Clock.Advance(1000 * time.Hour)
	lockAll(t, f, macs(2))
}

// TestABatchOpensItsOwnPIN: an order that only bears its name is none of the batch.
func TestABatchOpensItsOwnPIN(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3, supplied(t, "739184")))
	lockAll(t, f, macs(1, supplied(t, "739184")))
	for n, actor := range []lock.Actor{{ID: "mallory"}, locktest.Admin()} {
		f.Clock.Advance(time.Minute)
		r := lock.Request{Device: locktest.Device(fmt.Sprintf("hers-%d", n)), Batch: "b", PIN: parsed(t, "850392")}
		_, err := f.Service.Lock(t.Context(), actor, r)
		require.NoError(t, err)
	}
	resumed := locktest.New(t, f.Store)
	a := lockAll(t, resumed, macs(3))
	assert.Equal(t, "739184", f.PIN(a[2].ID))
}
