package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Store is a lock.Store in an SQLite database. Make it with New.
type Store struct {
	reader
	writer *sql.DB
	stmts  statements
	queue  queue
}

var _ lock.Store = (*Store)(nil)

// New returns a store on the database that both pools have open. Writer must be limited to one connection. New changes nothing: it
// checks that commits will be durable (*SettingError) and that the schema is the one of this code (*SchemaError).
func New(ctx context.Context, writer, readers *sql.DB) (*Store, error) {
	if open := writer.Stats().MaxOpenConnections; open != 1 {
		return nil, &SettingError{Setting: "SetMaxOpenConns of the writer pool", Found: fmt.Sprint(open), Want: "1"}
	}
	if err := checkDurable(ctx, writer); err != nil {
		return nil, err
	}
	for _, db := range []*sql.DB{writer, readers} {
		if err := checkSchema(ctx, db); err != nil {
			return nil, err
		}
	}
	s := &Store{writer: writer}
	var err error
	if s.stmts, err = prepare(ctx, writer, append(setQueries(), changing...)); err != nil {
		return nil, err
	}
	reading, err := prepare(ctx, readers, []string{getAction})
	if err != nil {
		return nil, errors.Join(err, s.stmts.close())
	}
	s.reader = reader{prepared{conn: readers, stmts: reading}}
	return s, nil
}

// DSN is the data source name that opens the file at path as this package needs it, for modernc.org/sqlite: write-ahead log, synchronous
// FULL, foreign keys, transactions that take the write lock when they begin, and 10 seconds of waiting for it. What savepoints need goes to
// memory instead of to temporary files, the page cache is 16 MiB a connection, and the log is written back to the file when it has grown to
// 32 MiB: batches are written more than twice as fast.
func DSN(path string) string {
	path = filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		path = "/" + path
	}
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	return "file:" + escaped + "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)" +
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-16384)&_pragma=wal_autocheckpoint(8192)"
}

// SettingError says that the database is not set as its durability needs.
type SettingError struct {
	Setting     string // as in "synchronous"
	Found, Want string
}

// Error names the setting and what to do.
func (e *SettingError) Error() string {
	return fmt.Sprintf("sqlite: %s is %s, must be %s: open the database with sqlite.DSN", e.Setting, e.Found, e.Want)
}

// checkDurable looks at the settings of the connection that answers.
func checkDurable(ctx context.Context, c conn) error {
	journal, err := one[string](ctx, c, "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if !strings.EqualFold(journal, "wal") {
		return &SettingError{Setting: "journal_mode", Found: journal, Want: "WAL"}
	}
	level, err := one[int](ctx, c, "PRAGMA synchronous")
	if err != nil {
		return err
	}
	const full = 2 // 3 is EXTRA
	if level < full {
		return &SettingError{Setting: "synchronous", Found: fmt.Sprint(level), Want: "FULL (2)"}
	}
	return nil
}

// one is the only value of a query that returns one row.
func one[T any](ctx context.Context, c conn, query string, args ...any) (T, error) {
	var value T
	rows, err := c.QueryContext(ctx, query, args...)
	if err != nil {
		return value, fmt.Errorf("sqlite: %w", err)
	}
	defer func() { _ = rows.Close() }()
	if rows.Next() {
		err = rows.Scan(&value)
	}
	if err = errors.Join(err, rows.Err()); err != nil {
		return value, fmt.Errorf("sqlite: %w", err)
	}
	return value, nil
}
