package lock_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestBreakGlassBatch(t *testing.T) {
	f := newFixture(t, bulkOver(2))
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	asked := requests(t, f, locktest.Second())[0]
	glass := func(actor lock.Actor) error {
		return f.Service.BreakGlassBatch(t.Context(), actor, "acme", "b", "nobody answers, the vans are gone")
	}
	require.NoError(t, glass(locktest.Admin()))
	require.NoError(t, glass(locktest.Admin()), "an answer was lost")
	require.ErrorIs(t, glass(locktest.Second()), lock.ErrConflict, "it does not wait any more")
	notices := noticesOf(t, f)
	require.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventBatchApproved, lock.EventAlarm, lock.EventBreakGlass}, typesOf(notices))
	for _, e := range notices[1:] {
		assert.Equal(t, locktest.Admin(), e.Actor)
		assert.Equal(t, "b", e.Facts["batch"])
	}
	task := notices[3]
	assert.Equal(t, "nobody answers, the vans are gone", task.Reason)
	assert.Equal(t, asked.ID, task.Request)
	assert.Equal(t, map[string]string{"batch": "b", "requester": "ada", "approved": "batch-opened"}, task.Facts)
	lockAll(t, f, macs(3))
	reviewed(t, f, task)
}

// TestBreakGlassBatchForSomebodyElse: then the opener is no reviewer either.
func TestBreakGlassBatchForSomebodyElse(t *testing.T) {
	f := newFixture(t, bulkOver(2))
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	require.NoError(t, f.Service.BreakGlassBatch(t.Context(), locktest.Second(), "acme", "b", "ada is alone and cannot be reached"))
	task := noticesOf(t, f)[3]
	for _, actor := range []lock.Actor{locktest.Admin(), locktest.Second()} {
		require.ErrorIs(t, f.Service.Review(t.Context(), actor, "acme", task.ID, "fine"), lock.ErrDenied)
	}
	require.NoError(t, f.Service.Review(t.Context(), lock.Actor{ID: "carol"}, "acme", task.ID, "fine"))
}

func TestBreakGlassBatchRefusals(t *testing.T) {
	f := newFixture(t, bulkOver(2))
	glass := func(reason string) error {
		return f.Service.BreakGlassBatch(t.Context(), locktest.Admin(), "acme", "b", reason)
	}
	require.ErrorIs(t, glass("hurry"), lock.ErrNotFound)
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	require.Equal(t, "reason", inputField(glass("")))
	f.Rights.DenyTo("ada", lock.VerbBreakGlass)
	require.ErrorIs(t, glass("hurry"), lock.ErrDenied)
	assert.Equal(t, lock.StateHeld, batchState(t, f))
	require.NoError(t, f.Service.RejectBatch(t.Context(), locktest.Second(), "acme", "b", "no"))
	f.Rights.Allow(lock.VerbBreakGlass)
	err := f.Service.BreakGlassBatch(t.Context(), locktest.Second(), "acme", "b", "hurry")
	require.ErrorIs(t, err, lock.ErrCancelled)
}
