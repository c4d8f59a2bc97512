package postgres

import (
	"cmp"
	"context"
	"log/slog"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Store is a lock.Store in a PostgreSQL database. Make it with New.
type Store struct {
	reader
	pool  *pgxpool.Pool
	queue queue
	turns turns
}

var _ lock.Store = (*Store)(nil)

// New returns a store on the caller's pool. It changes nothing: it checks that the server is recent enough and that its commits survive a crash
// (*SettingError), and that the schema is the one of this code (*SchemaError). What makes a commit less durable than it may be, but can be
// wanted, is logged as a warning: see the package comment. A nil logger is slog.Default.
func New(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) (*Store, error) {
	if err := checkSettings(ctx, pool); err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, pool); err != nil {
		return nil, err
	}
	if err := warn(ctx, pool, cmp.Or(logger, slog.Default())); err != nil {
		return nil, err
	}
	return &Store{reader: reader{pool}, pool: pool, turns: newTurns(pool.Config().MaxConns)}, nil
}

// Commit is lock.Store's. Small calls that come together are written together; see the package comment.
func (s *Store) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := encode(changes)
	write := s.together
	if len(b.records) > maxGroup {
		write = s.alone
	}
	if len(b.records) > 0 {
		if err := write(ctx, b.records); err != nil {
			return nil, err
		}
	}
	return b.errs, nil
}

func (s *Store) write(ctx context.Context, records []record) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return failed("connect", err)
	}
	defer conn.Release() // one that is still in a transaction is closed
	return write(ctx, conn, records, transaction)
}

// InTx binds the store to a transaction of the caller's: what it commits is durable with the caller's commit, and gone with a rollback. The
// transaction should be READ COMMITTED, which is the default: under stricter isolation a conflict with another transaction is an error.
//
// A conflict, a malformed change, and an error of a statement leave the transaction as it was; after an error of the connection it is lost.
// Events get their place in the feed after the caller's commit.
func (s *Store) InTx(tx pgx.Tx) lock.Store {
	return &bound{reader: reader{tx}, tx: tx}
}

type bound struct {
	reader
	mu sync.Mutex // one savepoint at a time
	tx pgx.Tx
}

// Commit writes at once.
func (b *bound) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	encoded := encode(changes)
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(encoded.records) > 0 {
		if err := write(ctx, b.tx, encoded.records, outer); err != nil {
			return nil, err
		}
	}
	return encoded.errs, nil
}
