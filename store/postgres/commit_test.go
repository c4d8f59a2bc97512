package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// A caller who waits for a transaction of the vendor's waits alone.
func TestALongTransactionBlocksOnlyWhatItHolds(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(pgx.Tx, context.Context) error
		stored []error // the results of those who waited, but for conflicts
	}{
		"committed":   {pgx.Tx.Commit, []error{}},
		"rolled back": {pgx.Tx.Rollback, []error{nil}},
	} {
		t.Run(name, func(t *testing.T) {
			o := fresh(t)
			tx, err := o.pool.Begin(t.Context())
			require.NoError(t, err)
			require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(tx), storetest.Order(t, "held")))
			var waiting []<-chan outcome
			for range 8 { // more than there are writers
				waiting = append(waiting, commit(t.Context(), o, storetest.Order(t, "held")))
			}
			for i := range 50 {
				require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
			}
			for _, w := range waiting {
				require.Empty(t, w)
			}
			require.NoError(t, c.end(tx, t.Context()))
			var results []error
			for _, w := range waiting {
				got := <-w
				require.NoError(t, got.err)
				results = append(results, got.result)
			}
			results = slices.DeleteFunc(results, func(err error) bool { return errors.Is(err, lock.ErrConflict) })
			assert.Equal(t, c.stored, results, "one lock of the device")
		})
	}
}

func TestACallerWhoLeavesFreesTheConnection(t *testing.T) {
	t.Run("while it waits for a transaction", func(t *testing.T) {
		o := fresh(t)
		tx, err := o.pool.Begin(t.Context())
		require.NoError(t, err)
		require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(tx), storetest.Order(t, "held")))
		ctx, leave := context.WithCancel(t.Context())
		waiting := commit(ctx, o, storetest.Order(t, "held"))
		waitFor(t, func() bool { return ask[int](t, o.pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") > 0 })
		leave()
		require.ErrorIs(t, (<-waiting).err, context.Canceled)
		waitFor(t, func() bool { return o.pool.Stat().AcquiredConns() == 1 })
		require.NoError(t, tx.Rollback(t.Context()))
	})
	t.Run("while the server is silent", func(t *testing.T) {
		w := &wire{}
		o := open(t, server.Database(t), w)
		silent := func(*wired, []byte) error { return errSilent }
		w.fault.Store(&silent)
		ctx, leave := context.WithCancel(t.Context())
		var waiting []<-chan outcome
		for i := range 8 {
			waiting = append(waiting, commit(ctx, o, storetest.Order(t, fmt.Sprint("mac-", i))))
		}
		waitFor(t, func() bool { return o.pool.Stat().AcquiredConns() > 0 })
		leave()
		for _, w := range waiting {
			require.ErrorIs(t, (<-w).err, context.Canceled)
		}
		waitFor(t, func() bool { return o.pool.Stat().AcquiredConns() == 0 })
		w.fault.Store(nil)
		require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, "mac-1")))
	})
}

// TestACallerWhoLeavesBeforeTheFirstWord of a transaction frees the connection too, though the server has fallen silent and undoes nothing.
func TestACallerWhoLeavesBeforeTheFirstWord(t *testing.T) {
	w := &wire{}
	o := open(t, server.Database(t), w)
	ctx, leave := context.WithCancel(t.Context())
	silent := func(*wired, []byte) error { return errSilent }
	taken := func(writing context.Context) {
		leave()
		<-writing.Done()
		w.sent.Store(0)
		w.fault.Store(&silent)
	}
	w.taken.Store(&taken)
	require.ErrorIs(t, (<-commit(ctx, o, storetest.Order(t, "mac"))).err, context.Canceled)
	waitFor(t, func() bool { return w.fault.Load() != nil && o.pool.Stat().AcquiredConns() == 0 })
	w.taken.Store(nil)
	w.fault.Store(nil)
	require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, "mac")))
}

// Batches over the same actions in opposite orders: none waits for a deadlock to be found out.
func TestOppositeBatchesDoNotDeadlock(t *testing.T) {
	o := fresh(t)
	orders := storetest.Bulk(t, 0, 600)
	storetest.Commit(t, o, orders)
	for range 5 {
		orders = opposite(t, o, orders)
	}
	watch := pool(t, o.pool.Config().ConnString())
	o.pool.Close()
	waitFor(t, func() bool { // statistics are complete when a process has ended
		return ask[int](t, watch, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == 1
	})
	assert.Zero(t, ask[int](t, watch, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
}

// opposite takes each action one event further, or only moves its hints, in four batches at once that differ in which, and returns the changes
// with events that were stored.
func opposite(t *testing.T, o *opened, changes []lock.Change) []lock.Change {
	t.Helper()
	results := make(chan []lock.Change)
	for i := range 4 {
		var batch []lock.Change
		for k, c := range changes {
			next := lock.Change{Actions: c.Actions}
			if (i+k)%2 == 0 {
				next = storetest.Next(t, c.Actions[0], lock.EventRevealed)
			}
			batch = append(batch, next)
		}
		if i >= 2 {
			slices.Reverse(batch)
		}
		go func() {
			errs, err := o.Commit(t.Context(), batch)
			assert.NoError(t, err)
			results <- recorded(batch, errs)
		}()
	}
	var stored []lock.Change
	for range 4 {
		stored = append(stored, <-results...)
	}
	require.Len(t, stored, len(changes))
	return stored
}

// recorded are the changes with events that were stored.
func recorded(batch []lock.Change, errs []error) []lock.Change {
	var stored []lock.Change
	for i, err := range errs {
		if err == nil && len(batch[i].Events) > 0 {
			stored = append(stored, batch[i])
		}
	}
	return stored
}

// An order whose key or lane is taken while it is written: PostgreSQL says so by an error, which must not reach the caller.
func TestWhatIsTakenMeanwhileIsAConflict(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, o *opened) (first, second lock.Change)
	}{
		{"key", func(t *testing.T, _ *opened) (lock.Change, lock.Change) {
			first, second := storetest.Order(t, "mac-1"), storetest.Order(t, "mac-2")
			first.Key, second.Key = "key", "key"
			return first, second
		}},
		{"lane of an action that moves", func(t *testing.T, o *opened) (lock.Change, lock.Change) {
			late := storetest.Order(t, "mac-1")
			storetest.Commit(t, o, []lock.Change{late})
			for _, e := range []lock.EventType{lock.EventIssued, lock.EventCancelled} {
				late = storetest.Next(t, late.Actions[0], e)
				storetest.Commit(t, o, []lock.Change{late})
			}
			return storetest.Order(t, "mac-1"), storetest.Next(t, late.Actions[0], lock.EventAcknowledged)
		}},
		{"notice", func(t *testing.T, _ *opened) (lock.Change, lock.Change) {
			first, second, notice := storetest.Order(t, "mac-1"), storetest.Order(t, "mac-2"), storetest.Notice(t, "mac").Events[0]
			first.Events, second.Events = append(first.Events, notice), append(second.Events, notice)
			return first, second
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := fresh(t)
			holder, err := o.pool.Begin(t.Context())
			require.NoError(t, err)
			follower, err := o.pool.Begin(t.Context())
			require.NoError(t, err)
			first, second := c.make(t, o)
			require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(holder), first))
			waiting := []<-chan outcome{commit(t.Context(), o, second), commit(t.Context(), o.InTx(follower), second)}
			waitFor(t, func() bool { return ask[int](t, o.pool, "SELECT count(*) FROM pg_locks WHERE NOT granted") == 2 })
			require.NoError(t, holder.Commit(t.Context()))
			for _, w := range waiting {
				require.Equal(t, outcome{result: lock.ErrConflict}, <-w)
			}
			require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(follower), storetest.Order(t, "mac-3")), "the transaction goes on")
			require.NoError(t, follower.Commit(t.Context()))
		})
	}
}

func TestRoundTrips(t *testing.T) {
	w := &wire{}
	o := open(t, server.Database(t), w)
	orders := storetest.Bulk(t, 0, 40)
	storetest.Commit(t, o, orders[:1]) // statements are prepared
	storetest.Commit(t, o, []lock.Change{storetest.Next(t, orders[0].Actions[0], lock.EventIssued)})
	for _, c := range []struct {
		name    string
		changes []lock.Change
	}{
		{"an order", orders[1:2]},
		{"a step", []lock.Change{storetest.Next(t, orders[1].Actions[0], lock.EventIssued)}},
		{"a batch", orders[2:20]},
		{"a batch in which a device comes again", []lock.Change{
			orders[20], storetest.Next(t, orders[20].Actions[0], lock.EventCancelled), storetest.Order(t, orders[20].Actions[0].Device.ID),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := w.sent.Load()
			storetest.Commit(t, o, c.changes)
			assert.Equal(t, int64(1), w.sent.Load()-before)
		})
	}
}

// What PostgreSQL cannot keep is refused by itself and fails nobody else's change.
func TestTextsThatPostgreSQLCannotKeep(t *testing.T) {
	for name, text := range map[string]string{
		"zero byte":                 "a\x00b",
		"not UTF-8":                 "a\xff",
		"too long for an index":     strings.Repeat("ab", 1500),
		"too long, in other script": strings.Repeat("ü", 1500),
	} {
		for field, set := range map[string]func(*lock.Change){
			"reference":       func(c *lock.Change) { c.Actions[0].Ref = text },
			"key of a secret": func(c *lock.Change) { c.Events[0].Secrets[0].KeyID = text },
		} {
			t.Run(field+", "+name, func(t *testing.T) {
				o := fresh(t)
				bad := storetest.Order(t, "mac-1")
				set(&bad)
				errs, err := o.Commit(t.Context(), []lock.Change{bad, storetest.Order(t, "mac-2")})
				require.NoError(t, err)
				var input *lock.InputError
				require.ErrorAs(t, errs[0], &input)
				require.NoError(t, errs[1])
			})
		}
	}
	t.Run("as long as a device's name may be", func(t *testing.T) {
		o := fresh(t)
		c := storetest.Order(t, strings.Repeat("\U0001F512", 256))
		require.Equal(t, outcome{}, <-commit(t.Context(), o, c))
	})
}
