package sqlite_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// bareTable is one table of the schema and its columns, as a straightforward program fills it: nothing is checked, nothing may conflict.
type bareTable struct {
	name, columns string
}

var bareTables = []bareTable{
	{"actions", "id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data"},
	{"events", "position, action, seq, type, time, scope, device, actor, prev, hash, body"},
	{"secrets", "action, n, key_id, box"},
	{"keys", "scope, key, action"},
}

// insert is the statement that inserts n rows.
func (t bareTable) insert(n int) string {
	row := "(?" + strings.Repeat(", ?", strings.Count(t.columns, ",")) + ")"
	return "INSERT INTO " + t.name + " (" + t.columns + ") VALUES " + row + strings.Repeat(", "+row, n-1)
}

// bareRow is what one order puts into each of the tables.
type bareRow [4][]any

// bareRows are the rows that a store would write for orders, finished: positions follow first.
func bareRows(tb testing.TB, changes []lock.Change, first int) []bareRow {
	tb.Helper()
	rows := make([]bareRow, len(changes))
	for i, c := range changes {
		a, e, s := c.Actions[0], c.Events[0], c.Actions[0].Secrets[0]
		data, err := json.Marshal(a)
		require.NoError(tb, err)
		scope, device := a.Device.Scope, a.Device.ID
		rows[i] = bareRow{
			{
				string(a.ID), int64(a.Version), scope, device, a.Device.Serial, a.By.ID, string(a.Kind), string(a.State), a.Lane, a.Batch, a.Ref,
				a.Created.UnixMicro(), a.Due.UnixMicro(), int64(a.Wake), data,
			},
			{int64(first + i), string(e.Action), int64(e.Seq), string(e.Type), e.Time.UnixMicro(), scope, device, e.Actor.ID, e.Prev, e.Hash, e.Body},
			{string(a.ID), int64(s.N), s.KeyID, []byte(s.Box)},
			{scope, c.Key, string(a.ID)},
		}
	}
	return rows
}

// bare writes finished rows into the tables of the schema, with prepared statements of so many rows each.
type bare struct {
	db    *sql.DB
	rows  int
	stmts [4]*sql.Stmt
}

func newBare(tb testing.TB, db *sql.DB, rows int) *bare {
	tb.Helper()
	b := &bare{db: db, rows: rows}
	for i, table := range bareTables {
		stmt, err := db.PrepareContext(tb.Context(), table.insert(rows))
		require.NoError(tb, err)
		tb.Cleanup(func() { _ = stmt.Close() })
		b.stmts[i] = stmt
	}
	return b
}

// insert inserts the rows in one transaction: row by row, or as many at a time as a statement holds.
func (b *bare) insert(ctx context.Context, rows []bareRow) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var stmts [4]*sql.Stmt
	for i, stmt := range b.stmts {
		stmts[i] = tx.StmtContext(ctx, stmt)
	}
	for ; len(rows) > 0; rows = rows[b.rows:] {
		for i, stmt := range stmts {
			args := rows[0][i]
			if b.rows > 1 {
				args = nil
				for _, row := range rows[:b.rows] {
					args = append(args, row[i]...)
				}
			}
			if _, err := stmt.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}
