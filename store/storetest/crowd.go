package storetest

import (
	"fmt"
	"slices"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

const crowd = 64

func crowdCases() []testCase {
	return []testCase{
		{"64 writers for the same actions, lanes and keys", crowded},
		{"64 writers with the same changes", sameChanges},
		{"batches in opposite orders do not block each other", oppositeBatches},
		{"changes that cross each other do not block each other", crossing},
	}
}

// contest is what several changes want, and one of them gets.
type contest struct {
	name   string
	claims int
	won    bool
	winner lock.Change
}

// claim is a change of a batch and the contest that it takes part in; nil: nothing stands against it.
type claim struct {
	lock.Change
	contest *contest
}

// contests are by name, so that those who want the same thing meet.
type contests map[string]*contest

func (c contests) claim(change lock.Change, format string, args ...any) claim {
	name := fmt.Sprintf(format, args...)
	if c[name] == nil {
		c[name] = &contest{name: name}
	}
	c[name].claims++
	return claim{change, c[name]}
}

// run commits the batches all at once. Of each contest one change is stored and all others conflict.
func (l *ledger) run(batches [][]claim) {
	l.Helper()
	changes := make([][]lock.Change, len(batches))
	for i, batch := range batches {
		for _, c := range batch {
			changes[i] = append(changes[i], c.Change)
		}
	}
	for i, a := range l.together(changes) {
		require.NoError(l, a.err, "writer %d", i)
		for k, err := range a.errs {
			l.judge(batches[i][k], err)
		}
	}
	for _, batch := range batches {
		for _, c := range batch {
			require.True(l, c.contest == nil || c.contest.won, "%s: nobody of those who wanted it", c.contest.String())
		}
	}
}

func (c *contest) String() string {
	if c == nil {
		return "uncontested"
	}
	return fmt.Sprintf("%s (%d claims)", c.name, c.claims)
}

func (l *ledger) judge(c claim, err error) {
	l.Helper()
	if c.contest == nil {
		require.NoError(l, err, "a change that nothing stands against")
		l.done = append(l.done, c.Change)
		return
	}
	if err != nil {
		require.ErrorIs(l, err, lock.ErrConflict, c.contest.String())
		return
	}
	require.False(l, c.contest.won, "%s: two of those who wanted it", c.contest)
	c.contest.won, c.contest.winner = true, c.Change
	l.done = append(l.done, c.Change)
}

// crowded gives every writer a batch of all kinds of changes, each for something that seven others want too, in an order of its own.
func crowded(l *ledger) {
	const things = 8
	idle := l.order("idle")
	l.must(idle)
	l.done = append(l.done, idle)
	moved := idle.Actions[0]
	moved.Due, moved.Wake = at(77), 3
	chains := make([]lock.Change, things)
	for i := range chains {
		chains[i] = l.order(fmt.Sprint("chain-", i))
	}
	l.must(chains...)
	l.done = append(l.done, chains...)
	for round := range l.rounds(3) {
		leaving := make([]lock.Change, things)
		for i := range leaving {
			leaving[i] = l.order(fmt.Sprintf("leaving-%d-%d", round, i))
		}
		l.must(leaving...)
		l.done = append(l.done, leaving...)
		all := contests{}
		batches := make([][]claim, crowd)
		for w := range batches {
			i := w % things
			chain, left, own := chains[i].Actions[0], leaving[i].Actions[0], fmt.Sprintf("own-%d-%d", round, w)
			leave := join(l.next(left, lock.EventCancelled), l.order(left.Device.ID), l.notice(own))
			if w%(2*things) < things {
				leave = l.next(left, lock.EventIssued)
			}
			step := []lock.EventType{lock.EventRevealed, lock.EventJoined, lock.EventFeedback}[w%3]
			batch := []claim{
				all.claim(l.next(chain, step), "%s, version %d", chain.Device.ID, chain.Version+1),
				all.claim(l.order(fmt.Sprintf("lane-%d-%d", round, i)), "lane %d", i),
				all.claim(keyed(l.order(own), fmt.Sprintf("key-%d-%d", round, i)), "key %d", i),
				all.claim(leave, "%s", left.Device.ID),
				{Change: l.notice(own)},
				{Change: lock.Change{Actions: []lock.Action{moved}}},
			}
			batches[w] = slices.Concat(batch[w%len(batch):], batch[:w%len(batch)])
		}
		l.run(batches)
		for i, c := range chains {
			a := c.Actions[0]
			chains[i] = all[fmt.Sprintf("%s, version %d", a.Device.ID, a.Version+1)].winner
		}
	}
	l.done = append(l.done, lock.Change{Actions: []lock.Action{moved}})
	l.exactly(l.done)
	assert.Len(l, l.events(lock.EventFilter{Action: chains[0].Actions[0].ID}), 1+l.rounds(3))
}

// sameChanges commits what others commit too: each writer is answered as if it were alone.
func sameChanges(l *ledger) {
	var changes []lock.Change
	for i := range 8 {
		name := fmt.Sprint("mac-", i)
		order := keyed(l.order(name), name)
		changes = append(changes, order, l.next(order.Actions[0], lock.EventIssued), l.notice(name))
	}
	for i, a := range l.together(slices.Repeat([][]lock.Change{changes}, crowd)) {
		require.NoError(l, a.err, "writer %d", i)
		for _, err := range a.errs {
			require.NoError(l, err, "writer %d", i)
		}
	}
	l.exactly(changes)
}

// oppositeBatches commits two batches for the same devices, one from the last to the first, of actions that move and of lanes that are taken:
// both are done, and for each device one of them wins.
func oppositeBatches(l *ledger) {
	const size = 20
	for round := range l.rounds(10) {
		orders := make([]lock.Change, size)
		for i := range orders {
			orders[i] = l.order(fmt.Sprintf("mac-%d-%03d", round, 2*i))
		}
		l.must(orders...)
		l.done = append(l.done, orders...)
		all := contests{}
		var forwards, back []claim
		for i, c := range orders {
			a, fresh := c.Actions[0], fmt.Sprintf("mac-%d-%03d", round, 2*i+1)
			forwards = append(forwards, all.claim(l.next(a, lock.EventIssued), "%s", a.Device.ID), all.claim(l.order(fresh), "%s", fresh))
			back = append(back, all.claim(l.next(a, lock.EventCancelled), "%s", a.Device.ID), all.claim(l.order(fresh), "%s", fresh))
		}
		l.run([][]claim{forwards, backwards(back)})
	}
	l.exactly(l.done)
}

// crossing commits what no order of devices keeps apart: keys that two batches take in opposite orders for devices of their own, and
// changes of two actions that name them in opposite orders. A store that is told of a deadlock repeats the commit by itself.
func crossing(l *ledger) {
	for round := range l.rounds(3) {
		a, b := l.order(fmt.Sprint("a-", round)), l.order(fmt.Sprint("b-", round))
		l.must(a, b)
		l.done = append(l.done, a, b)
		all := contests{}
		batches := make([][]claim, 8)
		for w := range batches {
			first, second := a.Actions[0], b.Actions[0]
			keys := []string{fmt.Sprint("key-1-", round), fmt.Sprint("key-2-", round)}
			if w%2 != 0 {
				first, second, keys = second, first, backwards(keys)
			}
			own := fmt.Sprintf("%d-%d", round, w)
			batches[w] = []claim{
				all.claim(keyed(l.order("own-1-"+own), keys[0]), "%s", keys[0]),
				all.claim(keyed(l.order("own-2-"+own), keys[1]), "%s", keys[1]),
				all.claim(join(l.next(first, lock.EventIssued), l.next(second, lock.EventIssued)), "both"),
			}
		}
		l.run(batches)
	}
	l.exactly(l.done)
}
