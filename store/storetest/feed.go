package storetest

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func feedCases() []testCase {
	return []testCase{
		{"dense and in order under concurrent writers", concurrentFeed},
		{"a conflict takes no position", func(l *ledger) {
			l.ordered("mac-1")
			l.must(l.notice("mac-1"))
			l.conflicts(join(l.order("mac-2"), l.order("mac-1"), l.notice("mac-2")))
			l.ordered("mac-3")
			l.dense(3)
		}},
		{"a change's events lie side by side, in their order", func(l *ledger) {
			if l.later() {
				l.Skip("this store gives positions later, in an order of its own between actions")
			}
			c := join(l.order("mac-2"), l.order("mac-1"), l.notice("mac-3"), l.notice("mac-0"))
			l.must(c)
			for i, e := range l.dense(4) {
				assert.Equal(l, string(c.Events[i].Body), string(e.Body))
			}
		}},
		{"from a position, forwards and backwards", func(l *ledger) {
			for i := range 6 {
				l.must(l.notice(fmt.Sprint("mac-", i)))
			}
			read := func(f lock.EventFilter) []int64 { return positions(l.events(f)) }
			assert.Equal(l, []int64{2, 3}, read(lock.EventFilter{From: 2, Limit: 2}))
			assert.Equal(l, []int64{5}, read(lock.EventFilter{From: 5}))
			assert.Empty(l, read(lock.EventFilter{From: 6}))
			assert.Equal(l, []int64{5, 4}, read(lock.EventFilter{Newest: true, Limit: 2}))
			assert.Equal(l, []int64{3, 2, 1, 0}, read(lock.EventFilter{Newest: true, From: 4}))
			assert.Equal(l, []int64{0}, read(lock.EventFilter{Newest: true, From: 1}))
		}},
		{"filters", filteredFeed},
		{"several types in pages, forwards and backwards", typesInPages},
	}
}

func concurrentFeed(l *ledger) {
	const lines, actions, steps = 8, 5, 3
	changes := make([][]lock.Change, lines)
	for line := range lines {
		for i := range actions {
			c := l.order(fmt.Sprintf("mac-%d-%d", line, i))
			changes[line] = append(changes[line], c, l.notice("mac"))
			for range steps {
				c = l.next(c.Actions[0], lock.EventRevealed)
				changes[line] = append(changes[line], c)
			}
		}
	}
	_, finish := l.writing(changes)
	finish()
	total := lines * actions * (2 + steps)
	feed := l.dense(total)
	l.unchanged(feed, l.dense(total))
	l.ordered("one more")
	l.unchanged(feed, l.dense(total+1))
}

func typesInPages(l *ledger) {
	for i := range 4 {
		l.went(l.ordered(fmt.Sprint("mac-", i)), lock.EventIssued)
		l.must(l.notice("mac"))
	}
	var wanted []int64
	for _, e := range l.feed(50) {
		if e.Type != lock.EventIssued {
			wanted = append(wanted, e.Position)
		}
	}
	types := []lock.EventType{lock.EventDenied, lock.EventOrdered, lock.EventDenied}
	assert.Equal(l, wanted, paged(l, lock.EventFilter{Types: types, Limit: 3}))
	assert.Equal(l, backwards(wanted), paged(l, lock.EventFilter{Types: types, Limit: 3, Newest: true}))
}

// paged reads page after page, and returns the positions. With Newest the last page ends at position 0, below which there is nothing.
func paged(l *ledger, f lock.EventFilter) (seen []int64) {
	for {
		page := positions(l.events(f))
		require.LessOrEqual(l, len(page), f.Limit)
		if len(page) == 0 {
			return seen
		}
		seen, f.From = append(seen, page...), page[len(page)-1]
		if !f.Newest {
			f.From++
		} else if f.From == 0 {
			return seen
		}
	}
}

func filteredFeed(l *ledger) {
	a := l.ordered("mac-1")
	l.sequence() // each time, so that the order is the same with stores that give positions later
	l.must(l.notice("mac-1"))
	l.sequence()
	a = l.went(l.went(a, lock.EventIssued), lock.EventAcknowledged)
	l.sequence()
	b := l.ordered("mac-2", otherScope)
	for _, c := range []struct {
		name   string
		filter lock.EventFilter
		want   []int64
	}{
		{"action", lock.EventFilter{Action: a.ID}, []int64{0, 2, 3}},
		{"action from its second event", lock.EventFilter{Action: a.ID, From: 2}, []int64{2, 3}},
		{"action beyond its last event", lock.EventFilter{Action: a.ID, From: 4}, nil},
		{"action, newest first", lock.EventFilter{Action: a.ID, Newest: true, Limit: 2}, []int64{3, 2}},
		{"action, below its third event", lock.EventFilter{Action: a.ID, Newest: true, From: 3}, []int64{2, 0}},
		{"action that does not exist", lock.EventFilter{Action: lock.NewID(at(0))}, nil},
		{"action in another scope", lock.EventFilter{Action: b.ID, Scope: "acme"}, nil},
		{"scope", lock.EventFilter{Scope: "acme"}, []int64{0, 1, 2, 3}},
		{"devices", lock.EventFilter{Devices: []string{"mac-2", "mac-3"}}, []int64{4}},
		{"actor", lock.EventFilter{Actor: "mallory"}, []int64{1}},
		{"types", lock.EventFilter{Types: []lock.EventType{lock.EventOrdered, lock.EventDenied}}, []int64{0, 1, 4}},
		{"types from a position", lock.EventFilter{Types: []lock.EventType{lock.EventOrdered}, From: 1}, []int64{4}},
		{"all of them", lock.EventFilter{Scope: "acme", Devices: []string{"mac-1"}, Actor: "ada", Types: []lock.EventType{lock.EventOrdered}}, []int64{0}},
	} {
		events := l.events(c.filter)
		require.Len(l, events, len(c.want), c.name)
		for i, e := range events {
			assert.Equal(l, c.want[i], e.Position, c.name)
		}
	}
}
