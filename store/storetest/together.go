package storetest

import (
	"sync"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// answer is what one call of Commit returned.
type answer struct {
	errs []error
	err  error
}

// rounds is how often a case does what it does, unless the fixture asks for more.
func (l *ledger) rounds(n int) int { return n * max(1, l.Rounds) }

// together commits each batch from a goroutine of its own, all at once.
func (l *ledger) together(batches [][]lock.Change) []answer {
	l.Helper()
	answers := make([]answer, len(batches))
	start := make(chan struct{})
	var done sync.WaitGroup
	for i, batch := range batches {
		done.Go(func() {
			<-start
			errs, err := l.Store.Commit(l.Context(), batch)
			answers[i] = answer{errs, err}
		})
	}
	close(start)
	done.Wait()
	for i, a := range answers {
		if a.err == nil {
			require.Len(l, a.errs, len(batches[i]))
		}
	}
	return answers
}

// race commits each change from a goroutine of its own, all at once, and returns what became of each.
func (l *ledger) race(changes []lock.Change) []error {
	l.Helper()
	batches := make([][]lock.Change, len(changes))
	for i, c := range changes {
		batches[i] = []lock.Change{c}
	}
	results := make([]error, len(changes))
	for i, a := range l.together(batches) {
		if results[i] = a.err; a.err == nil {
			results[i] = a.errs[0]
		}
	}
	return results
}

// writing begins to commit the changes of each line one after another, the lines side by side. The channel is closed when all are
// committed; finish waits for that, and checks that all of them were stored.
func (l *ledger) writing(lines [][]lock.Change) (ended <-chan struct{}, finish func()) {
	l.Helper()
	results := make([][]error, len(lines))
	var writers sync.WaitGroup
	for i, line := range lines {
		writers.Go(func() {
			for _, c := range line {
				errs, err := l.Store.Commit(l.Context(), []lock.Change{c})
				results[i] = append(append(results[i], err), errs...)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		writers.Wait()
		close(done)
	}()
	return done, func() {
		l.Helper()
		<-done
		for i, line := range results {
			for _, err := range line {
				require.NoError(l, err, "line %d", i)
			}
		}
	}
}

// open reports whether the channel is not closed yet.
func open(ended <-chan struct{}) bool {
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// exactly checks that these changes are stored and nothing else: the feed has their events and no other, once each; every action is as its
// last event left it, with its boxes, and equals the fold of its events; keys lead where they should.
func (l *ledger) exactly(changes []lock.Change) {
	l.Helper()
	wanted := map[string]bool{}
	for _, c := range changes {
		for _, e := range c.Events {
			wanted[string(e.Hash)] = true
		}
		if c.Key != "" {
			found := l.list(lock.Filter{Scope: c.Actions[0].Device.Scope, Key: c.Key})
			assert.Equal(l, []lock.ID{c.Actions[0].ID}, ids(found), "key %s", c.Key)
		}
	}
	for _, e := range l.dense(len(wanted)) {
		require.True(l, wanted[string(e.Hash)], "%s event at position %d comes twice, or from nowhere", e.Type, e.Position)
		delete(wanted, string(e.Hash))
	}
	for _, a := range latest(changes) {
		l.holds(a)
		l.folds(a.ID)
	}
}

// latest returns the actions as the changes leave them, in whatever order they are given.
func latest(changes []lock.Change) map[lock.ID]lock.Action {
	last := map[lock.ID]lock.Action{}
	hints := map[lock.ID]lock.Action{}
	for _, c := range changes {
		for _, a := range c.Actions {
			if len(c.Events) == 0 {
				hints[a.ID] = a
			} else if a.Version > last[a.ID].Version {
				last[a.ID] = a
			}
		}
	}
	for id, hint := range hints {
		if a := last[id]; a.Version == hint.Version {
			a.Due, a.Wake = hint.Due, hint.Wake
			last[id] = a
		}
	}
	return last
}

// unchanged checks that the feed begins with what was seen of it.
func (l *ledger) unchanged(seen, feed []lock.Event) {
	l.Helper()
	require.GreaterOrEqual(l, len(feed), len(seen))
	for i, e := range seen {
		require.Equal(l, e.Position, feed[i].Position)
		require.Equal(l, string(e.Body), string(feed[i].Body), "the event at position %d has changed", e.Position)
		require.Equal(l, e.Hash, feed[i].Hash, "the event at position %d has changed", e.Position)
	}
}

// folds checks that the stored action is the fold of its stored events, whose chain is whole.
func (l *ledger) folds(id lock.ID) {
	l.Helper()
	folded, err := lock.Action{}.Replay(l.events(lock.EventFilter{Action: id, Limit: maxBatch}))
	require.NoError(l, err)
	assert.Equal(l, text(l, folded), text(l, l.get(id)))
}
