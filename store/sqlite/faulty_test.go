package sqlite_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// faults is a driver.Connector over the real driver whose connections fail as they are told.
type faults struct {
	driver driver.Driver
	dsn    string
	lies   bool // it says that commits are synced, whatever is set

	mu     sync.Mutex
	commit commitHook
	exec   execHook
}

// commitHook is asked instead of a commit, and execHook before a statement that changes something. Lose gives up the connection: its pool
// closes it, and with it what was not committed.
type (
	commitHook func(commit func() error, lose func()) error
	execHook   func(query string, lose func()) error
)

func (f *faults) Driver() driver.Driver { return f.driver }

func (f *faults) Connect(context.Context) (driver.Conn, error) {
	c, err := f.driver.Open(f.dsn)
	if err != nil {
		return nil, err
	}
	return &faultyConn{realConn: c.(realConn), faults: f}, nil
}

// set is what is asked from now on; nil: nothing.
func (f *faults) set(commit commitHook, exec execHook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commit, f.exec = commit, exec
}

func (f *faults) armed() (commitHook, execHook) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.commit, f.exec
}

// hold stops the next commit: committing is closed when it is there, and it goes on when goOn is closed.
func (f *faults) hold() (committing <-chan struct{}, goOn chan<- struct{}) {
	there, on := make(chan struct{}), make(chan struct{})
	var once sync.Once
	f.set(func(commit func() error, _ func()) error {
		once.Do(func() { close(there); <-on })
		return commit()
	}, nil)
	return there, on
}

// realConn and realStmt are what the real driver has.
type realConn interface {
	running
	driver.ConnBeginTx
	driver.SessionResetter
	driver.Validator
}

type running interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type realStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type faultyConn struct {
	realConn
	faults *faults
	lost   bool
}

func (c *faultyConn) lose() { c.lost = true }

func (c *faultyConn) IsValid() bool { return !c.lost && c.realConn.IsValid() }

func (c *faultyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := c.realConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return &faultyStmt{realStmt: s.(realStmt), conn: c, query: query}, nil
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if c.faults.lies && query == "PRAGMA synchronous" {
		query = "SELECT 2"
	}
	return c.realConn.QueryContext(ctx, query, args)
}

func (c *faultyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	tx, err := c.realConn.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &faultyTx{tx, c}, nil
}

type faultyStmt struct {
	realStmt
	conn  *faultyConn
	query string
}

func (s *faultyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if _, exec := s.conn.faults.armed(); exec != nil {
		if err := exec(s.query, s.conn.lose); err != nil {
			return nil, err
		}
	}
	return s.realStmt.ExecContext(ctx, args)
}

type faultyTx struct {
	driver.Tx
	conn *faultyConn
}

func (t *faultyTx) Commit() error {
	if commit, _ := t.conn.faults.armed(); commit != nil {
		return commit(t.Tx.Commit, t.conn.lose)
	}
	return t.Tx.Commit()
}

func (t *faultyTx) Rollback() error {
	if t.conn.lost {
		return nil
	}
	return t.Tx.Rollback()
}

// faulty is a fresh store whose writer fails as it is told.
func faulty(tb testing.TB) (*opened, *faults) {
	tb.Helper()
	o := fresh(tb)
	f := &faults{driver: o.readers.Driver(), dsn: sqlite.DSN(o.path)}
	require.NoError(tb, o.writer.Close())
	o.writer = sql.OpenDB(f)
	tb.Cleanup(func() { _ = o.writer.Close() })
	o.writer.SetMaxOpenConns(1)
	s, err := sqlite.New(tb.Context(), o.writer, o.readers)
	require.NoError(tb, err)
	o.Store = s
	return o, f
}
