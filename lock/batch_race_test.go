package lock_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// interrupted is a store before whose next commit something else happens.
type interrupted struct {
	lock.Store
	before func()
}

func (i *interrupted) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if before := i.before; before != nil {
		i.before = nil
		before()
	}
	return i.Store.Commit(ctx, changes)
}

func TestBatchIsCancelledWhileItOrders(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3))
	st := &interrupted{Store: f.Store, before: func() {
		require.NoError(t, f.Service.CancelBatch(t.Context(), locktest.Second(), "acme", "b", ""))
	}}
	actions, errs, err := lockBatch(t, locktest.New(t, st), macs(3))
	require.ErrorIs(t, err, lock.ErrCancelled)
	for i, a := range actions {
		require.NoError(t, errs[i])
		assert.Equal(t, lock.StateCancelled, a.State)
		assert.Equal(t, lock.StateCancelled, f.Get(a.ID).State)
	}
}

func TestFirstDecisionOfABatchCounts(t *testing.T) {
	f := newFixture(t, bulkOver(2))
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	st := &interrupted{Store: f.Store, before: func() {
		require.NoError(t, f.Service.RejectBatch(t.Context(), lock.Actor{ID: "third"}, "acme", "b", ""))
	}}
	err := locktest.New(t, st, bulkOver(2)).Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", "")
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, lock.StateCancelled, batchState(t, f))
}

func TestBatchIsOpenedByTwoAtOnce(t *testing.T) {
	f := newFixture(t)
	st := &interrupted{Store: f.Store, before: func() { require.NoError(t, openBatch(t, f, 3)) }}
	require.ErrorIs(t, openBatch(t, locktest.New(t, st), 4), lock.ErrKeyReused, "the first in the feed counts")
	opened, _, err := f.Service.Batch(t.Context(), locktest.Admin(), "acme", "b")
	require.NoError(t, err)
	assert.Equal(t, "3", opened.Facts["devices"])
}

func TestBatchMeetsSingleOrders(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 5))
	var single lock.Action
	st := &interrupted{Store: f.Store, before: func() { single = f.Lock(locktest.Device("mac-2")) }}
	actions := lockAll(t, locktest.New(t, st), macs(5))
	assert.Equal(t, single.ID, actions[1].ID, "it was ordered between the look and the commit")
	assert.Len(t, listAll(t, f), 5)
}

func TestLimitHoldsForBatchesThatRace(t *testing.T) {
	f := newFixture(t, hourly(10))
	var callers sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		svc := locktest.New(t, f.Store, hourly(10)).Service
		callers.Go(func() {
			errs[i] = svc.OpenBatch(t.Context(), locktest.Admin(), "acme", string(rune('a'+i)), 5, lock.Request{})
		})
	}
	callers.Wait()
	open := 0
	for _, err := range errs {
		if err == nil {
			open++
		} else {
			require.ErrorIs(t, err, lock.ErrPending)
		}
	}
	assert.Equal(t, 2, open, "two batches of five are within a limit of ten")
}
