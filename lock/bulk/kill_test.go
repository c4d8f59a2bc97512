package bulk_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// process is a service on the ledger that dies after so many commits.
func process(t locktest.TB, ledger lock.Store, commits int, lose bool, edits ...func(*lock.Config)) *locktest.Fixture {
	t.Helper()
	f := locktest.New(t, ledger, edits...)
	f.Store.DieAfter(commits, lose)
	return f
}

// tangled is a fleet in which a chunk takes every way: some have live locks, some are denied, one joins what was cancelled.
func tangled(t *testing.T, edits ...func(*lock.Config)) *office {
	t.Helper()
	o := newOffice(t, 20, edits...)
	o.fleet.page = 8
	o.Lock(o.fleet.devices[4])
	o.Lock(o.fleet.devices[17])
	o.denied = []string{"mac-000007"}
	return o
}

// TestRunIsKilledAtEveryCommit kills a run at each of its commits, before it and after it, and resumes it in a new process.
func TestRunIsKilledAtEveryCommit(t *testing.T) {
	edits := map[string][]func(*lock.Config){
		"without limits": nil,
		"within a limit": {locktest.Limited(lock.Limit{Verb: lock.VerbLock, Count: 5000, Window: 1e12})},
	}
	for name, edits := range edits {
		for _, lose := range []bool{false, true} {
			for commits := 1; ; commits++ {
				done := false
				t.Run(fmt.Sprintf("%s/%d/lost answer %t", name, commits, lose), func(t *testing.T) { done = killedAt(t, commits, lose, edits) })
				if done || t.Failed() {
					break
				}
			}
		}
	}
}

func killedAt(t *testing.T, commits int, lose bool, edits []func(*lock.Config)) (done bool) {
	o := tangled(t, edits...)
	edits = append(edits, func(c *lock.Config) { c.Authorize = o })
	first := process(t, o.Store, commits, lose, edits...)
	cfg := o.config()
	cfg.Service = first.Service
	_, err := bulk.Run(t.Context(), cfg, o.order)
	if err != nil {
		require.ErrorIs(t, err, locktest.ErrFault)
	}
	cfg.Service = locktest.New(t, o.Store, edits...).Service
	p, resumed := bulk.Run(t.Context(), cfg, o.order)
	require.NoError(t, resumed)
	assert.Equal(t, bulk.Progress{Phase: bulk.Ordering, Total: 19, Done: 20, Ordered: 17, Joined: 2, Denied: 1}, p)
	for device, n := range o.perDevice(t) {
		require.Equal(t, 1, n, device)
	}
	assert.Len(t, o.actions(t), 19)
	return err == nil
}

// TestTwoRunnersAtOnce is what happens when two replicas resume the same batch.
func TestTwoRunnersAtOnce(t *testing.T) {
	o := newOffice(t, 210)
	var runners sync.WaitGroup
	errs := make([]error, 4)
	services := []*lock.Service{o.Service, locktest.New(t, o.Store).Service}
	for i := range errs {
		runners.Go(func() {
			_, errs[i] = bulk.Run(t.Context(), bulk.Config{Service: services[i%2], Inventory: &fleet{devices: o.fleet.devices, page: 30 + i}}, o.order)
		})
	}
	runners.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	o.requireOneEach(t)
}

func newLedger() lock.Store { return store.NewMemory() }
