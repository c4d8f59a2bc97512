package lock_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestOrdersOnAnotherStore: everything that Orders does goes to the store it is bound to, a transaction of the caller's.
func TestOrdersOnAnotherStore(t *testing.T) {
	f := newFixture(t)
	bound := store.NewMemory()
	orders := f.Service.In(bound)
	a, err := orders.Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Key: "k"})
	require.NoError(t, err)
	again, err := orders.Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Key: "k"})
	require.NoError(t, err)
	assert.Equal(t, a.ID, again.ID)
	requireEmpty(t, f)

	inside := locktest.New(t, bound)
	assert.Equal(t, lock.StateQueued, inside.Get(a.ID).State)
	cancelled, err := orders.Cancel(t.Context(), locktest.Admin(), a.ID, "by mistake")
	require.NoError(t, err)
	assert.Equal(t, lock.StateCancelled, cancelled.State)
	requireReplay(t, bound, a.ID)

	f.Rights.Deny(lock.VerbLock)
	_, err = orders.Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
	require.ErrorIs(t, err, lock.ErrDenied)
	requireEmpty(t, f)
	assert.Equal(t, []lock.EventType{lock.EventDenied}, typesOf(noticesOf(t, inside)), "a denial is recorded in the same transaction")
}

func TestOrdersWakeNobody(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		_, err := f.Service.In(store.NewMemory()).Lock(t.Context(), locktest.Admin(), lock.Request{Device: mac()})
		require.NoError(t, err)
		synctest.Wait()
		assert.Empty(t, f.Waker.Woken())
	})
}
