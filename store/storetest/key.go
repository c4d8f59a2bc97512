package storetest

import (
	"fmt"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func keyCases() []testCase {
	leadsTo := func(l *ledger, scope, key string, want ...lock.ID) {
		l.Helper()
		assert.ElementsMatch(l, want, ids(l.list(lock.Filter{Scope: scope, Key: key})))
	}
	return []testCase{
		{"a key leads to its action for ever", func(l *ledger) {
			c := keyed(l.order("mac-1"), "key")
			l.must(c, l.order("mac-2"))
			a := l.went(c.Actions[0], lock.EventCancelled)
			leadsTo(l, "acme", "key", a.ID)
			leadsTo(l, "acme", "other key")
		}},
		{"a key is there once in a scope", func(l *ledger) {
			a := keyed(l.order("mac-1"), "key")
			b := keyed(l.order("mac-1", otherScope), "key")
			l.must(a, b)
			again := keyed(l.order("mac-2"), "key")
			l.conflicts(again)
			l.absent(again.Actions[0].ID)
			leadsTo(l, "acme", "key", a.Actions[0].ID)
			leadsTo(l, "other", "key", b.Actions[0].ID)
			leadsTo(l, "", "key", a.Actions[0].ID, b.Actions[0].ID)
			l.dense(2)
		}},
		{"the key of a joined order leads to the action that it found", func(l *ledger) {
			a := l.ordered("mac-1")
			joined := func(e *lock.Event) { e.Key = "key" }
			a2 := keyed(l.next(a, lock.EventJoined, joined), "key")
			l.must(a2)
			leadsTo(l, "acme", "key", a.ID)
			l.conflicts(keyed(l.next(a2.Actions[0], lock.EventJoined, joined), "key"))
			l.conflicts(keyed(l.order("mac-2"), "key"))
			l.holds(a2.Actions[0])
		}},
		{"an action may have several keys", func(l *ledger) {
			c := keyed(l.order("mac-1"), "key")
			l.must(c)
			l.must(keyed(l.next(c.Actions[0], lock.EventJoined), "second key"))
			leadsTo(l, "acme", "key", c.Actions[0].ID)
			leadsTo(l, "acme", "second key", c.Actions[0].ID)
		}},
		{"a key leads to the first action of its change", func(l *ledger) {
			c := keyed(join(l.order("mac-2"), l.order("mac-1")), "key")
			l.must(c)
			leadsTo(l, "acme", "key", c.Actions[0].ID)
		}},
		{"racing orders with one key have one winner", func(l *ledger) {
			changes := make([]lock.Change, writers)
			for i := range changes {
				changes[i] = keyed(l.order(fmt.Sprint("mac-", i)), "key")
			}
			winner := l.oneWinner(l.race(changes))
			leadsTo(l, "acme", "key", changes[winner].Actions[0].ID)
			l.dense(1)
		}},
	}
}
