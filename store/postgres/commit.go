package postgres

import (
	"context"
	_ "embed" // the statements
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-mdm/latchkey/lock"
)

var (
	//go:embed queries/lock_actions.sql
	lockActions string
	//go:embed queries/found_events.sql
	foundEvents string
)

// attempts is how often a batch is tried when others stand in its way.
const attempts = 5

// bracket is what stands around statements: a transaction, or a savepoint.
type bracket struct {
	begin, back []string
	end         string
}

var (
	transaction = bracket{begin: []string{begin, "SELECT " + planned + ", " + impatient}, end: "COMMIT", back: []string{"ROLLBACK"}}
	outer       = savepoint("ledger_commit")
	inner       = savepoint("ledger_change")
)

const (
	begin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	// planned has statements planned once, not each time, and through indexes, also while the tables are still small.
	planned = "set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)"
	// impatient keeps no connection for somebody's long transaction: a group is split then, and a lone call tries again.
	impatient = "set_config('lock_timeout', '100ms', true)"
)

func savepoint(name string) bracket {
	return bracket{begin: []string{"SAVEPOINT " + name}, end: "RELEASE " + name, back: []string{"ROLLBACK TO " + name, "RELEASE " + name}}
}

// write writes the records inside the bracket. Others may stand in its way in a manner that PostgreSQL settles by an error: a deadlock, or a
// lane or a key that was taken between the look and the write. Then everything is done once more, and what they did is seen.
func write(ctx context.Context, c conn, records []record, around bracket) error {
	for try := 1; ; try++ {
		w := writer{conn: c, batch: &pgx.Batch{}, missing: missing{}}
		err := w.write(ctx, records, around)
		if err == nil {
			err = w.judge(ctx, records)
		} else {
			w.undo(ctx, around.back)
		}
		if err == nil {
			return nil
		}
		if try == attempts || !passing(err) {
			return failed("commit", err)
		}
	}
}

// passing reports whether the error can be gone when the transaction is tried again
// (https://www.postgresql.org/docs/current/mvcc-serialization-failure-handling.html).
func passing(err error) bool {
	const serializationFailure, deadlock, uniqueViolation = "40001", "40P01", "23505"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{serializationFailure, deadlock, uniqueViolation}, pg.Code)
}

// writer is one attempt at a batch.
type writer struct {
	conn    conn
	batch   *pgx.Batch // what is sent next, in one round trip
	missing missing
}

// write sends everything at once, but for a change that takes several statements: it has to be looked at, and undone if it is incomplete.
func (w *writer) write(ctx context.Context, records []record, around bracket) error {
	for _, statement := range around.begin {
		w.batch.Queue(statement)
	}
	if ids := existing(records); len(ids) > 1 {
		w.batch.Queue(lockActions, ids)
	}
	for _, wave := range waves(records) {
		var together steps
		for _, r := range wave {
			switch {
			case !r.simple():
				if err := w.alone(ctx, r); err != nil {
					return err
				}
			case len(r.Actions) == 0:
				together.notice(r, r.Events[0])
			default:
				together.action(r, 0)
			}
		}
		together.queue(w.batch, w.missing)
	}
	w.batch.Queue(around.end)
	return w.send(ctx)
}

// alone writes one change inside a savepoint: one action after the other, so that the first may leave a lane that the second takes.
func (w *writer) alone(ctx context.Context, r *record) error {
	w.batch.Queue(inner.begin[0])
	for k := range r.Actions {
		var one steps
		one.action(r, k)
		one.queue(w.batch, w.missing)
	}
	var rest steps
	for _, e := range r.notices() {
		rest.notice(r, e)
	}
	rest.queue(w.batch, w.missing)
	if err := w.send(ctx); err != nil {
		return err
	}
	if w.missing[r] {
		w.batch.Queue(inner.back[0])
	}
	w.batch.Queue(inner.end)
	return nil
}

func (w *writer) send(ctx context.Context) error {
	b := w.batch
	w.batch = &pgx.Batch{}
	return w.conn.SendBatch(ctx, b).Close()
}

// existing are the actions that are there already. When there are several, they are locked in one order before anything is written, so that two
// batches cannot wait for each other.
func existing(records []record) []string {
	var ids []string
	for _, r := range records {
		for _, a := range r.Actions {
			if a.Version > 1 || len(r.Events) == 0 {
				ids = append(ids, string(a.ID))
			}
		}
	}
	return ids
}

// judge says what became of each change. It tells those that were not written because they were stored before, with all their events, from
// conflicts.
func (w *writer) judge(ctx context.Context, records []record) error {
	found := map[string]bool{}
	if len(w.missing) > 0 {
		if err := w.find(ctx, records, found); err != nil {
			return err
		}
	}
	for i := range records {
		r := &records[i]
		*r.result = nil
		stored := len(r.Events) > 0 && !slices.ContainsFunc(r.Events, func(e lock.Event) bool { return !found[hex.EncodeToString(e.Hash)] })
		if w.missing[r] && !stored {
			*r.result = lock.ErrConflict
		}
	}
	return nil
}

// find looks for the events of the changes that were not written.
func (w *writer) find(ctx context.Context, records []record, found map[string]bool) error {
	var actions []string
	var seqs []int64
	var hashes [][]byte
	for i := range records {
		r := &records[i]
		if !w.missing[r] {
			continue
		}
		for _, e := range r.Events {
			actions, seqs, hashes = append(actions, string(e.Action)), append(seqs, int64(e.Seq)), append(hashes, e.Hash)
		}
	}
	rows, err := w.conn.Query(ctx, foundEvents, actions, seqs, hashes)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		found[name] = true
	}
	return err
}

// undoWithin is how long a server has to undo what failed. A connection on which that takes longer is closed, which undoes it too.
const undoWithin = 5 * time.Second

// undo is done for whoever has left, too. On a connection that is lost there is nothing to undo.
func (w *writer) undo(ctx context.Context, statements []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoWithin)
	defer cancel()
	for _, statement := range statements {
		_, _ = w.conn.Exec(ctx, statement)
	}
}
