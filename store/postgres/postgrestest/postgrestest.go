// Package postgrestest runs a private PostgreSQL server for tests: in a temporary folder, reached through a Unix socket there, with the
// durable settings that PostgreSQL has by itself. The server ends with the tests, also when they are killed (on Linux; its folder then stays).
//
// One server is enough for a test binary. Its zero value starts when the first test asks for a database:
//
//	var server postgrestest.Server
//
//	func TestMain(m *testing.M) {
//		defer server.Stop()
//		m.Run()
//	}
//
//	func TestLedger(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), server.Database(t)) // a new, empty database
//	}
//
// A test that changes settings or restarts the server takes one of its own: Start.
//
// The programs initdb and postgres are looked for in PATH and in /usr/lib/postgresql/*/bin, the newest version first. Where there are none, the
// test is skipped; it fails instead when the environment variable LATCHKEY_REQUIRE, a list with commas, contains "postgres". PostgreSQL
// refuses to run as root: tests that do, run it as the user postgres.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// superuser is the database user of initdb, and the operating system's user in place of root.
const superuser = "postgres"

// Server is a PostgreSQL server. The zero value is one that starts when it is needed; then Stop must be called when the tests have ended. Its
// methods are safe for concurrent use.
type Server struct {
	mu        sync.Mutex
	err       error // why it could not be started
	bin       string
	folder    string // empty: not started yet
	process   *process
	databases int
}

// Start starts a server of the test's own, which ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{}
	tb.Cleanup(s.Stop)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.need(tb)
	return s
}

// Database makes an empty database and returns its URL, for a superuser and without a password. It is dropped when the test ends, with
// connections that are still open.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	s.mu.Lock()
	s.need(tb)
	s.databases++
	name := fmt.Sprint("test", s.databases)
	s.mu.Unlock()
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatalf("create a test database: %v", err)
	}
	tb.Cleanup(func() { _ = s.exec("DROP DATABASE " + name + " WITH (FORCE)") }) // the server may be down by the test's own doing
	return s.url(name)
}

func (s *Server) url(database string) string {
	query := url.Values{"host": {s.folder}, "user": {superuser}}
	return (&url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: query.Encode()}).String()
}

func (s *Server) exec(statement string) error {
	ctx := context.Background() // a test's own has ended when it cleans up
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// Mode says how a server is stopped.
type Mode int

// The modes of pg_ctl stop (https://www.postgresql.org/docs/current/app-pg-ctl.html).
const (
	Fast      Mode = iota // open transactions are rolled back, what is in memory is written
	Immediate             // as in a crash: at its next start the server recovers from its log
)

// Restart stops the server and starts it again on the same data. It returns when connections are accepted again.
func (s *Server) Restart(tb testing.TB, mode Mode) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.need(tb)
	s.process.stop(mode)
	if s.process, s.err = s.launch(); s.err != nil {
		tb.Fatalf("restart PostgreSQL: %v", s.err)
	}
}

// Stop ends the server and deletes its data. On one that was never started it does nothing.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.stop(Immediate)
		s.process = nil
	}
	if s.folder != "" {
		_ = os.RemoveAll(s.folder)
		s.folder = ""
	}
}

// need starts the server unless it runs. The caller holds the lock.
func (s *Server) need(tb testing.TB) {
	tb.Helper()
	if s.process == nil && s.err == nil {
		if s.bin = programs(); s.bin == "" {
			missing(tb)
		}
		s.err = s.start()
	}
	if s.err != nil {
		tb.Fatalf("start PostgreSQL: %v", s.err)
	}
}

func missing(tb testing.TB) {
	tb.Helper()
	const message = "PostgreSQL is not installed (Debian: apt-get install postgresql)"
	if slices.Contains(strings.Split(os.Getenv("LATCHKEY_REQUIRE"), ","), "postgres") {
		tb.Fatal(message)
	}
	tb.Skip(message)
}

// programs is the folder of initdb and postgres, empty when there is none.
func programs() string {
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails for a bad pattern only
	slices.SortFunc(folders, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range append(filepath.SplitList(os.Getenv("PATH")), folders...) {
		if executable(filepath.Join(folder, "initdb")) && executable(filepath.Join(folder, "postgres")) {
			return folder
		}
	}
	return ""
}

func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path) //nolint:gosec // the path is of the tester's own machine
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
