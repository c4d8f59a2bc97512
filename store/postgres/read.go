package postgres

import (
	"context"
	_ "embed" // the statement
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

//go:embed queries/get_action.sql
var getAction string

// reader reads what its conn sees: what is committed, or the inside of a transaction. Each method is one statement, so one moment.
type reader struct{ c conn }

// Get is lock.Store's.
func (r reader) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	var a lock.Action
	found := false
	boxes := map[int64][]byte{}
	err := r.each(ctx, getAction, []any{string(id)}, func(scan func(...any) error) error {
		var data, box []byte
		var due, n *int64
		var wake int
		err := scan(&data, &due, &wake, &n, &box)
		if err == nil && !found {
			a, err = decode(data, due, wake)
		}
		found = true
		if n != nil {
			boxes[*n] = box
		}
		return err
	})
	if err != nil {
		return lock.Action{}, err
	}
	if !found {
		return lock.Action{}, lock.ErrNotFound
	}
	for i, s := range a.Secrets {
		a.Secrets[i].Box = boxes[int64(s.N)]
	}
	return a, nil
}

// List is lock.Store's.
func (r reader) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	query, args := listing(f)
	var actions []lock.Action
	err := r.each(ctx, query, args, func(scan func(...any) error) error {
		var data []byte
		var due *int64
		var wake int
		if err := scan(&data, &due, &wake); err != nil {
			return err
		}
		a, err := decode(data, due, wake)
		actions = append(actions, a)
		return err
	})
	return actions, err
}

// Events is lock.Store's.
func (r reader) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	query, args := feed(f)
	var events []lock.Event
	err := r.each(ctx, query, args, func(scan func(...any) error) error {
		var e lock.Event
		if err := scan(&e.Position, &e.Prev, &e.Hash, &e.Body); err != nil {
			return err
		}
		err := e.Decode()
		events = append(events, e)
		return err
	})
	return events, err
}

// each runs the query and gives every row to the function. What PostgreSQL cannot keep is not there: to ask for it would be an error, and end
// a caller's transaction.
func (r reader) each(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) error {
	for i, arg := range args {
		if text, ok := arg.(string); ok && !isText(text) {
			return ctx.Err()
		}
		if texts, ok := arg.([]string); ok {
			args[i] = slices.DeleteFunc(texts, func(text string) bool { return !isText(text) })
		}
	}
	rows, err := r.c.Query(ctx, query, args...)
	if err == nil {
		_, err = pgx.CollectRows(rows, func(c pgx.CollectableRow) (struct{}, error) { return struct{}{}, row(c.Scan) })
	}
	if err != nil {
		return failed("read", err)
	}
	return nil
}

func decode(data []byte, due *int64, wake int) (lock.Action, error) {
	a, err := change.Decode(data)
	if due != nil {
		a.Due = time.UnixMicro(*due).UTC()
	}
	a.Wake = wake
	return a, err
}
