package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

const limit = 7

func limited(v lock.Verb) func(*lock.Config) {
	return locktest.Limited(lock.Limit{Verb: v, Count: limit, Window: time.Hour})
}

// replicas are two services on one database, each with a pool of its own.
func replicas(t *testing.T, v lock.Verb) (*locktest.Fixture, []*lock.Service) {
	t.Helper()
	url := server.Database(t) + "&pool_max_conns=16"
	f := locktest.New(t, open(t, url).Store, limited(v))
	return f, []*lock.Service{f.Service, locktest.New(t, open(t, url).Store, limited(v)).Service}
}

// race has fifty requests come at once.
func race(request func(n int) (passed bool)) (passed int) {
	var count atomic.Int32
	var wg sync.WaitGroup
	for n := range 50 {
		wg.Go(func() {
			if request(n) {
				count.Add(1)
			}
		})
	}
	wg.Wait()
	return int(count.Load())
}

// Events get their positions after the commit here, from whoever comes first: still exactly as many pass as the limit says.
func TestLocksThatRaceForALimit(t *testing.T) {
	f, services := replicas(t, lock.VerbLock)
	passed := race(func(n int) bool {
		a, err := services[n%2].Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device(fmt.Sprint("mac-", n))})
		assert.NoError(t, err)
		return a.State == lock.StateQueued
	})
	assert.Equal(t, limit, passed)
	waiting, err := f.Service.Requests(t.Context(), locktest.Second(), "acme")
	require.NoError(t, err)
	assert.Len(t, waiting, 50-limit)
}

func TestRevealsThatRaceForALimit(t *testing.T) {
	f, services := replicas(t, lock.VerbReveal)
	var ids []lock.ID
	for n := range 50 {
		ids = append(ids, f.Lock(locktest.Device(fmt.Sprint("mac-", n))).ID)
	}
	passed := race(func(n int) bool {
		_, err := services[n%2].Reveal(t.Context(), locktest.Admin(), ids[n], "owner at the desk", "")
		assert.True(t, err == nil || errors.Is(err, lock.ErrPending), "%v", err)
		return err == nil
	})
	assert.Equal(t, limit, passed)
}

// An order in a caller's transaction has no position before the commit. The limits judge it after that.
func TestLimitsAndACallersTransaction(t *testing.T) {
	o := fresh(t)
	f := locktest.New(t, o.Store, limited(lock.VerbLock))
	tx, err := o.pool.Begin(t.Context())
	require.NoError(t, err)
	a, err := f.Service.In(o.InTx(tx)).Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device("mac-1"), Key: "k"})
	require.NoError(t, err)
	require.Equal(t, lock.StateHeld, a.State)
	require.Empty(t, a.HeldBy)
	require.NoError(t, tx.Commit(t.Context()))
	judged, err := f.Service.Lock(t.Context(), locktest.Admin(), lock.Request{Device: locktest.Device("mac-1"), Key: "k"})
	require.NoError(t, err)
	assert.Equal(t, a.ID, judged.ID)
	assert.Equal(t, lock.StateQueued, judged.State)
}
