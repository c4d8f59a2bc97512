package lock_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
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
			st := &mortal{Store: store.NewMemory(), left: 1}
			f := locktest.New(t, st, hourly(3))
			uninterrupted := newFixture(t, hourly(3))
			want := openBatch(t, uninterrupted, size)
			require.ErrorIs(t, openBatch(t, f, size), locktest.ErrFault)
			assert.Equal(t, lock.StateHeld, batchState(t, f), "it takes no orders before it is judged")
			st.revive()
			assert.Equal(t, want, openBatch(t, f, size))
			assert.Equal(t, typesOf(noticesOf(t, uninterrupted)), typesOf(noticesOf(t, f)))
		})
	}
}

// mortal is a store in a process that is killed after some commits: the last answer is lost too if it says so.
type mortal struct {
	lock.Store
	mu   sync.Mutex
	left int  // commits before the kill; negative: it lives
	lose bool // the answer to the last one
}

func (m *mortal) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return nil, locktest.ErrFault
	}
	m.left--
	errs, err := m.Store.Commit(ctx, changes)
	if m.left == 0 && m.lose {
		return nil, locktest.ErrFault
	}
	return errs, err
}

func (m *mortal) revive() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left = -1
}
