package sqlite_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func events(t *testing.T, s lock.Store) []lock.Event {
	t.Helper()
	found, err := s.Events(t.Context(), lock.EventFilter{})
	require.NoError(t, err)
	return found
}

// While a transaction has written and not yet committed, everybody else sees the state before, and need not wait for it.
func TestReadersSeeTheStateBefore(t *testing.T) {
	o := fresh(t)
	first := storetest.Order(t, "mac-1")
	require.Equal(t, outcome{}, <-commit(t.Context(), o, first))
	tx, err := pool(t, sqlite.DSN(o.path)).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	second := storetest.Order(t, "mac-2")
	issued := storetest.Next(t, first.Actions[0], lock.EventIssued)
	errs, err := o.InTx(tx).Commit(t.Context(), []lock.Change{second, issued})
	require.NoError(t, err)
	require.Equal(t, []error{nil, nil}, errs)

	a, err := o.Get(t.Context(), first.Actions[0].ID)
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, a.State)
	_, err = o.Get(t.Context(), second.Actions[0].ID)
	require.ErrorIs(t, err, lock.ErrNotFound)
	assert.Len(t, events(t, o), 1)

	require.NoError(t, tx.Commit())
	a, err = o.Get(t.Context(), first.Actions[0].ID)
	require.NoError(t, err)
	assert.Equal(t, lock.StateIssued, a.State)
	assert.Len(t, events(t, o), 3)
}

// A reader in the middle of its transaction does not hold up a commit, nor see it.
func TestAReaderHoldsUpNoCommit(t *testing.T) {
	o := fresh(t)
	reading, err := pool(t, strings.Replace(sqlite.DSN(o.path), "_txlock=immediate&", "", 1)).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = reading.Rollback() }()
	assert.Empty(t, events(t, o.InTx(reading)))
	require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, "mac-1")))
	assert.Empty(t, events(t, o.InTx(reading)), "its moment has not moved")
	assert.Len(t, events(t, o), 1)
}

// patience makes the store wait so many milliseconds for the write lock.
func patience(t *testing.T, o *opened, milliseconds int) {
	t.Helper()
	_, err := o.writer.ExecContext(t.Context(), fmt.Sprintf("PRAGMA busy_timeout = %d", milliseconds))
	require.NoError(t, err)
}

// A write lock that another program holds for a while is waited for.
func TestABusyDatabaseIsWaitedFor(t *testing.T) {
	o := fresh(t)
	other, err := pool(t, sqlite.DSN(o.path)).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var waiting []<-chan outcome
	for i := range 3 {
		waiting = append(waiting, commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
	}
	for o.writer.Stats().InUse == 0 { // until the store is at it
		select {
		case got := <-waiting[0]:
			t.Fatalf("a commit returned %v while another program held the lock", got)
		default:
		}
	}
	for range 50 { // time enough to fail
		require.Empty(t, events(t, o), "readers need not wait")
	}
	require.NoError(t, other.Commit())
	for _, w := range waiting {
		require.Equal(t, outcome{}, <-w)
	}
	assert.Len(t, events(t, o), 3)
}

// One that is held for longer than the busy timeout is an error which says that nothing was stored; and nothing was.
func TestABusyDatabaseIsNotWaitedForEver(t *testing.T) {
	o := fresh(t)
	patience(t, o, 1)
	other, err := pool(t, sqlite.DSN(o.path)).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	c := storetest.Order(t, "mac-1")
	got := <-commit(t.Context(), o, c)
	require.ErrorContains(t, got.err, "another program holds the write lock of the database, nothing was stored")
	_, err = o.Grow(t.Context(), 0, 1, nil, []byte("note"))
	require.Error(t, err)
	require.NoError(t, other.Commit())
	assert.Empty(t, events(t, o))
	size, _, err := o.Checkpoint(t.Context())
	require.NoError(t, err)
	assert.Zero(t, size)
	assert.Equal(t, outcome{}, <-commit(t.Context(), o, c), "repeated when the lock is free")
}

// Whose call still waited is told that nothing was stored, whose call was being written that this is unknown.
func TestACallerWhoLeavesIsToldWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, faults := faulty(t)
		writing, leave := context.WithCancel(t.Context())
		written := storetest.Order(t, "mac-1")
		committing, goOn := faults.hold()
		first := commit(writing, o, written)
		<-committing
		waiting, stop := context.WithCancel(t.Context())
		second := commit(waiting, o, storetest.Order(t, "mac-2"))
		synctest.Wait()
		stop()
		require.ErrorContains(t, (<-second).err, "nothing was stored")
		leave()
		require.ErrorContains(t, (<-first).err, "the outcome is unknown")
		close(goOn)
		require.Equal(t, outcome{}, <-commit(t.Context(), o, written), "repeated")
		assert.Len(t, events(t, o), 1)
		o.close() // in the bubble that it was opened in
	})
}
