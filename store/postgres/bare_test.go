package postgres_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// bareTables are the tables that an order writes, with the types of their columns, as a straightforward program fills them: nothing is
// checked, nothing may conflict.
var bareTables = []struct{ name, columns, types string }{
	{
		"actions", "id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data",
		"text bigint text text text text text text text text text bigint bigint bigint bytea",
	},
	{
		"events", "id, action, seq, type, time, scope, device, actor, prev, hash, body",
		"bigint text bigint text bigint text text text bytea bytea bytea",
	},
	{"outbox", "event", "bigint"},
	{"secrets", "action, n, key_id, box", "text bigint text bytea"},
	{"keys", "scope, key, action", "text text text"},
}

// bareRow is what one order puts into each of the tables.
type bareRow [5][]any

// bareRows are the rows that a store would write for orders, finished: the IDs of events follow first.
func bareRows(tb testing.TB, changes []lock.Change, first int) []bareRow {
	tb.Helper()
	rows := make([]bareRow, len(changes))
	for i, c := range changes {
		a, e, s := c.Actions[0], c.Events[0], c.Actions[0].Secrets[0]
		data, err := json.Marshal(a)
		require.NoError(tb, err)
		scope, device, id := a.Device.Scope, a.Device.ID, int64(first+i+1)
		rows[i] = bareRow{
			{
				string(a.ID), int64(a.Version), scope, device, a.Device.Serial, a.By.ID, string(a.Kind), string(a.State), a.Lane, a.Batch, a.Ref,
				a.Created.UnixMicro(), a.Due.UnixMicro(), int64(a.Wake), data,
			},
			{id, string(e.Action), int64(e.Seq), string(e.Type), e.Time.UnixMicro(), scope, device, e.Actor.ID, e.Prev, e.Hash, e.Body},
			{id},
			{string(a.ID), int64(s.N), s.KeyID, []byte(s.Box)},
			{scope, c.Key, string(a.ID)},
		}
	}
	return rows
}

// bareColumns turns rows of a table into the arguments of its insertMany.
func bareColumns(rows []bareRow, table int) []any {
	columns := make([]any, len(rows[0][table]))
	for i, sample := range rows[0][table] {
		switch sample.(type) {
		case string:
			columns[i] = bareColumn[string](rows, table, i)
		case int64:
			columns[i] = bareColumn[int64](rows, table, i)
		default:
			columns[i] = bareColumn[[]byte](rows, table, i)
		}
	}
	return columns
}

func bareColumn[T any](rows []bareRow, table, column int) []T {
	values := make([]T, len(rows))
	for i, row := range rows {
		values[i] = row[table][column].(T)
	}
	return values
}

// bare inserts finished rows: one transaction, one round trip.
type bare struct {
	one, many [5]string
}

func newBare() bare {
	var b bare
	for i, t := range bareTables {
		into := "INSERT INTO " + t.name + " (" + t.columns + ") OVERRIDING SYSTEM VALUE "
		var single, arrays []string
		for k, column := range strings.Fields(t.types) {
			single = append(single, fmt.Sprintf("$%d", k+1))
			arrays = append(arrays, fmt.Sprintf("$%d::%s[]", k+1, column))
		}
		b.one[i] = into + "VALUES (" + strings.Join(single, ", ") + ")"
		b.many[i] = into + "SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")"
	}
	return b
}

func (b bare) insertOne(ctx context.Context, pool *pgxpool.Pool, row bareRow) error {
	batch := &pgx.Batch{}
	for i, query := range b.one {
		batch.Queue(query, row[i]...)
	}
	return pool.SendBatch(ctx, batch).Close()
}

func (b bare) insertMany(ctx context.Context, pool *pgxpool.Pool, columns [5][]any) error {
	batch := &pgx.Batch{}
	for i, query := range b.many {
		batch.Queue(query, columns[i]...)
	}
	return pool.SendBatch(ctx, batch).Close()
}
