package sqlite

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
)

// What a page, a device or Run asks for all the time must not read the whole ledger, nor sort it.
func TestQueriesUseIndexes(t *testing.T) {
	db, err := sql.Open("sqlite", DSN(filepath.Join(t.TempDir(), "ledger.db")))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, Migrate(t.Context(), db))
	actions := func(f lock.Filter) func() (string, []any) { return func() (string, []any) { return listing(f) } }
	events := func(f lock.EventFilter) func() (string, []any) { return func() (string, []any) { return feed(f) } }
	for _, c := range []struct {
		name  string
		query func() (string, []any)
		sorts bool   // a page that is small by nature
		index string // the only one that will do
	}{
		{"newest", actions(lock.Filter{Before: "x"}), false, ""},
		{"scope", actions(lock.Filter{Scope: "acme", Before: "x"}), false, ""},
		{"device", actions(lock.Filter{Scope: "acme", Devices: []string{"mac-1"}}), false, "actions_device (scope=? AND device=?)"},
		{"devices", actions(lock.Filter{Scope: "acme", Devices: []string{"mac-1", "mac-2"}}), true, "actions_device (scope=? AND device=?)"},
		{"states of a device", actions(lock.Filter{
			Scope: "acme", Devices: []string{"mac-1"}, States: []lock.State{lock.StateQueued, lock.StateIssued},
		}), false, "actions_device (scope=? AND device=?)"},
		{"live on a device", actions(lock.Filter{Scope: "acme", Devices: []string{"mac-1"}, Live: true}), true, "actions_lane (scope=? AND device=?"},
		{"live in a scope", actions(lock.Filter{Scope: "acme", Live: true}), true, "actions_lane (scope=?"},
		{"live on a device, by an order's key", actions(lock.Filter{Scope: "acme", Live: true, Key: "k", Before: "x"}), true, ""},
		{"serial", actions(lock.Filter{Serial: "C02XYZ"}), false, ""},
		{"batch", actions(lock.Filter{Batch: "b"}), false, ""},
		{"ref", actions(lock.Filter{Ref: "r"}), false, ""},
		{"key", actions(lock.Filter{Scope: "acme", Key: "k"}), true, ""},
		{"sealing key", actions(lock.Filter{SealedBy: "k"}), true, ""},
		{"sealing key, next page", actions(lock.Filter{SealedBy: "k", Before: "x"}), true, "secrets_key (key_id=? AND action<?)"},
		{"sealing key in a scope", actions(lock.Filter{Scope: "acme", SealedBy: "k", Before: "x"}), true, "secrets_key (key_id=? AND action<?)"},
		{"due", actions(lock.Filter{DueBefore: time.Unix(0, 1)}), false, ""},
		{"feed", events(lock.EventFilter{From: 7}), false, ""},
		{"newest events", events(lock.EventFilter{Newest: true, From: 7}), false, ""},
		{"events of an action", events(lock.EventFilter{Action: "a"}), false, ""},
		{"events of a type", events(lock.EventFilter{Scope: "acme", Types: []lock.EventType{"alarm"}, From: 7}), false, "events_type (type=? AND position"},
		{"events of two types", events(lock.EventFilter{Scope: "acme", Types: []lock.EventType{"alarm", "denied"}, Newest: true}), true, "events_type (type=?"},
		{"events of a device", events(lock.EventFilter{Scope: "acme", Devices: []string{"mac-1"}, Newest: true}), true, "events_device (scope=? AND device=?)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := explain(t, db, c.query)
			assert.Contains(t, plan, "USING")
			assert.Contains(t, plan, c.index)
			assert.NotContains(t, plan, "SCAN actions\n")
			assert.NotContains(t, plan, "SCAN events\n")
			if !c.sorts {
				assert.NotContains(t, plan, "TEMP B-TREE")
			}
		})
	}
}

func explain(t *testing.T, db *sql.DB, build func() (string, []any)) string {
	t.Helper()
	query, args := build()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
