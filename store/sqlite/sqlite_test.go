package sqlite_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		t.Helper()
		s, f := faulty(t)
		path := s.path
		callers := pool(t, sqlite.DSN(path))
		return storetest.Fixture{
			Store:  s,
			Faults: ways(s, f),
			Reopen: func() (lock.Store, error) {
				s.close()
				return open(t, path).Store, nil
			},
			Begin: func() (storetest.Tx, error) {
				tx, err := callers.BeginTx(t.Context(), nil)
				if err != nil {
					return storetest.Tx{}, err
				}
				return storetest.Tx{Store: s.InTx(tx), Commit: tx.Commit, Rollback: tx.Rollback}, nil
			},
		}
	})
}

// opened is a store with its pools.
type opened struct {
	*sqlite.Store
	writer, readers *sql.DB
	path            string
}

func (o *opened) close() {
	_ = o.writer.Close()
	_ = o.readers.Close()
}

// pool opens a database and closes it with the test.
func pool(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", dsn)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func writerPool(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db := pool(tb, dsn)
	db.SetMaxOpenConns(1)
	return db
}

// open opens a store on a database that was migrated before.
func open(tb testing.TB, path string) *opened {
	tb.Helper()
	o := &opened{writer: writerPool(tb, sqlite.DSN(path)), readers: pool(tb, sqlite.DSN(path)), path: path}
	s, err := sqlite.New(tb.Context(), o.writer, o.readers)
	require.NoError(tb, err)
	o.Store = s
	return o
}

func migrated(tb testing.TB, path string) *opened {
	tb.Helper()
	db := pool(tb, sqlite.DSN(path))
	require.NoError(tb, sqlite.Migrate(tb.Context(), db))
	require.NoError(tb, db.Close())
	return open(tb, path)
}

func fresh(tb testing.TB) *opened {
	tb.Helper()
	return migrated(tb, filepath.Join(tb.TempDir(), "ledger.db"))
}

// commits is the number of transactions in the write-ahead log, which must not have been restarted: a frame that ends one names the size
// of the database (https://sqlite.org/fileformat2.html#the_write_ahead_log).
func commits(tb testing.TB, o *opened) int {
	tb.Helper()
	wal, err := os.ReadFile(o.path + "-wal")
	require.NoError(tb, err)
	const header, frameHeader, page = 32, 24, 4096
	count := 0
	for at := header; at+frameHeader+page <= len(wal); at += frameHeader + page {
		if wal[at+4]|wal[at+5]|wal[at+6]|wal[at+7] != 0 {
			count++
		}
	}
	return count
}

// ending is a context that ends right after it was asked whether it has.
type ending struct {
	context.Context //nolint:containedctx // it is one
	end             func()
}

func (c *ending) Err() error {
	defer c.end()
	return c.Context.Err()
}

// A caller who is called away in the middle must not make SQLite give up the caller's own transaction.
func TestInTxFinishesWhatItBegan(t *testing.T) {
	o := fresh(t)
	tx, err := pool(t, sqlite.DSN(o.path)).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	errs, err := o.InTx(tx).Commit(&ending{ctx, cancel}, []lock.Change{storetest.Order(t, "mac-1")})
	require.NoError(t, err)
	require.Equal(t, []error{nil}, errs)
	require.NoError(t, tx.Commit())
	found, err := o.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	assert.Len(t, found, 1)
}
