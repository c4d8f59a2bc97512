package postgres_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// feed sequences and returns the whole feed.
func (o *opened) feed(t *testing.T) []lock.Event {
	t.Helper()
	more, err := o.Sequence(t.Context())
	require.NoError(t, err)
	require.False(t, more)
	events, err := o.Events(t.Context(), lock.EventFilter{Limit: 1000})
	require.NoError(t, err)
	for i, e := range events {
		require.Equal(t, int64(i), e.Position)
	}
	return events
}

// A transaction of the vendor's that stays open while others commit and are given positions keeps back its own events only.
func TestALongTransactionKeepsBackItsOwnEventsOnly(t *testing.T) {
	o := fresh(t)
	tx, err := o.pool.Begin(t.Context())
	require.NoError(t, err)
	early := storetest.Order(t, "early")
	require.Equal(t, outcome{}, <-commit(t.Context(), o.InTx(tx), early))
	later := []lock.Change{storetest.Order(t, "mac-1"), storetest.Order(t, "mac-2")}
	storetest.Commit(t, o, later)
	first := o.feed(t)
	require.Len(t, first, 2)

	next := storetest.Next(t, later[0].Actions[0], lock.EventIssued)
	storetest.Commit(t, o, []lock.Change{next})
	own, err := o.Events(t.Context(), lock.EventFilter{Action: next.Actions[0].ID})
	require.NoError(t, err)
	require.Len(t, own, 2)
	assert.Equal(t, int64(-1), own[1].Position, "it has none yet")

	require.NoError(t, tx.Commit(t.Context()))
	storetest.Commit(t, o, []lock.Change{storetest.Next(t, early.Actions[0], lock.EventIssued)})
	all := o.feed(t)
	require.Len(t, all, 5)
	assert.Equal(t, first, all[:2], "positions are for ever")
	seq := map[lock.ID]int{}
	for _, e := range all {
		seq[e.Action]++
		assert.Equal(t, seq[e.Action], e.Seq, "at position %d", e.Position)
	}
}

func TestSequenceSaysThatThereIsMore(t *testing.T) {
	o := fresh(t)
	changes := make([]lock.Change, 10_001)
	for i := range changes {
		changes[i] = storetest.Notice(t, fmt.Sprint("mac-", i))
	}
	storetest.Commit(t, o, changes)
	for _, want := range []struct {
		more      bool
		positions int
	}{{true, 10_000}, {false, 10_001}, {false, 10_001}} {
		more, err := o.Sequence(t.Context())
		require.NoError(t, err)
		assert.Equal(t, want.more, more)
		assert.Equal(t, want.positions, ask[int](t, o.pool, "SELECT count(*) FROM log"))
	}
	assert.Equal(t, 10_000, ask[int](t, o.pool, "SELECT max(position) FROM log"))
}

// Two processes take turns: whoever comes second gives no position twice and returns only when the first is done.
func TestSequencersTakeTurns(t *testing.T) {
	o := fresh(t)
	storetest.Commit(t, o, []lock.Change{storetest.Order(t, "mac-1")})
	tx, err := o.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE log IN EXCLUSIVE MODE") // the first stops here, with the sequencers' lock
	require.NoError(t, err)
	results := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := o.Sequence(t.Context())
			results <- err
		}()
	}
	waitFor(t, func() bool {
		return ask[int](t, o.pool, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 2
	})
	require.Empty(t, results)
	require.NoError(t, tx.Rollback(t.Context()))
	require.NoError(t, <-results)
	require.NoError(t, <-results)
	assert.Len(t, o.feed(t), 1)
}
