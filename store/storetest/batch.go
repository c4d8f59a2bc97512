package storetest

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func batchCases() []testCase {
	return []testCase{
		{"a life in one batch", moveOn},
		{"the first change of a device gets what the next one wants", firstCome},
		{"a change that builds on one that conflicts", builtOnSand},
		{"one key for several devices", oneKey},
		{"one notice in several changes", sharedNotice},
		{"thousands of orders, 1,000 at a time", bigBatch},
	}
}

// moveOn takes an action through its life in one batch.
func moveOn(l *ledger) {
	order := keyed(l.order("mac-1"), "key")
	issued := l.next(order.Actions[0], lock.EventIssued)
	added := l.next(issued.Actions[0], lock.EventSecretAdded, sealing(secret(2, "key-1", "second box")))
	resealed := l.next(added.Actions[0], lock.EventResealed, sealing(secret(1, "key-2", "again"), secret(2, "key-2", "second, again")))
	cancelled := l.next(resealed.Actions[0], lock.EventCancelled)
	another := l.order("mac-1")
	moved := join(l.next(another.Actions[0], lock.EventIssued), l.next(cancelled.Actions[0], lock.EventRevealed), l.notice("mac-1"))
	batch := []lock.Change{order, issued, added, resealed, cancelled, another, moved}
	l.must(batch...)
	l.exactly(batch)
	l.must(batch...)
	l.exactly(batch)
}

// firstCome: where several changes of a batch want the same and their device is the same, the first of them gets it.
func firstCome(l *ledger) {
	a := l.ordered("mac-1")
	hint := a
	hint.Due = at(77)
	issued, revealed := l.next(a, lock.EventIssued), l.next(a, lock.EventRevealed)
	for _, c := range []struct {
		name  string
		batch []lock.Change
		want  []bool // stored
	}{
		{"lane", []lock.Change{l.order("mac-2"), l.order("mac-2"), l.order("mac-2", held)}, []bool{true, false, true}},
		{"key", []lock.Change{keyed(l.order("mac-3", held), "key"), keyed(l.order("mac-3"), "key")}, []bool{true, false}},
		{"version", []lock.Change{hinted(hint), issued, revealed, hinted(hint), l.next(issued.Actions[0], lock.EventWoken)},
			[]bool{true, true, false, false, true}},
	} {
		for i, err := range l.commit(c.batch...) {
			if c.want[i] {
				require.NoError(l, err, "%s: change %d", c.name, i)
				continue
			}
			require.ErrorIs(l, err, lock.ErrConflict, "%s: change %d", c.name, i)
			if c.name != "version" {
				l.absent(c.batch[i].Actions[0].ID)
			}
		}
	}
	l.numbered(a, 3)
	l.dense(1 + 2 + 1 + 2)
}

func hinted(a lock.Action) lock.Change { return lock.Change{Actions: []lock.Action{a}} }

// A change that builds on one which is not stored is not stored either, and what it would have left, others may take.
func builtOnSand(l *ledger) {
	holder := l.ordered("mac-1")
	lost := keyed(join(l.order("mac-0"), l.order("mac-1")), "key")
	onIt := l.next(lost.Actions[0], lock.EventCancelled)
	after := keyed(l.order("mac-0"), "key")
	errs := l.commit(lost, onIt, after)
	require.ErrorIs(l, errs[0], lock.ErrConflict)
	require.ErrorIs(l, errs[1], lock.ErrConflict)
	require.NoError(l, errs[2])
	l.absent(lost.Actions[0].ID)
	l.holds(holder)
	assert.Equal(l, ids(after.Actions), ids(l.list(lock.Filter{Scope: "acme", Key: "key"})))
	l.dense(2)
}

// oneOf several devices gets a key; which of them is the store's choice.
func oneKey(l *ledger) {
	batch := []lock.Change{keyed(l.order("mac-3"), "key"), keyed(l.order("mac-1"), "key"), keyed(l.order("mac-2"), "key")}
	winner := l.oneWinner(l.commit(batch...))
	l.exactly(batch[winner : winner+1])
}

// A notice that two changes bring is in the ledger once. The second of them has another event beside it, so it is no repeat.
func sharedNotice(l *ledger) {
	notice := l.notice("mac-1")
	errs := l.commit(notice, notice, join(l.order("mac-1"), notice))
	require.NoError(l, errs[0])
	require.NoError(l, errs[1])
	require.ErrorIs(l, errs[2], lock.ErrConflict)
	l.exactly([]lock.Change{notice})
}

// Each order has a device, a box and a key of its own.
func bigBatch(l *ledger) {
	const chunk = maxBatch
	total := l.rounds(3) * chunk
	name := func(i int) string { return fmt.Sprintf("mac-%05d", i) }
	for from := 0; from < total; from += chunk {
		changes := make([]lock.Change, chunk)
		for i := range changes {
			changes[i] = keyed(l.order(name(from+i), func(e *lock.Event) { e.Order.Batch = "batch" }), "batch/"+name(from+i))
		}
		l.must(changes...)
	}
	seen := map[string]bool{}
	f := lock.Filter{Batch: "batch", Live: true, Limit: chunk}
	for range total / chunk {
		page := l.list(f)
		require.Len(l, page, chunk)
		for _, a := range page {
			seen[a.Device.ID] = true
		}
		f.Before = page[chunk-1].ID
	}
	assert.Len(l, seen, total)
	assert.Empty(l, l.list(f), "beyond the last page")
	for i := 0; i < total; i += 997 {
		found := l.list(lock.Filter{Scope: "acme", Key: "batch/" + name(i)})
		require.Len(l, found, 1)
		assert.Equal(l, "box of "+name(i), string(l.get(found[0].ID).Secrets[0].Box))
	}
	last := l.events(lock.EventFilter{Newest: true, Limit: 1})
	require.Len(l, last, 1)
	assert.Equal(l, int64(total-1), last[0].Position)
}
