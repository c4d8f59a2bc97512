package sqlite

import (
	"context"
	"database/sql"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
)

// InTx binds the store to a transaction of the caller's: what it commits is durable with the caller's commit, and gone with a rollback.
// A conflict, or a malformed change, leaves the transaction as it was. After any other error the caller must roll back: SQLite may have done
// so already, and what is run then is no part of the transaction. Bind one store to a transaction, not several.
//
// The transaction must not come from the store's own writer pool (see the package comment). Its connection must be set as DSN sets it.
func (s *Store) InTx(tx *sql.Tx) lock.Store {
	return &bound{reader: reader{tx}, tx: tx}
}

type bound struct {
	reader
	mu sync.Mutex // one savepoint at a time
	tx *sql.Tx
}

// Commit writes at once. The statements do not end with ctx: SQLite answers an interrupted one by rolling the transaction back.
func (b *bound) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	c := newCall(changes)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := checkDurable(ctx, b.tx); err != nil {
		return nil, err
	}
	if err := write(ctx, b.tx, c.slots()); err != nil {
		return nil, err
	}
	return c.errs, nil
}
