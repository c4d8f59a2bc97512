package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

// What a page, a device or Run asks for all the time must not read the whole ledger, nor sort it. The planner is told to avoid both: where it
// cannot, an index is missing.
func TestQueriesUseIndexes(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), postgrestest.Start(t).Database(t)+"&enable_seqscan=off&enable_sort=off&plan_cache_mode=force_generic_plan")
	require.NoError(t, err)
	defer pool.Close()
	require.NoError(t, Migrate(t.Context(), pool))
	_, err = pool.Exec(t.Context(), populate)
	require.NoError(t, err)
	actions := func(f lock.Filter) func() (string, []any) { return func() (string, []any) { return listing(f) } }
	events := func(f lock.EventFilter) func() (string, []any) { return func() (string, []any) { return feed(f) } }
	for _, c := range []struct {
		name  string
		query func() (string, []any)
		sorts bool   // a page that is small by nature
		index string // the only one that will do
	}{
		{"newest", actions(lock.Filter{Before: "x"}), false, "actions_pkey"},
		{"scope", actions(lock.Filter{Scope: "acme", Before: "x"}), false, "actions_scope"},
		{"device", actions(lock.Filter{Scope: "acme", Devices: []string{"mac-1"}}), false, "actions_device"},
		{"devices", actions(lock.Filter{Scope: "acme", Devices: []string{"mac-1", "mac-2"}}), true, "actions_"},
		{"serial", actions(lock.Filter{Serial: "C02XYZ"}), false, "actions_serial"},
		{"batch", actions(lock.Filter{Batch: "b"}), false, "actions_batch"},
		{"ref", actions(lock.Filter{Ref: "r"}), false, "actions_ref"},
		{"key", actions(lock.Filter{Scope: "acme", Key: "k"}), true, "keys_pkey"},
		{"sealing key", actions(lock.Filter{SealedBy: "k"}), true, "secrets_key"},
		{"sealing key, next page", actions(lock.Filter{SealedBy: "k", Before: "x"}), true, "secrets_key"},
		{"due", actions(lock.Filter{DueBefore: time.Unix(0, 1)}), false, "actions_due"},
		{"feed", events(lock.EventFilter{From: 7}), false, "log_pkey"},
		{"newest events", events(lock.EventFilter{Newest: true, From: 7}), false, "log_pkey"},
		{"events of an action", events(lock.EventFilter{Action: "a"}), false, "events_action"},
		{"events of a type", events(lock.EventFilter{Scope: "acme", Types: []lock.EventType{"alarm"}, From: 7}), false, "log_type"},
		{"events of two types", events(lock.EventFilter{Scope: "acme", Types: []lock.EventType{"alarm", "denied"}, Newest: true}), true, "log_type"},
		{"events of a device", events(lock.EventFilter{Scope: "acme", Devices: []string{"mac-1"}, Newest: true}), true, "events_device"},
	} {
		t.Run(c.name, func(t *testing.T) {
			query, args := c.query()
			rows, err := pool.Query(t.Context(), "EXPLAIN "+query, args...)
			require.NoError(t, err)
			lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(t, err)
			plan := strings.Join(lines, "\n")
			assert.Contains(t, plan, c.index)
			assert.NotContains(t, plan, "Seq Scan")
			if !c.sorts {
				assert.NotContains(t, plan, "Sort")
			}
		})
	}
}

// populate makes 20 actions for each of 1,000 devices, each with an event, a secret and a key: enough for the planner to have a choice.
const populate = `
INSERT INTO actions
SELECT 'a' || i, 'acme', 'mac-' || i % 1000, 'C' || i % 1000, 'ada', 'lock', 'queued', NULL, 'b' || i / 100, 'r' || i, i, i, 0, 1, ''
FROM generate_series(1, 20000) i;
INSERT INTO events (action, seq, type, time, scope, device, actor, prev, hash, body)
SELECT id, 1, 'ordered', 1, scope, device, actor, '', '', '' FROM actions;
INSERT INTO log SELECT id - 1, id, CASE WHEN id % 1000 = 0 THEN 'alarm' ELSE type END FROM events;
INSERT INTO secrets SELECT id, 1, 'k' || created % 3, '' FROM actions;
INSERT INTO keys SELECT scope, 'k' || id, id FROM actions;
ANALYZE`
