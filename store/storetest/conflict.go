package storetest

import (
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// writers is how many race each other.
const writers = 32

func conflictCases() []testCase {
	return []testCase{
		{"racing writers on one version have one winner", func(l *ledger) {
			a := l.ordered("mac-1")
			changes := make([]lock.Change, writers)
			for i := range changes {
				changes[i] = l.next(a, lock.EventIssued, when(i+1))
			}
			winner := l.oneWinner(l.race(changes))
			l.holds(changes[winner].Actions[0])
			l.dense(2)
		}},
		{"racing writers on one version in one batch have one winner", func(l *ledger) {
			a := l.ordered("mac-1")
			changes := make([]lock.Change, writers)
			for i := range changes {
				changes[i] = l.next(a, lock.EventIssued, when(i+1))
			}
			winner := l.oneWinner(l.commit(changes...))
			l.holds(changes[winner].Actions[0])
			l.dense(2)
		}},
		{"racing chains lose no event", racingChains},
		{"a stale version", func(l *ledger) {
			a := l.ordered("mac-1")
			b := l.went(l.went(a, lock.EventIssued), lock.EventAcknowledged)
			l.conflicts(l.next(a, lock.EventCancelled))
			l.holds(b)
			l.dense(3)
		}},
		{"a version ahead", func(l *ledger) {
			a := l.ordered("mac-1")
			c := l.next(l.next(a, lock.EventIssued).Actions[0], lock.EventAcknowledged)
			l.conflicts(c)
			l.holds(a)
			l.dense(1)
		}},
		{"an action that was never ordered", func(l *ledger) {
			c := l.next(l.order("mac-1").Actions[0], lock.EventIssued)
			l.conflicts(c)
			l.absent(c.Actions[0].ID)
		}},
		{"another order with the same ID", func(l *ledger) {
			a := l.ordered("mac-1")
			other := l.order("mac-2")
			e := other.Events[0]
			e.Action = a.ID
			l.conflicts(l.step(lock.Action{}, e))
			l.holds(a)
			l.dense(1)
		}},
	}
}

func racingChains(l *ledger) {
	actions := make([]lock.Action, 8)
	for i := range actions {
		actions[i] = l.ordered(fmt.Sprint("mac-", i))
	}
	for range 5 {
		changes := make([]lock.Change, len(actions))
		for i, a := range actions {
			changes[i] = l.next(a, lock.EventWoken)
		}
		for i, err := range l.race(changes) {
			if err != nil {
				l.Fatalf("writer %d: %v", i, err)
			}
			actions[i] = changes[i].Actions[0]
		}
	}
	for _, a := range actions {
		l.holds(a)
	}
	l.dense(8 + 8*5)
}
