package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/postgres"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	defer server.Stop()
	m.Run()
}

func TestContract(t *testing.T) {
	schema := schemas(t)
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		t.Helper()
		url := schema(t)
		w := &wire{}
		o := open(t, url, w)
		callers := pool(t, url)
		return storetest.Fixture{
			Store: o,
			Reopen: func() (lock.Store, error) {
				o.pool.Close()
				return open(t, url).Store, nil
			},
			Begin: func() (storetest.Tx, error) {
				tx, err := callers.Begin(t.Context())
				if err != nil {
					return storetest.Tx{}, err
				}
				end := func(f func(context.Context) error) func() error { return func() error { return f(t.Context()) } }
				return storetest.Tx{Store: o.InTx(tx), Commit: end(tx.Commit), Rollback: end(tx.Rollback)}, nil
			},
			Faults: w.faults(),
		}
	})
}

// opened is a store with its pool.
type opened struct {
	*postgres.Store
	pool *pgxpool.Pool
}

// pool opens a pool, through wires if there are any, and closes it with the test.
func pool(tb testing.TB, url string, wires ...*wire) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(url)
	require.NoError(tb, err)
	for _, w := range wires {
		config.ConnConfig.DialFunc, config.PrepareConn = w.dial, w.prepare
	}
	p, err := pgxpool.NewWithConfig(tb.Context(), config)
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

// open migrates the database and opens a store on it.
func open(tb testing.TB, url string, wires ...*wire) *opened {
	tb.Helper()
	p := pool(tb, url, wires...)
	require.NoError(tb, postgres.Migrate(tb.Context(), p))
	s, err := postgres.New(tb.Context(), p, slog.New(slog.DiscardHandler))
	require.NoError(tb, err)
	return &opened{s, p}
}

// schemas makes a database; what it returns makes a schema in it, and returns the URL that leads there. A database for each case would take
// longer than the cases.
func schemas(tb testing.TB) func(tb testing.TB) (url string) {
	tb.Helper()
	database := server.Database(tb)
	conn, err := pgx.Connect(tb.Context(), database)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close(context.WithoutCancel(tb.Context())) })
	var count atomic.Int64
	return func(tb testing.TB) string {
		tb.Helper()
		name := fmt.Sprint("ledger", count.Add(1))
		_, err := conn.Exec(tb.Context(), "CREATE SCHEMA "+name)
		require.NoError(tb, err)
		return database + "&search_path=" + name
	}
}

func fresh(tb testing.TB) *opened {
	tb.Helper()
	return open(tb, server.Database(tb)+"&pool_max_conns=16")
}

func exec(tb testing.TB, p *pgxpool.Pool, statement string, args ...any) {
	tb.Helper()
	_, err := p.Exec(tb.Context(), statement, args...)
	require.NoError(tb, err)
}

func ask[T any](tb testing.TB, p *pgxpool.Pool, query string, args ...any) T {
	tb.Helper()
	var value T
	require.NoError(tb, p.QueryRow(tb.Context(), query, args...).Scan(&value))
	return value
}

// outcome is what Commit returned for one change.
type outcome struct{ result, err error }

// commit commits the change from a goroutine of its own.
func commit(ctx context.Context, s lock.Store, c lock.Change) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		errs, err := s.Commit(ctx, []lock.Change{c})
		if err != nil {
			done <- outcome{err: err}
			return
		}
		done <- outcome{result: errs[0]}
	}()
	return done
}
