// Package dbtest gives tests a database of either engine. Which one is in the name of the test: below a test called TestOnPostgreSQL it is
// PostgreSQL, else SQLite. So a test runs on both by being listed there:
//
//	func TestOnPostgreSQL(t *testing.T) {
//		dbtest.Run(t, map[string]func(*testing.T){"TestTokens": TestTokens})
//	}
package dbtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// Server makes PostgreSQL databases (postgrestest.Server).
type Server interface {
	// Database makes an empty database, which is dropped when the test ends, and returns its URL. Without a server it skips the test.
	Database(tb testing.TB) string
}

// Run runs tests by their names.
func Run(t *testing.T, tests map[string]func(*testing.T)) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, test)
	}
}

// IsPostgres reports whether the test is to run on PostgreSQL.
func IsPostgres(tb testing.TB) bool { return strings.HasPrefix(tb.Name(), "TestOnPostgreSQL/") }

// Source returns a new database as db.Open takes it.
func Source(tb testing.TB, server Server) string {
	tb.Helper()
	if IsPostgres(tb) {
		return server.Database(tb)
	}
	return filepath.Join(tb.TempDir(), "x.db")
}

// Open opens a database until the test ends.
func Open(tb testing.TB, source string) *db.DB {
	tb.Helper()
	d, err := db.Open(tb.Context(), source, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Error(err)
		}
	})
	return d
}
