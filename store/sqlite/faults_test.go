package sqlite_test

import (
	"database/sql/driver"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

var errFault = errors.New("the disk caught fire")

// ways are the faults of the contract. Where the driver fails it is at every second transaction, so that there are good ones among the bad.
func ways(o *opened, f *faults) []storetest.Fault {
	return []storetest.Fault{
		atCommit(f, "the connection is lost before the commit", func(_ func() error, lose func()) error {
			lose()
			return driver.ErrBadConn
		}),
		atCommit(f, "the commit goes through and returns an error", func(commit func() error, _ func()) error {
			return errors.Join(commit(), errFault)
		}),
		atCommit(f, "the connection is lost after the commit", func(commit func() error, lose func()) error {
			lose()
			return errors.Join(commit(), driver.ErrBadConn)
		}),
		atStatement(f, "a statement fails", "INSERT INTO events", func(func()) error { return errFault }),
		atStatement(f, "the connection is lost in the middle", "INSERT INTO events", func(lose func()) error {
			lose()
			return errFault
		}),
		atStatement(f, "a savepoint cannot be released", "RELEASE", func(func()) error { return errFault }),
		{Name: "the disk is full", Arm: full(o)},
		{Name: "another program holds the write lock", Arm: locked(o)},
	}
}

// The counters need no lock: there is one writer.
func atCommit(f *faults, name string, fail commitHook) storetest.Fault {
	return storetest.Fault{Name: name, Arm: func(testing.TB) func() {
		n := 0
		f.set(func(commit func() error, lose func()) error {
			if n++; n%2 == 0 {
				return commit()
			}
			return fail(commit, lose)
		}, nil)
		return func() { f.set(nil, nil) }
	}}
}

func atStatement(f *faults, name, query string, fail func(lose func()) error) storetest.Fault {
	return storetest.Fault{Name: name, Arm: func(testing.TB) func() {
		n := 0
		f.set(nil, func(q string, lose func()) error {
			if !strings.Contains(q, query) {
				return nil
			}
			if n++; n%2 == 0 {
				return nil
			}
			return fail(lose)
		})
		return func() { f.set(nil, nil) }
	}}
}

// full lets the file grow no further.
func full(o *opened) func(testing.TB) func() {
	limit := func(tb testing.TB, pages string) {
		tb.Helper()
		_, err := o.writer.ExecContext(tb.Context(), "PRAGMA max_page_count = "+pages)
		require.NoError(tb, err)
	}
	return func(tb testing.TB) func() {
		tb.Helper()
		limit(tb, "1") // less than there are: no more than there are
		return func() { limit(tb, "4294967294") }
	}
}

func locked(o *opened) func(testing.TB) func() {
	return func(tb testing.TB) func() {
		tb.Helper()
		_, err := o.writer.ExecContext(tb.Context(), "PRAGMA busy_timeout = 1")
		require.NoError(tb, err)
		tx, err := pool(tb, sqlite.DSN(o.path)).BeginTx(tb.Context(), nil)
		require.NoError(tb, err)
		return func() {
			require.NoError(tb, tx.Rollback())
			_, err := o.writer.ExecContext(tb.Context(), "PRAGMA busy_timeout = 10000")
			require.NoError(tb, err)
		}
	}
}
