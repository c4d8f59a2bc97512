package postgres_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// The server crashes and recovers while callers write: what was acknowledged is there, and what was not may be repeated.
func TestCrash(t *testing.T) {
	own := postgrestest.Start(t)
	o := open(t, own.Database(t)+"&pool_max_conns=16")
	const callers, crashes = 8, 3
	var done sync.WaitGroup
	var stop atomic.Bool
	var committed atomic.Int64
	written := make([][]lock.Change, callers)
	for i := range callers {
		done.Go(func() {
			for n := 0; !stop.Load(); n++ {
				c := storetest.Order(t, fmt.Sprintf("mac-%d-%d", i, n))
				got := <-commit(t.Context(), o, c)
				for got.err != nil { // as a caller does: until it is answered
					got = <-commit(t.Context(), o, c)
				}
				assert.Equal(t, outcome{}, got)
				written[i] = append(written[i], c)
				committed.Add(1)
			}
		})
	}
	for crash := range int64(crashes) {
		waitFor(t, func() bool { return committed.Load() > (crash+1)*50 })
		own.Restart(t, postgrestest.Immediate)
	}
	stop.Store(true)
	done.Wait()
	kept(t, o, slices.Concat(written...))
}

// kept checks that the changes are there, and nothing else.
func kept(t *testing.T, o *opened, changes []lock.Change) {
	t.Helper()
	for _, c := range changes {
		a, err := o.Get(t.Context(), c.Actions[0].ID)
		require.NoError(t, err)
		require.Equal(t, c.Actions[0].Secrets[0].Box, a.Secrets[0].Box)
	}
	assert.Equal(t, len(changes), ask[int](t, o.pool, "SELECT count(*) FROM events"), "nothing is there twice")
	for more := true; more; {
		var err error
		more, err = o.Sequence(t.Context())
		require.NoError(t, err)
	}
	assert.Equal(t, len(changes)-1, ask[int](t, o.pool, "SELECT max(position) FROM log"))
}
