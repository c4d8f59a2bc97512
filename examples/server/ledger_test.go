package main

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// sequence gives every event its place in the feed, which on PostgreSQL a server does a little later.
func sequence(t testing.TB, ledger lock.Store) {
	t.Helper()
	s, ok := ledger.(interface {
		Sequence(ctx context.Context) (more bool, err error)
	})
	for more := ok; more; {
		var err error
		more, err = s.Sequence(t.Context())
		require.NoError(t, err)
	}
}

// feed is what the API lists of the feed.
func (s *site) feed(t testing.TB, query string) []object {
	t.Helper()
	d := s.open(t)
	sequence(t, d.Ledger)
	return s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events"+query, nil).list("items")
}

// replayLedger checks every action of a ledger against its events, and returns them.
func replayLedger(t testing.TB, ledger lock.Store) []lock.Action {
	t.Helper()
	var all []lock.Action
	for f := (lock.Filter{Limit: 1000}); ; {
		page, err := ledger.List(t.Context(), f)
		require.NoError(t, err)
		for _, a := range page {
			replayAction(t, ledger, a)
		}
		all = append(all, page...)
		if len(page) < f.Limit {
			return all
		}
		f.Before = page[len(page)-1].ID
	}
}

func replayAction(t testing.TB, ledger lock.Store, a lock.Action) {
	t.Helper()
	var events []lock.Event
	for {
		page, err := ledger.Events(t.Context(), lock.EventFilter{Action: a.ID, From: int64(len(events)) + 1, Limit: 1000})
		require.NoError(t, err)
		events = append(events, page...)
		if len(page) < 1000 {
			break
		}
	}
	folded, err := lock.Action{}.Replay(events)
	require.NoError(t, err)
	want, err := json.Marshal(folded)
	require.NoError(t, err)
	got, err := json.Marshal(a)
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got), "action %s is what its events say", a.ID)

	delivery := 0
	for _, e := range events {
		if e.Type == lock.EventIssued || e.Type == lock.EventRedelivered {
			delivery++
			require.Equal(t, delivery, e.Delivery, "delivery numbers of %s are taken once, in order", a.ID)
		}
	}
}
