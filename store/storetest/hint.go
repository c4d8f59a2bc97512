package storetest

import (
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

func hintCases() []testCase {
	return []testCase{
		{"only due and wake move", func(l *ledger) {
			a := l.ordered("mac-1")
			moved := a
			moved.Due, moved.Wake = at(77), 5
			given := moved
			given.State, given.Lane, given.Reason, given.Ref = lock.StateReleased, "", "another reason", "another ref"
			given.Secrets = nil
			l.must(lock.Change{Actions: []lock.Action{given}})
			l.holds(moved)
			l.dense(1)
		}},
		{"due can be taken away", func(l *ledger) {
			a := l.ordered("mac-1")
			a.Due, a.Wake = time.Time{}, 0
			l.must(lock.Change{Actions: []lock.Action{a}})
			l.holds(a)
		}},
		{"twice", func(l *ledger) {
			a := l.ordered("mac-1")
			a.Due = at(77)
			l.must(lock.Change{Actions: []lock.Action{a}}, lock.Change{Actions: []lock.Action{a}})
			l.holds(a)
		}},
		{"another version is a conflict", func(l *ledger) {
			a := l.ordered("mac-1")
			b := l.went(a, lock.EventIssued)
			a.Due = at(77)
			l.conflicts(lock.Change{Actions: []lock.Action{a}})
			a.Version = b.Version + 1
			l.conflicts(lock.Change{Actions: []lock.Action{a}})
			l.holds(b)
		}},
		{"all or none", func(l *ledger) {
			a, b := l.ordered("mac-1"), l.ordered("mac-2")
			moved := a
			moved.Due = at(77)
			unknown := l.order("mac-3").Actions[0]
			l.conflicts(lock.Change{Actions: []lock.Action{moved, b, unknown}})
			l.holds(a)
			l.absent(unknown.ID)
		}},
		{"an event moves them too", func(l *ledger) {
			c := l.next(l.ordered("mac-1"), lock.EventIssued)
			c.Actions[0].Due, c.Actions[0].Wake = at(99), 0
			l.must(c)
			l.holds(c.Actions[0])
		}},
	}
}
