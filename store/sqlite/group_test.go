package sqlite_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// outcome is what Commit returned for one change.
type outcome struct{ result, err error }

// commit commits the change from a goroutine of its own.
func commit(ctx context.Context, s lock.Store, c lock.Change) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		errs, err := s.Commit(ctx, []lock.Change{c})
		if err != nil {
			done <- outcome{err: err}
			return
		}
		done <- outcome{result: errs[0]}
	}()
	return done
}

// blocked returns a store whose only writing connection is taken, inside a synctest bubble; release gives the connection back.
func blocked(t *testing.T) (o *opened, release func()) {
	t.Helper()
	o = fresh(t)
	taken, err := o.writer.Conn(t.Context())
	require.NoError(t, err)
	return o, func() {
		require.NoError(t, taken.Close())
		synctest.Wait()
	}
}

func TestWaitingCommitsShareATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, release := blocked(t)
		before := commits(t, o)
		var waiting []<-chan outcome
		for i := range 16 {
			waiting = append(waiting, commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
		}
		waiting = append(waiting, commit(t.Context(), o, storetest.Order(t, "mac-0")))
		synctest.Wait()
		release()
		stored := 0
		for _, w := range waiting {
			got := <-w
			require.NoError(t, got.err)
			if got.result == nil {
				stored++
			}
		}
		assert.Equal(t, 16, stored, "a conflict touches nobody else's change")
		assert.Equal(t, 1, commits(t, o)-before, "transactions")
	})
}

func TestLoneCommitsAreTransactionsOfTheirOwn(t *testing.T) {
	o := fresh(t)
	before := commits(t, o)
	for i := range 3 {
		require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
	}
	assert.Equal(t, 3, commits(t, o)-before)
}

func TestAGroupIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, release := blocked(t)
		before := commits(t, o)
		results := make(chan error)
		for call := range 3 {
			var changes []lock.Change
			for i := range 400 {
				changes = append(changes, storetest.Order(t, fmt.Sprintf("mac-%d-%d", call, i)))
			}
			go func() {
				_, err := o.Commit(t.Context(), changes)
				results <- err
			}()
		}
		synctest.Wait()
		release()
		for range 3 {
			require.NoError(t, <-results)
		}
		assert.Equal(t, 2, commits(t, o)-before, "1,000 changes at most: two calls, then one")
	})
}

// The first caller is the one for whom the queue is written; the second follows.
func TestACancelledCallerLeavesTheOthers(t *testing.T) {
	for leaver, name := range []string{"the first", "a follower"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o, release := blocked(t)
				leaving, leave := context.WithCancel(t.Context())
				contexts := []context.Context{t.Context(), t.Context(), t.Context()}
				contexts[leaver] = leaving
				var changes []lock.Change
				var waiting []<-chan outcome
				for i, ctx := range contexts {
					changes = append(changes, storetest.Order(t, fmt.Sprint("mac-", i)))
					waiting = append(waiting, commit(ctx, o, changes[i]))
					synctest.Wait()
				}
				leave()
				require.ErrorIs(t, (<-waiting[leaver]).err, context.Canceled, "while the others still wait")
				release()
				_, err := o.Get(t.Context(), changes[leaver].Actions[0].ID)
				require.ErrorIs(t, err, lock.ErrNotFound, "it was withdrawn before it was written")
				for _, w := range append(waiting[:leaver:leaver], waiting[leaver+1:]...) {
					assert.Equal(t, outcome{}, <-w)
				}
			})
		})
	}
}

// A transaction that cannot be had fails those who wait for it, and the next caller is served.
func TestAFailedTransactionIsReported(t *testing.T) {
	o := fresh(t)
	_, err := o.writer.ExecContext(t.Context(), "PRAGMA synchronous = OFF")
	require.NoError(t, err)
	c := storetest.Order(t, "mac-1")
	errs, err := o.Commit(t.Context(), []lock.Change{c})
	require.Error(t, err)
	assert.Nil(t, errs)
	_, err = o.writer.ExecContext(t.Context(), "PRAGMA synchronous = FULL")
	require.NoError(t, err)
	assert.Equal(t, outcome{}, <-commit(t.Context(), o, c))
}
