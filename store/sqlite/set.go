package sqlite

import (
	"context"
	_ "embed" // the statements
	"fmt"
	"strings"
)

var (
	//go:embed queries/insert_event_at.sql
	insertEventAt string
	//go:embed queries/next_position.sql
	nextPosition string
)

// table is one table's part in a set: single inserts the row of one step, widths insert so many rows at once.
type table struct {
	single string
	widths []width
}

type width struct {
	rows  int
	query string
}

// maxSet is how many changes are written as a set. Of actions, which are the widest, that is 960 variables, below the lowest limit that
// SQLite is built with (https://sqlite.org/limits.html#max_variable_number).
const maxSet = 64

// tables are in the order of their references.
var tables = []table{
	{insertAction, widths(insertAction)},
	{insertEvent, widths(insertEventAt)},
	{insertSecret, widths(insertSecret)},
	{insertKey, widths(insertKey)},
}

// widths are few, so that their statements can be prepared, and end with 1, so that any number of rows is a sum of them.
func widths(query string) []width {
	var all []width
	for _, n := range []int{maxSet, 8, 1} {
		before, rest, _ := strings.Cut(query, "VALUES ")
		row, after, _ := strings.Cut(rest, "\n")
		all = append(all, width{n, before + "VALUES " + row + strings.Repeat(", "+row, n-1) + "\n" + after})
	}
	return all
}

// setQueries are the statements of a set.
func setQueries() []string {
	queries := []string{nextPosition}
	for _, t := range tables {
		for _, w := range t.widths {
			queries = append(queries, w.query)
		}
	}
	return queries
}

// slot is a change to be written, and where its result goes.
type slot struct {
	record *record
	result *error
}

// write writes all changes in their order in the transaction that cn is in, as if one by one. After a non-nil error the transaction must be
// given up.
func write(ctx context.Context, cn conn, slots []slot) error {
	for len(slots) > 0 {
		n := leading(slots)
		stored, err := writeSet(ctx, cn, slots[:n])
		if err != nil {
			return err
		}
		for _, s := range slots[:n] {
			if stored {
				break
			}
			if *s.result, err = s.record.write(ctx, cn); err != nil {
				return err
			}
		}
		slots = slots[n:]
	}
	return nil
}

// leading is the number of changes at the front that may be one set, and 1 when there is no set to be made.
func leading(slots []slot) int {
	n := 0
	for n < min(len(slots), maxSet) && !slots[n].record.alters {
		n++
	}
	return max(n, 1)
}

// writeSet stores changes that do nothing but insert, table by table, or leaves no trace of them: then stored is false. When every row
// finds its place, so does each change, whatever came before it in the set; and when one does not, only their order can tell which change
// gives way to which.
func writeSet(ctx context.Context, cn conn, slots []slot) (stored bool, err error) {
	if len(slots) == 1 {
		return false, nil
	}
	position, err := one[int64](ctx, cn, nextPosition)
	if err != nil {
		return false, err
	}
	if err := run(ctx, cn, savepoint); err != nil {
		return false, err
	}
	for _, t := range tables {
		rows := t.rows(slots, &position)
		complete, err := t.insert(ctx, cn, rows)
		if err != nil {
			return false, err
		}
		if !complete {
			return false, run(ctx, cn, rollbackTo, release)
		}
	}
	return true, run(ctx, cn, release)
}

// rows are the table's rows, in the order of the changes. Events take the positions from the given one on.
func (t table) rows(slots []slot, position *int64) [][]any {
	rows := make([][]any, 0, len(slots))
	for _, s := range slots {
		for _, step := range s.record.steps {
			if step.query != t.single {
				continue
			}
			if t.single == insertEvent {
				rows = append(rows, append([]any{*position}, step.args...))
				*position++
				continue
			}
			rows = append(rows, step.args)
		}
	}
	return rows
}

// insert reports whether all rows are there now.
func (t table) insert(ctx context.Context, cn conn, rows [][]any) (complete bool, err error) {
	var args []any
	for _, w := range t.widths {
		for len(rows) >= w.rows {
			args = args[:0]
			for _, row := range rows[:w.rows] {
				args = append(args, row...)
			}
			done, err := cn.ExecContext(ctx, w.query, args...)
			if err != nil {
				return false, fmt.Errorf("sqlite: %w", err)
			}
			inserted, err := done.RowsAffected()
			if err != nil {
				return false, fmt.Errorf("sqlite: %w", err)
			}
			if inserted < int64(w.rows) {
				return false, nil
			}
			rows = rows[w.rows:]
		}
	}
	return true, nil
}
