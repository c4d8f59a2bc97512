package postgres

import (
	"context"
	_ "embed" // the statement

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

//go:embed queries/sequence.sql
var sequence string

// page is how many events get a position in one call of Sequence.
const page = 10_000

// Sequence gives positions to committed events that have none, at most 10,000 of them, in one transaction; more says that there may be
// others. Once it returns false, every event whose commit had returned before the call has its position. Any number of processes may call it at
// once: they take turns. lock.Service.Run does.
func (s *Store) Sequence(ctx context.Context) (more bool, err error) {
	waiting, err := one[bool](ctx, s.pool, "SELECT EXISTS (SELECT FROM outbox)")
	if err != nil || !waiting {
		return false, err
	}
	b := &pgx.Batch{}
	b.Queue(begin)
	b.Queue("SELECT pg_advisory_xact_lock(" + advisory("sequence") + ")")
	moved := b.Queue(sequence, page)
	b.Queue("COMMIT")
	var count int64
	moved.Exec(func(tag pgconn.CommandTag) error { count = tag.RowsAffected(); return nil })
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return false, failed("sequence", err)
	}
	return count == page, nil
}
