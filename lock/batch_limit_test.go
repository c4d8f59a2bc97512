package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func hourly(n int) func(*lock.Config) {
	return locktest.Limited(lock.Limit{Verb: lock.VerbLock, Count: n, Window: time.Hour})
}

func TestBatchCountsItsSize(t *testing.T) {
	f := newFixture(t, hourly(3))
	require.NoError(t, openBatch(t, f, 3))
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventBatchApproved}, typesOf(noticesOf(t, f)))
	for _, a := range lockAll(t, f, macs(3)) {
		assert.Equal(t, lock.StateQueued, a.State, "its orders were judged with it")
	}
	held := f.Lock(locktest.Device("mac-9"))
	assert.Equal(t, lock.StateHeld, held.State, "the batch used the limit up")
}

func TestBatchOverTheLimitWaits(t *testing.T) {
	f := newFixture(t, hourly(3))
	require.ErrorIs(t, openBatch(t, f, 4), lock.ErrPending)
	require.ErrorIs(t, openBatch(t, f, 4), lock.ErrPending)
	opened, state, err := f.Service.Batch(t.Context(), locktest.Admin(), "acme", "b")
	require.NoError(t, err)
	assert.Equal(t, []string{"held", "limit"}, []string{string(state), opened.Facts["held_by"]})
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventHeld, lock.EventAlarm}, typesOf(noticesOf(t, f)), "one alarm")
	require.NoError(t, f.Service.ApproveBatch(t.Context(), locktest.Second(), "acme", "b", ""))
	lockAll(t, f, macs(4))
}

func TestBatchVerdictSurvivesACrash(t *testing.T) {
	for name, size := range map[string]int{"within": 3, "over": 4} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, hourly(3))
			f.Store.DieAfter(1, false)
			uninterrupted := newFixture(t, hourly(3))
			want := openBatch(t, uninterrupted, size)
			require.ErrorIs(t, openBatch(t, f, size), locktest.ErrFault)
			assert.Equal(t, lock.StateHeld, batchState(t, f), "it takes no orders before it is judged")
			f.Store.DieAfter(locktest.Forever, false)
			assert.Equal(t, want, openBatch(t, f, size))
			assert.Equal(t, typesOf(noticesOf(t, uninterrupted)), typesOf(noticesOf(t, f)))
		})
	}
}
