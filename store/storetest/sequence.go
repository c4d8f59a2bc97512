package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// sequencer is the optional part of a store that gives positions after the commit. More says that another call has work to do.
type sequencer interface {
	Sequence(ctx context.Context) (more bool, err error)
}

// later reports whether the store gives positions after the commit.
func (l *ledger) later() bool {
	_, ok := l.Store.(sequencer)
	return ok
}

// sequence lets a store that gives positions later give them to everything that is committed.
func (l *ledger) sequence() {
	l.Helper()
	s, ok := l.Store.(sequencer)
	for more := ok; more; {
		var err error
		more, err = s.Sequence(l.Context())
		require.NoError(l, err)
	}
}

// sequenceCases are for stores that give positions later; see the package comment.
func sequenceCases() []testCase {
	cases := []testCase{
		{"an action's events are there at once, and in the feed once they have positions", atOnce},
		{"nothing to do", func(l *ledger) {
			l.sequence()
			l.dense(0)
			l.ordered("mac-1")
			feed := l.dense(1)
			l.sequence()
			assert.Len(l, l.given(), 1)
			l.unchanged(feed, l.given())
		}},
		{"everything that is committed has a position when no more is to do", manyPages},
		{"events of one time follow their numbers", oneTime},
		{"dense and fixed under concurrent writers and sequencers", racingSequencers},
		{"a sequencer that is called away", interruptedSequencers},
		{"a transaction that ends late changes no position", lateTransaction},
		{"a rollback takes no position", func(l *ledger) {
			l.joins()
			inside, tx := l.begin()
			inside.ordered("mac-1")
			l.ordered("mac-2")
			l.sequence()
			require.NoError(l, tx.Rollback())
			l.ordered("mac-3")
			l.dense(2)
		}},
		{"positions outlive the store", func(l *ledger) {
			if l.Reopen == nil {
				l.Skip("this store does not outlive the process")
			}
			l.must(l.notice("mac-1"), l.order("mac-2"))
			feed := l.dense(2)
			waiting := l.ordered("mac-3", when(-5))
			reopened, err := l.Reopen()
			require.NoError(l, err)
			l = l.with(reopened)
			assert.Len(l, l.given(), 2)
			l.numbered(waiting, 1)
			l.unchanged(feed, l.dense(3))
		}},
	}
	for i, c := range cases {
		cases[i].run = func(l *ledger) {
			if !l.later() {
				l.Skip("this store gives positions at commit")
			}
			c.run(l)
		}
	}
	return cases
}

// given is the feed as it is now: nothing is given a position for it.
func (l *ledger) given() []lock.Event {
	l.Helper()
	return l.follow(nil)
}

// follow reads the feed on from what was seen, without giving positions.
func (l *ledger) follow(seen []lock.Event) []lock.Event {
	l.Helper()
	for {
		events, err := l.Store.Events(l.Context(), lock.EventFilter{From: int64(len(seen)), Limit: maxBatch})
		require.NoError(l, err)
		if len(events) == 0 {
			return seen
		}
		for _, e := range events {
			require.Equal(l, int64(len(seen)), e.Position, "one after the other")
			seen = append(seen, e)
		}
	}
}

func atOnce(l *ledger) {
	a := l.ordered("mac-1")
	assert.Equal(l, []int64{-1}, positions(l.events(lock.EventFilter{Action: a.ID})))
	assert.Empty(l, l.given())
	newest, err := l.Store.Events(l.Context(), lock.EventFilter{Newest: true, Scope: "acme"})
	require.NoError(l, err)
	assert.Empty(l, newest)
	l.dense(1)
	a = l.went(a, lock.EventIssued)
	l.must(l.notice("mac-1"))
	assert.Equal(l, []int64{0, -1}, positions(l.events(lock.EventFilter{Action: a.ID})))
	assert.Equal(l, []int64{-1, 0}, positions(l.events(lock.EventFilter{Action: a.ID, Newest: true})))
	assert.Len(l, l.given(), 1)
	for _, e := range l.dense(3) {
		if e.Action != "" {
			same := l.events(lock.EventFilter{Action: e.Action, From: int64(e.Seq), Limit: 1})
			require.Len(l, same, 1)
			assert.Equal(l, e.Position, same[0].Position)
		}
	}
}

func manyPages(l *ledger) {
	const pages = 3
	for page := range pages {
		changes := make([]lock.Change, maxBatch)
		for i := range changes {
			changes[i] = l.notice(fmt.Sprintf("mac-%d-%d", page, i))
		}
		l.must(changes...)
	}
	l.sequence()
	assert.Len(l, l.given(), pages*maxBatch)
}

// oneTime has events that differ in nothing that orders them but their action and number, more than nine of them.
func oneTime(l *ledger) {
	same := func(e *lock.Event) { e.Time = at(0) }
	batch := []lock.Change{}
	for i := range 3 {
		c := l.order(fmt.Sprint("mac-", i))
		batch = append(batch, c)
		for range 24 {
			c = l.next(c.Actions[0], lock.EventRevealed, same)
			batch = append(batch, c)
		}
	}
	l.must(batch...)
	l.dense(len(batch))
}

// racingSequencers has somebody who writes, several who give positions, and one who reads what is given as it is given.
func racingSequencers(l *ledger) {
	lines := l.inserts(8, l.rounds(15))
	total := 0
	for i, line := range lines {
		for _, c := range line {
			lines[i] = append(lines[i], l.next(c.Actions[0], lock.EventRevealed), l.notice("mac"))
		}
		total += len(lines[i])
	}
	ended, finish := l.writing(lines)
	stop := l.sequencers(4, ended)
	var seen []lock.Event
	passes(ended, func() { seen = l.follow(seen) })
	finish()
	stop()
	l.sequence()
	assert.Len(l, l.follow(seen), total)
	l.unchanged(seen, l.dense(total))
}

// sequencers give positions until the writers are done. Stop waits for them.
func (l *ledger) sequencers(n int, ended <-chan struct{}) (stop func()) {
	l.Helper()
	s, ok := l.Store.(sequencer)
	require.True(l, ok)
	errs := make([]error, n)
	var done sync.WaitGroup
	for i := range errs {
		done.Go(func() {
			for open(ended) && errs[i] == nil {
				_, errs[i] = s.Sequence(l.Context())
			}
		})
	}
	return func() {
		l.Helper()
		done.Wait()
		require.NoError(l, errors.Join(errs...))
	}
}

// interruptedSequencers ends the context of those who give positions, at one moment after the other, while a fault is armed and while not.
func interruptedSequencers(l *ledger) {
	s, ok := l.Store.(sequencer)
	require.True(l, ok)
	faults := append([]Fault{{Arm: func(testing.TB) func() { return func() {} }}}, l.Faults...)
	var seen []lock.Event
	total := 0
	for _, f := range faults {
		for round := range l.rounds(20) {
			l.must(l.order(fmt.Sprint(f.Name, "/", round)), l.notice("mac"), l.notice("mac"))
			total += 3
			ctx, leave := context.WithCancel(l.Context())
			timer := time.AfterFunc(time.Duration(round)*200*time.Microsecond, leave)
			disarm := f.Arm(l)
			_, _ = s.Sequence(ctx) // done or not: nobody knows
			disarm()
			timer.Stop()
			leave()
			seen = l.follow(seen)
		}
	}
	l.unchanged(seen, l.dense(total))
}

// lateTransaction orders early inside and commits late. In between, the feed goes on without it.
func lateTransaction(l *ledger) {
	l.joins()
	inside, tx := l.begin()
	early := inside.ordered("mac-1")
	outside := l.ordered("mac-2", when(5))
	l.dense(1)
	l.must(l.notice("mac-3"))
	l.went(outside, lock.EventIssued)
	feed := l.dense(3)
	early = inside.went(early, lock.EventIssued)
	inside.numbered(early, 2)
	l.sequence()
	assert.Len(l, l.given(), 3)
	require.NoError(l, tx.Commit())
	l.numbered(early, 2)
	l.unchanged(feed, l.given())
	later := l.dense(5)
	l.unchanged(feed, later)
	assert.Equal(l, []lock.ID{early.ID, early.ID}, []lock.ID{later[3].Action, later[4].Action})
}
