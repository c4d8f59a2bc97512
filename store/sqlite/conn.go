package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// conn is where statements run: a pool, or a transaction.
type conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// statements are prepared, by their text.
type statements map[string]*sql.Stmt

func prepare(ctx context.Context, db *sql.DB, queries []string) (statements, error) {
	stmts := statements{}
	for _, query := range queries {
		stmt, err := db.PrepareContext(ctx, query) //nolint:sqlclosecheck // it lives as long as the pool
		if err != nil {
			return nil, errors.Join(fmt.Errorf("sqlite: prepare: %w", err), stmts.close())
		}
		stmts[query] = stmt
	}
	return stmts, nil
}

func (s statements) close() error {
	var errs []error
	for _, stmt := range s {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// in returns the statements as they run in the transaction, which closes them when it ends.
func (s statements) in(tx *sql.Tx) *inside {
	return &inside{Tx: tx, pool: s, bound: statements{}}
}

// inside is a transaction that uses a prepared statement where there is one. It is for one goroutine.
type inside struct {
	*sql.Tx
	pool, bound statements
}

// stmt is nil when there is none.
func (i *inside) stmt(ctx context.Context, query string) *sql.Stmt {
	stmt := i.bound[query]
	if stmt == nil && i.pool[query] != nil {
		stmt = i.StmtContext(ctx, i.pool[query])
		i.bound[query] = stmt
	}
	return stmt
}

func (i *inside) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := i.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // the transaction closes it
		return stmt.ExecContext(ctx, args...)
	}
	return i.Tx.ExecContext(ctx, query, args...)
}

func (i *inside) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := i.stmt(ctx, query); stmt != nil { //nolint:sqlclosecheck // the transaction closes it
		return stmt.QueryContext(ctx, args...)
	}
	return i.Tx.QueryContext(ctx, query, args...)
}

// prepared is a pool that queries with a prepared statement where there is one.
type prepared struct {
	conn
	stmts statements
}

func (p prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := p.stmts[query]; stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return p.conn.QueryContext(ctx, query, args...)
}
