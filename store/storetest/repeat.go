package storetest

import (
	"context"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func repeatCases() []testCase {
	return []testCase{
		{"the same change twice", func(l *ledger) {
			c := keyed(join(l.order("mac-1"), l.order("mac-2"), l.notice("mac-1")), "key")
			l.must(c)
			l.must(c)
			l.holds(c.Actions[0])
			l.dense(3)
		}},
		{"twice in one batch", func(l *ledger) {
			c := keyed(l.order("mac-1"), "key")
			l.must(c, l.order("mac-0"), c)
			l.holds(c.Actions[0])
			l.dense(2)
		}},
		{"a notice", func(l *ledger) {
			c := l.notice("mac-1")
			l.must(c)
			l.must(c)
			l.dense(1)
		}},
		{"after the action has moved on", func(l *ledger) {
			first := l.order("mac-1")
			l.must(first)
			second := l.next(first.Actions[0], lock.EventIssued)
			l.must(second)
			last := l.went(second.Actions[0], lock.EventCancelled)
			l.must(first, second)
			l.holds(last)
			l.dense(3)
		}},
		{"after its lane went to another", func(l *ledger) {
			first := l.order("mac-1")
			l.must(first)
			l.went(first.Actions[0], lock.EventCancelled)
			holder := l.ordered("mac-1")
			l.must(first)
			l.holds(holder)
		}},
		{"an outcome that nobody waited for", unknownOutcome},
		{"racing repeats are all answered with success", func(l *ledger) {
			c := keyed(l.order("mac-1"), "key")
			for _, err := range l.race(slices.Repeat([]lock.Change{c}, 16)) {
				require.NoError(l, err)
			}
			l.dense(1)
		}},
		{"another event with the same number is no repeat", func(l *ledger) {
			a := l.ordered("mac-1")
			issued := l.went(a, lock.EventIssued)
			l.conflicts(l.next(a, lock.EventIssued, when(7)))
			l.holds(issued)
			l.dense(2)
		}},
		{"half a repeat is a conflict", halfRepeat},
	}
}

func unknownOutcome(l *ledger) {
	c := l.order("mac-1")
	ctx, cancel := context.WithCancel(l.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = l.Store.Commit(ctx, []lock.Change{c}) // stored or not: nobody knows
	}()
	cancel()
	<-done
	l.must(c)
	l.holds(c.Actions[0])
	l.dense(1)
}

func halfRepeat(l *ledger) {
	order, notice := l.order("mac-1"), l.notice("mac-1")
	l.must(order)
	l.conflicts(join(order, notice))
	l.dense(1)
	l.must(notice)
	other := join(l.order("mac-2"), notice)
	l.conflicts(other)
	l.absent(other.Actions[0].ID)
	assert.Len(l, l.list(lock.Filter{}), 1)
	l.dense(2)
}
