package main

import (
	"database/sql"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // the driver of the ledger

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// replayLedger opens the database beside whoever uses it, and checks every action against its events.
func replayLedger(t testing.TB, path string) []lock.Action {
	t.Helper()
	writer, err := sql.Open("sqlite", sqlite.DSN(path))
	require.NoError(t, err)
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", sqlite.DSN(path))
	require.NoError(t, err)
	defer func() {
		assert.NoError(t, writer.Close())
		assert.NoError(t, readers.Close())
	}()
	ledger, err := sqlite.New(t.Context(), writer, readers)
	require.NoError(t, err)
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
	folded, err := lock.Replay(events)
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
