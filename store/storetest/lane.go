package storetest

import (
	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

func laneCases() []testCase {
	kind := func(k lock.Kind) func(*lock.Event) { return func(e *lock.Event) { e.Order.Kind = k } }
	return []testCase{
		{"a taken lane refuses a second order", func(l *ledger) {
			a := l.ordered("mac-1")
			c := l.order("mac-1")
			l.conflicts(c)
			l.absent(c.Actions[0].ID)
			l.holds(a)
			l.dense(1)
		}},
		{"racing orders for one lane have one winner", func(l *ledger) {
			changes := make([]lock.Change, writers)
			for i := range changes {
				changes[i] = l.order("mac-1")
			}
			winner := l.oneWinner(l.race(changes))
			assert.Equal(l, ids(changes[winner].Actions), ids(l.list(lock.Filter{Live: true})))
			l.dense(1)
		}},
		{"other devices, scopes and lanes are free", func(l *ledger) {
			l.must(l.order("mac-1"), l.order("mac-2"), l.order("mac-1", otherScope), l.order("mac-1", kind(lock.KindResetPasscode)))
			l.dense(4)
		}},
		{"kinds that share a lane do not fit beside each other", func(l *ledger) {
			l.ordered("mac-1")
			l.conflicts(l.order("mac-1", kind(lock.KindLostMode)))
		}},
		{"actions without a lane do not collide", func(l *ledger) {
			escrow := func(e *lock.Event) { e.Order.Kind, e.Order.State = lock.KindEscrow, lock.StateConfirmed }
			l.must(l.order("mac-1", escrow), l.order("mac-1", escrow), l.order("mac-1"))
			l.dense(3)
		}},
		{"a held order waits beside the live one", heldBeside},
		{"a lane that was left can be taken", func(l *ledger) {
			l.went(l.ordered("mac-1"), lock.EventCancelled)
			b := l.ordered("mac-1")
			assert.Equal(l, []lock.ID{b.ID}, ids(l.list(lock.Filter{Live: true})))
		}},
		{"an action keeps its lane as it moves", func(l *ledger) {
			l.went(l.went(l.ordered("mac-1"), lock.EventIssued), lock.EventAcknowledged)
			l.conflicts(l.order("mac-1"))
		}},
		{"one change leaves a lane and takes it", leaveAndTake},
		{"a change takes its lanes in its order", takeInOrder},
		{"one change cannot take a lane twice", func(l *ledger) {
			c := join(l.order("mac-1"), l.order("mac-1"))
			l.conflicts(c)
			l.absent(c.Actions[0].ID)
			l.ordered("mac-1")
		}},
		{"one batch leaves a lane and takes it", func(l *ledger) {
			a := l.ordered("mac-1")
			l.must(l.next(a, lock.EventCancelled), l.order("mac-1"))
			l.dense(3)
		}},
	}
}

// An answer that comes after its lock was cancelled and another was ordered.
func lateCases() []testCase {
	late := func(l *ledger) lock.Action {
		return l.went(l.went(l.ordered("mac-1"), lock.EventIssued), lock.EventCancelled)
	}
	return []testCase{
		{"it is confirmed without a lane", func(l *ledger) {
			a := late(l)
			holder := l.went(l.ordered("mac-1"), lock.EventIssued)
			a = l.went(a, lock.EventAcknowledged, noLane)
			assert.Equal(l, lock.StateConfirmed, a.State)
			l.holds(a)
			l.holds(holder)
			l.holds(l.went(holder, lock.EventAcknowledged))
			assert.Equal(l, []lock.ID{holder.ID}, ids(l.list(lock.Filter{Live: true})))
		}},
		{"it takes a free lane again", func(l *ledger) {
			a := l.went(late(l), lock.EventAcknowledged)
			assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{Live: true})))
			l.conflicts(l.order("mac-1"))
		}},
		{"it cannot take a lane that is held", func(l *ledger) {
			a := late(l)
			holder := l.ordered("mac-1")
			l.conflicts(l.next(a, lock.EventAcknowledged))
			l.holds(a)
			l.holds(holder)
		}},
		{"it supersedes a holder that has not left", func(l *ledger) {
			a := late(l)
			holder := l.ordered("mac-1")
			c := join(l.next(holder, lock.EventCancelled), l.next(a, lock.EventAcknowledged))
			l.must(c)
			l.holds(c.Actions[0])
			l.holds(c.Actions[1])
			assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{Live: true})))
		}},
		{"its lock and the holder's are both listed", func(l *ledger) {
			a := late(l)
			holder := l.ordered("mac-1", when(1))
			l.went(a, lock.EventAcknowledged, noLane)
			assert.Equal(l, []lock.ID{holder.ID, a.ID}, ids(l.list(lock.Filter{Scope: "acme", Devices: []string{"mac-1"}})))
		}},
	}
}

func heldBeside(l *ledger) {
	live := l.ordered("mac-1")
	waiting := l.ordered("mac-1", held)
	l.conflicts(l.order("mac-1", held))
	l.conflicts(l.next(waiting, lock.EventApproved))
	l.holds(waiting)
	l.went(live, lock.EventCancelled)
	l.holds(l.went(waiting, lock.EventApproved))
	l.ordered("mac-1", held)
}

func leaveAndTake(l *ledger) {
	a := l.ordered("mac-1")
	c := join(l.next(a, lock.EventCancelled), l.order("mac-1"))
	l.must(c)
	l.holds(c.Actions[0])
	l.holds(c.Actions[1])
	l.conflicts(l.order("mac-1"))
}

func takeInOrder(l *ledger) {
	a := l.ordered("mac-1")
	c := join(l.order("mac-1"), l.next(a, lock.EventCancelled))
	l.conflicts(c)
	l.holds(a)
	l.absent(c.Actions[0].ID)
}
