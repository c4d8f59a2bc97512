package storetest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func transactionCases() []testCase {
	cases := []testCase{
		{"what it committed is there afterwards, and not before", func(l *ledger) {
			inside, tx := l.begin()
			a := inside.ordered("mac-1")
			a = inside.went(a, lock.EventIssued)
			inside.holds(a)
			inside.numbered(a, 2) // positions may come with the commit, or later
			l.absent(a.ID)
			l.dense(0)
			require.NoError(l, tx.Commit())
			l.holds(a)
			l.dense(2)
		}},
		{"a rollback leaves nothing and takes no position", rolledBack},
		{"a conflict does not end it", conflictInside},
		{"a malformed change does not end it", func(l *ledger) {
			inside, tx := l.begin()
			errs := inside.commit(lock.Change{}, inside.order("mac-1"))
			var input *lock.InputError
			require.ErrorAs(l, errs[0], &input)
			require.NoError(l, errs[1])
			require.NoError(l, tx.Commit())
			l.dense(1)
		}},
		{"a change may be repeated in it", func(l *ledger) {
			c := keyed(l.order("mac-1"), "key")
			l.must(c)
			inside, tx := l.begin()
			inside.must(c, c)
			require.NoError(l, tx.Commit())
			l.dense(1)
		}},
		{"the store goes on beside it", func(l *ledger) {
			inside, tx := l.begin()
			a := inside.ordered("mac-1")
			require.NoError(l, tx.Commit())
			l.conflicts(l.order("mac-1"))
			l.holds(l.went(a, lock.EventIssued))
			l.dense(2)
		}},
	}
	for i, c := range cases {
		cases[i].run = func(l *ledger) {
			l.joins()
			c.run(l)
		}
	}
	return cases
}

// joins skips the case when the store does not join a caller's transaction.
func (l *ledger) joins() {
	l.Helper()
	if l.Begin == nil {
		l.Skip("this store does not join a caller's transaction")
	}
}

// begin starts a caller's transaction and returns the ledger as it is seen inside.
func (l *ledger) begin() (inside *ledger, tx Tx) {
	l.Helper()
	tx, err := l.Begin()
	require.NoError(l, err)
	return l.with(tx.Store), tx
}

func rolledBack(l *ledger) {
	before := l.ordered("mac-1")
	inside, tx := l.begin()
	c := keyed(join(inside.order("mac-2"), inside.notice("mac-2")), "key")
	inside.must(c)
	inside.went(before, lock.EventCancelled)
	require.NoError(l, tx.Rollback())
	l.holds(before)
	l.absent(c.Actions[0].ID)
	assert.Empty(l, l.list(lock.Filter{Key: "key"}))
	l.dense(1)
	l.must(c)
	l.dense(3)
}

func conflictInside(l *ledger) {
	l.must(keyed(l.order("mac-1"), "key"))
	inside, tx := l.begin()
	first := inside.ordered("mac-2")
	inside.conflicts(inside.order("mac-1"))
	inside.conflicts(keyed(inside.order("mac-3"), "key"))
	inside.conflicts(join(inside.order("mac-4"), inside.next(first, lock.EventIssued), inside.order("mac-1")))
	last := inside.went(first, lock.EventIssued)
	require.NoError(l, tx.Commit())
	l.holds(last)
	l.dense(3)
}
