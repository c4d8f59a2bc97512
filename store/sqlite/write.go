package sqlite

import (
	"bytes"
	"context"
	_ "embed" // the statements
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

var (
	//go:embed queries/insert_action.sql
	insertAction string
	//go:embed queries/update_action.sql
	updateAction string
	//go:embed queries/update_hints.sql
	updateHints string
	//go:embed queries/insert_event.sql
	insertEvent string
	//go:embed queries/insert_secret.sql
	insertSecret string
	//go:embed queries/replace_secret.sql
	replaceSecret string
	//go:embed queries/insert_key.sql
	insertKey string
	//go:embed queries/has_event.sql
	hasEvent string
	//go:embed queries/has_notice.sql
	hasNotice string
)

const (
	savepoint  = "SAVEPOINT ledger_change"
	release    = "RELEASE ledger_change"
	rollbackTo = "ROLLBACK TO ledger_change"
)

// changing are the statements of a commit.
var changing = []string{
	insertAction, updateAction, updateHints, insertEvent, insertSecret, replaceSecret, insertKey, hasEvent, hasNotice, savepoint, release, rollbackTo,
}

// record is a change in the store's terms.
type record struct {
	steps  []statement // each writes one row, or the change is a conflict
	found  []statement // each counts 1 when the change was stored before; none for scheduling hints
	alters bool        // a step changes a row that is there; else all of them insert
}

type statement struct {
	query string
	args  []any
}

// encode makes a record of a change that has the right form. It keeps nothing of the caller's memory.
func encode(c lock.Change) (record, error) {
	var r record
	if err := change.Check(c); err != nil {
		return r, err
	}
	if len(c.Events) == 0 {
		for _, a := range c.Actions {
			r.do(updateHints, string(a.ID), int64(a.Version), micros(a.Due), int64(a.Wake))
		}
		return r, nil
	}
	for i, a := range c.Actions {
		data, err := change.Encode(a)
		if err != nil {
			return r, err
		}
		query := updateAction
		if a.Version == 1 {
			query = insertAction
		}
		r.do(query, string(a.ID), int64(a.Version), a.Device.Scope, a.Device.ID, a.Device.Serial, a.By.ID, string(a.Kind), string(a.State),
			orNull(a.Lane), a.Batch, a.Ref, a.Created.UnixMicro(), micros(a.Due), int64(a.Wake), data)
		r.event(c.Events[i])
		write := insertSecret
		if change.Replaces(c.Events[i]) {
			write = replaceSecret
		}
		for _, s := range c.Events[i].Secrets {
			r.do(write, string(a.ID), int64(s.N), s.KeyID, append([]byte{}, change.Box(a, s.N)...)) // empty, not NULL, when purged
		}
	}
	for _, e := range c.Events[len(c.Actions):] {
		r.event(e)
	}
	if c.Key != "" {
		r.do(insertKey, c.Actions[0].Device.Scope, c.Key, string(c.Actions[0].ID))
	}
	return r, nil
}

func (r *record) do(query string, args ...any) {
	r.steps = append(r.steps, statement{query, args})
	r.alters = r.alters || query == updateAction || query == updateHints || query == replaceSecret
}

func (r *record) event(e lock.Event) {
	hash := bytes.Clone(e.Hash)
	var seq any
	if e.Action == "" {
		r.found = append(r.found, statement{hasNotice, []any{hash}})
	} else {
		seq = int64(e.Seq)
		r.found = append(r.found, statement{hasEvent, []any{string(e.Action), seq, hash}})
	}
	r.do(insertEvent, orNull(e.Action), seq, string(e.Type), e.Time.UnixMicro(), e.Scope, e.Device, e.Actor.ID, bytes.Clone(e.Prev), hash,
		bytes.Clone(e.Body))
}

// write stores the change in the transaction that c is in, or leaves no trace of it there: then result is lock.ErrConflict, unless the
// change was stored before. After a non-nil err the transaction must be given up.
func (r *record) write(ctx context.Context, c conn) (result, err error) {
	if err := run(ctx, c, savepoint); err != nil {
		return nil, err
	}
	for _, step := range r.steps {
		done, err := c.ExecContext(ctx, step.query, step.args...)
		if err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		rows, err := done.RowsAffected()
		if err != nil {
			return nil, fmt.Errorf("sqlite: %w", err)
		}
		if rows == 0 {
			if err := run(ctx, c, rollbackTo, release); err != nil {
				return nil, err
			}
			return r.repeated(ctx, c)
		}
	}
	return nil, run(ctx, c, release)
}

// repeated tells a change that was stored before, with all its events, from a conflict.
func (r *record) repeated(ctx context.Context, c conn) (result, err error) {
	for _, event := range r.found {
		count, err := one[int](ctx, c, event.query, event.args...)
		if err != nil {
			return nil, err
		}
		if count == 0 {
			return lock.ErrConflict, nil
		}
	}
	if len(r.found) == 0 {
		return lock.ErrConflict, nil
	}
	return nil, nil
}

func run(ctx context.Context, c conn, queries ...string) error {
	for _, query := range queries {
		if _, err := c.ExecContext(ctx, query); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
	return nil
}

func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

func orNull[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}
