package storetest

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// ledger is the store of one case and the test that it runs in.
type ledger struct {
	testing.TB
	Fixture
	done []lock.Change // by the case so far, where it keeps account
}

// with is the same test on another store.
func (l *ledger) with(s lock.Store) *ledger { return &ledger{TB: l.TB, Fixture: Fixture{Store: s}} }

// commit commits the changes as one batch and returns what became of each.
func (l *ledger) commit(changes ...lock.Change) []error {
	l.Helper()
	errs, err := l.Store.Commit(l.Context(), changes)
	require.NoError(l, err)
	require.Len(l, errs, len(changes))
	return errs
}

// must commits the changes as one batch; all of them are stored.
func (l *ledger) must(changes ...lock.Change) {
	l.Helper()
	for i, err := range l.commit(changes...) {
		require.NoError(l, err, "change %d", i)
	}
}

// conflicts commits the change, which must not be stored.
func (l *ledger) conflicts(c lock.Change) {
	l.Helper()
	require.ErrorIs(l, l.commit(c)[0], lock.ErrConflict)
}

func (l *ledger) get(id lock.ID) lock.Action {
	l.Helper()
	a, err := l.Store.Get(l.Context(), id)
	require.NoError(l, err)
	return a
}

func (l *ledger) absent(id lock.ID) {
	l.Helper()
	_, err := l.Store.Get(l.Context(), id)
	require.ErrorIs(l, err, lock.ErrNotFound)
	require.Empty(l, l.events(lock.EventFilter{Action: id}))
}

// holds checks that the store has the action just so, with boxes and scheduling hints.
func (l *ledger) holds(want lock.Action) {
	l.Helper()
	equal(l, want, l.get(want.ID), true)
}

func (l *ledger) list(f lock.Filter) []lock.Action {
	l.Helper()
	actions, err := l.Store.List(l.Context(), f)
	require.NoError(l, err)
	return actions
}

// events reads the feed, or what it holds of one action. Of the feed a store that gives positions later has only what it gave one.
func (l *ledger) events(f lock.EventFilter) []lock.Event {
	l.Helper()
	if f.Action == "" {
		l.sequence()
	}
	events, err := l.Store.Events(l.Context(), f)
	require.NoError(l, err)
	return events
}

// feed reads the whole feed in pages of this size.
func (l *ledger) feed(page int) []lock.Event {
	l.Helper()
	var all []lock.Event
	for {
		events := l.events(lock.EventFilter{From: int64(len(all)), Limit: page})
		require.LessOrEqual(l, len(events), page)
		if len(events) == 0 {
			return all
		}
		require.Equal(l, int64(len(all)), events[0].Position, "the feed begins where it was asked to")
		all = append(all, events...)
	}
}

// dense checks that the feed holds n events, at positions 0 to n-1 in that order, with each action's events by Seq from 1.
func (l *ledger) dense(n int) []lock.Event {
	l.Helper()
	feed := l.feed(50)
	require.Len(l, feed, n)
	seq := map[lock.ID]int{}
	for i, e := range feed {
		require.Equal(l, int64(i), e.Position)
		if e.Action != "" {
			seq[e.Action]++
			require.Equal(l, seq[e.Action], e.Seq, "at position %d", i)
		}
	}
	return feed
}

// numbered checks that the store lists n events of the action, by Seq, whether they have positions or not.
func (l *ledger) numbered(a lock.Action, n int) {
	l.Helper()
	events := l.events(lock.EventFilter{Action: a.ID})
	require.Len(l, events, n)
	for i, e := range events {
		require.Equal(l, i+1, e.Seq)
	}
}

// oneWinner checks that one change was stored and all others conflicted, and returns its index.
func (l *ledger) oneWinner(results []error) int {
	l.Helper()
	winner := -1
	for i, err := range results {
		if err == nil {
			require.Equal(l, -1, winner, "two writers won")
			winner = i
			continue
		}
		require.ErrorIs(l, err, lock.ErrConflict)
	}
	require.NotEqual(l, -1, winner, "no writer won")
	return winner
}

func equal(l *ledger, want, got lock.Action, boxes bool) {
	l.Helper()
	assert.Equal(l, text(l, want), text(l, got))
	assert.Equal(l, want.Due.UnixMicro(), got.Due.UnixMicro(), "due")
	assert.Equal(l, want.Wake, got.Wake, "wake")
	require.Len(l, got.Secrets, len(want.Secrets))
	for i, s := range want.Secrets {
		if !boxes {
			assert.Empty(l, got.Secrets[i].Box, "box %d", s.N)
			continue
		}
		assert.Equal(l, string(s.Box), string(got.Secrets[i].Box), "box %d", s.N)
	}
}

func text(l *ledger, a lock.Action) string {
	l.Helper()
	data, err := json.MarshalIndent(a, "", " ")
	require.NoError(l, err)
	return string(data)
}

func ids(actions []lock.Action) []lock.ID {
	found := make([]lock.ID, len(actions))
	for i, a := range actions {
		found[i] = a.ID
	}
	return found
}

func positions(events []lock.Event) []int64 {
	found := make([]int64, len(events))
	for i, e := range events {
		found[i] = e.Position
	}
	return found
}

func backwards[T any](values []T) []T {
	turned := slices.Clone(values)
	slices.Reverse(turned)
	return turned
}
