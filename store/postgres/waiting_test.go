package postgres_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// More callers than there are connections wait for a transaction of the vendor's: everybody else is served.
func TestThoseWhoWaitLeaveConnections(t *testing.T) {
	for _, c := range []struct{ connections, left int }{{1, 0}, {2, 0}, {16, 4}} {
		t.Run(fmt.Sprint(c.connections), func(t *testing.T) {
			o := open(t, server.Database(t)+fmt.Sprint("&pool_max_conns=", c.connections))
			vendor := begin(t, pool(t, o.pool.Config().ConnString()))
			require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(vendor), storetest.Order(t, "held")))

			before := o.pool.Stat().AcquireCount()
			var waiting []<-chan []error
			for range c.connections + 4 {
				waiting = append(waiting, commitAlone(t, o))
			}
			most := 0
			waitFor(t, func() bool {
				s := o.pool.Stat()
				most = max(most, int(s.AcquiredConns()))
				return s.AcquireCount() >= before+int64(c.connections) // if they kept them, all would be taken
			})
			assert.LessOrEqual(t, most, c.connections-c.left)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			assert.Equal(t, outcome{}, <-commit(ctx, o, storetest.Order(t, "another")))
			_, err := o.List(ctx, lock.Filter{})
			assert.NoError(t, err)
			for _, w := range waiting {
				assert.Empty(t, w)
			}

			require.NoError(t, vendor.Rollback(t.Context()))
			stored := 0
			for _, w := range waiting {
				errs := <-w
				require.Len(t, errs, 251)
				if errs[0] == nil {
					stored++
				} else {
					require.ErrorIs(t, errs[0], lock.ErrConflict)
				}
			}
			assert.Equal(t, 1, stored, "one lock of the device")
		})
	}
}

// begin begins a transaction, which ends with the test if not before.
func begin(t *testing.T, p *pgxpool.Pool) pgx.Tx {
	t.Helper()
	tx, err := p.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	return tx
}

// commitAlone commits an order of the device "held", with so many notices that it is written together with no other call's.
func commitAlone(t *testing.T, s lock.Store) <-chan []error {
	t.Helper()
	batch := []lock.Change{storetest.Order(t, "held")}
	for range 250 {
		batch = append(batch, storetest.Notice(t, "other"))
	}
	done := make(chan []error, 1)
	go func() {
		errs, err := s.Commit(t.Context(), batch)
		assert.NoError(t, err)
		done <- errs
	}()
	return done
}

// Two transactions of the vendor's take the same devices in opposite orders. PostgreSQL ends what the store does in one of them: it lets the
// other pass, and is done again.
func TestADeadlockIsTriedAgain(t *testing.T) {
	o := fresh(t)
	first, second := storetest.Order(t, "mac-1"), storetest.Order(t, "mac-2")
	storetest.Commit(t, o, []lock.Change{first, second})
	tx, other := begin(t, o.pool), begin(t, o.pool)
	// Who looks for a deadlock and finds one is ended. Each looks once, so long after it began to wait.
	_, err := tx.Exec(t.Context(), "SET LOCAL deadlock_timeout = '2s'")
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "SET LOCAL deadlock_timeout = '10min'")
	require.NoError(t, err)

	const take = "SELECT FROM actions WHERE id = $1 FOR UPDATE"
	_, err = other.Exec(t.Context(), take, string(second.Actions[0].ID))
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		errs, err := o.InTx(tx).Commit(t.Context(), []lock.Change{
			storetest.Next(t, first.Actions[0], lock.EventIssued), storetest.Next(t, second.Actions[0], lock.EventIssued),
		})
		assert.NoError(t, err)
		assert.Equal(t, []error{nil, nil}, errs)
	}()
	waitFor(t, func() bool { return ask[int](t, o.pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 1 })
	_, err = other.Exec(t.Context(), take, string(first.Actions[0].ID))
	require.NoError(t, err)
	require.NoError(t, other.Rollback(t.Context()))
	<-done
	require.NoError(t, tx.Commit(t.Context()))
}
