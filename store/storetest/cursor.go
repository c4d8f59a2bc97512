package storetest

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func cursorCases() []testCase {
	return []testCase{
		{"a listing that is paged while others insert", pagedListing},
		{"a feed that is followed while others insert", followedFeed},
		{"a feed that is paged backwards while others insert", feedBackwards},
		{"the events of an action that are paged while it goes on", pagedAction},
	}
}

// inserts are lines of orders for devices of their own: half of them newer than all that the case lists, half older.
func (l *ledger) inserts(lines, each int) [][]lock.Change {
	l.Helper()
	changes := make([][]lock.Change, lines)
	for i := range changes {
		for k := range each {
			changes[i] = append(changes[i], l.order(fmt.Sprintf("new-%d-%d", i, k), when(1000*(k%2*2-1)+i)))
		}
	}
	return changes
}

// passes calls pass until the writers are done, and once more.
func passes(ended <-chan struct{}, pass func()) {
	for again := true; again; {
		again = open(ended)
		pass()
	}
}

// between commits an order on each side of what is listed, so that something changes between any two pages.
func (l *ledger) between(n *int) {
	l.Helper()
	*n++
	l.must(l.order(fmt.Sprint("newer-", *n), when(1000+*n)), l.order(fmt.Sprint("older-", *n), when(-1000-*n)))
}

func pagedListing(l *ledger) {
	const size, page = 40, 7
	orders := make([]lock.Change, size)
	for i := range orders {
		orders[i] = l.order(fmt.Sprint("mac-", i), when(i))
	}
	l.must(orders...)
	ended, finish := l.writing(l.inserts(4, l.rounds(25)))
	inserted := 0
	passes(ended, func() {
		seen := map[lock.ID]bool{}
		f := lock.Filter{Limit: page}
		for {
			found := l.list(f)
			for _, a := range found {
				require.True(l, f.Before == "" || a.ID < f.Before, "newest first")
				require.False(l, seen[a.ID], "an action comes twice")
				seen[a.ID], f.Before = true, a.ID
			}
			if len(found) < page {
				break
			}
			if inserted < 4*size { // else the older ones would never end
				l.between(&inserted)
			}
		}
		for _, c := range orders {
			require.True(l, seen[c.Actions[0].ID], "an action was passed over")
		}
	})
	finish()
}

// followedFeed reads the feed from its end on, as a webhook does, while others write and it writes itself.
func followedFeed(l *ledger) {
	lines := l.inserts(4, l.rounds(25))
	for i, line := range lines {
		for _, c := range line[:5] {
			lines[i] = append(lines[i], l.next(c.Actions[0], lock.EventRevealed), l.notice("mac"))
		}
	}
	ended, finish := l.writing(lines)
	var seen []lock.Event
	inserted := 0
	passes(ended, func() {
		for more := true; more; {
			events := l.events(lock.EventFilter{From: int64(len(seen)), Limit: 5})
			for _, e := range events {
				require.Equal(l, int64(len(seen)), e.Position, "one after the other")
				seen = append(seen, e)
			}
			more = len(events) > 0
			if inserted < 20 {
				l.between(&inserted)
			}
		}
	})
	finish()
	assert.Len(l, seen, 4*(l.rounds(25)+10)+2*inserted, "followed to the end")
	l.unchanged(seen, l.dense(len(seen)))
}

func feedBackwards(l *ledger) {
	for i := range 20 {
		l.must(l.notice(fmt.Sprint("mac-", i)))
	}
	ended, finish := l.writing(l.inserts(4, l.rounds(15)))
	inserted := 0
	passes(ended, func() {
		f := lock.EventFilter{Newest: true, Limit: 7}
		for {
			events := l.events(f)
			require.NotEmpty(l, events)
			for _, e := range events {
				require.True(l, f.From == 0 || e.Position == f.From-1, "position %d after %d", e.Position, f.From)
				f.From = e.Position
			}
			if f.From == 0 {
				return
			}
			if inserted < 20 {
				l.between(&inserted)
			}
		}
	})
	finish()
}

func pagedAction(l *ledger) {
	order := l.order("mac-1")
	l.must(order)
	line := []lock.Change{}
	for range l.rounds(60) {
		order = l.next(order.Actions[0], lock.EventRevealed)
		line = append(line, order)
	}
	ended, finish := l.writing(append(l.inserts(2, 20), line))
	seen := 0
	passes(ended, func() {
		for more := true; more; {
			events := l.events(lock.EventFilter{Action: order.Actions[0].ID, From: int64(seen + 1), Limit: 3})
			for _, e := range events {
				seen++
				require.Equal(l, seen, e.Seq)
			}
			more = len(events) > 0
		}
	})
	finish()
	assert.Equal(l, 1+len(line), seen)
	l.holds(order.Actions[0])
}
