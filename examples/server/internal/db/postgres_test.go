package db_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

func TestTenServersStartTogether(t *testing.T) {
	source := server.Database(t)
	var starting sync.WaitGroup
	for range 10 {
		starting.Go(func() {
			d, err := db.Open(t.Context(), source, nil)
			if assert.NoError(t, err) {
				assert.NoError(t, d.Ready(t.Context()))
				assert.NoError(t, d.Close())
			}
		})
	}
	starting.Wait()
}

// Who reads and then writes does not do so on what another one has changed meanwhile.
func TestWritesAreOneAfterTheOther(t *testing.T) {
	source := dbtest.Source(t, &server)
	const workers, each = 8, 20
	opened := make([]*db.DB, workers)
	for i := range opened {
		opened[i] = dbtest.Open(t, source)
	}
	var working sync.WaitGroup
	for _, d := range opened {
		working.Go(func() {
			for range each {
				assert.NoError(t, d.Write(t.Context(), func(tx *sql.Tx) error {
					var n int
					if err := tx.QueryRow(`SELECT count(*) FROM server_accounts`).Scan(&n); err != nil {
						return err
					}
					return insert(tx, fmt.Sprint(n))
				}))
			}
		})
	}
	working.Wait()
	assert.Equal(t, workers*each, accounts(t, opened[0]), "no number was taken twice")
}

// Two writes that each read what the other one writes, and begin before either commits, do not both go by what they read.
func TestWritesThatReadWhatTheOtherWrites(t *testing.T) {
	d := dbtest.Open(t, dbtest.Source(t, &server))
	var calls atomic.Int32
	var reading, writing sync.WaitGroup
	reading.Add(2)
	for own, others := range map[string]string{"a": "b", "b": "a"} {
		writing.Go(func() {
			haveRead := sync.OnceFunc(reading.Done)
			assert.NoError(t, d.Write(t.Context(), func(tx *sql.Tx) error {
				calls.Add(1)
				var n int
				err := tx.QueryRow(`SELECT count(*) FROM server_accounts WHERE name = $1`, others).Scan(&n)
				haveRead()
				if d.IsShared() { // on SQLite the other one has not begun
					reading.Wait()
				}
				if err != nil || n > 0 {
					return err
				}
				return insert(tx, own)
			}))
		})
	}
	writing.Wait()
	assert.Equal(t, 1, accounts(t, d))
	if d.IsShared() {
		assert.Greater(t, calls.Load(), int32(2), "one was tried again")
	}
}

func TestOneConnectionIsEnough(t *testing.T) {
	d := dbtest.Open(t, server.Database(t)+"&pool_max_conns=1")
	assert.NoError(t, d.Alone(t.Context(), d.Ready))
}

func TestSaysThatItWaitsForOthers(t *testing.T) {
	source := server.Database(t)
	logs := &signal{when: "waiting for other servers that start", seen: make(chan struct{})}
	opened := make(chan error, 1)
	require.NoError(t, dbtest.Open(t, source).Alone(t.Context(), func(ctx context.Context) error {
		go func() {
			d, err := db.Open(ctx, source, slog.New(slog.NewTextHandler(logs, nil)))
			if err == nil {
				err = d.Close()
			}
			opened <- err
		}()
		select {
		case <-logs.seen:
			return nil
		case err := <-opened:
			return fmt.Errorf("it did not wait: %w", err)
		}
	}))
	assert.NoError(t, <-opened)
}

// signal is a log that tells when something is written to it.
type signal struct {
	when string
	seen chan struct{}
}

func (s *signal) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.when) {
		close(s.seen)
	}
	return len(p), nil
}

func TestAloneIsOneAtATime(t *testing.T) {
	source := server.Database(t)
	var inside, calls atomic.Int32
	opened := make([]*db.DB, 5)
	for i := range opened {
		opened[i] = dbtest.Open(t, source)
	}
	var working sync.WaitGroup
	for _, d := range opened {
		working.Go(func() {
			for range 20 {
				assert.NoError(t, d.Alone(t.Context(), func(ctx context.Context) error {
					calls.Add(1)
					assert.Equal(t, int32(1), inside.Add(1))
					defer inside.Add(-1)
					return d.Ready(ctx)
				}))
			}
		})
	}
	working.Wait()
	assert.Equal(t, int32(100), calls.Load())
}

func TestStandbyIsNotReady(t *testing.T) {
	source := server.Database(t)
	d := dbtest.Open(t, source)
	require.NoError(t, d.Ready(t.Context()))
	other := dbtest.Open(t, source)
	_, err := other.Exec(t.Context(), `ALTER DATABASE `+dbName(t, d)+` SET default_transaction_read_only = on`)
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { // the first answer may be that the connection was cut
		err := d.Ready(context.Background())
		return err != nil && strings.Contains(err.Error(), "read only")
	}, timeLimit, tick)
	_, err = db.Open(t.Context(), source, nil)
	assert.Error(t, err)
}

func dbName(t *testing.T, d *db.DB) (name string) {
	t.Helper()
	require.NoError(t, d.Readers.QueryRow(`SELECT current_database()`).Scan(&name))
	return name
}

// A server that is down says so in a way that may be waited for; the same pool answers when it is back.
func TestServerThatIsDown(t *testing.T) {
	own := postgrestest.Start(t)
	source := own.Database(t)
	d := dbtest.Open(t, source)
	require.NoError(t, d.Ready(t.Context()))
	own.Restart(t, postgrestest.Immediate)
	require.Eventually(t, func() bool { return d.Ready(context.Background()) == nil }, timeLimit, tick)
	own.Stop()
	require.Error(t, d.Ready(t.Context()))
	_, err := db.Open(t.Context(), source, nil)
	require.ErrorIs(t, err, db.ErrNoAnswer)
}

func TestURLs(t *testing.T) {
	const password = "kT7vQ2mX9pLs"
	for name, c := range map[string]struct {
		source string
		fine   bool
	}{
		"fine":                  {"postgres://latchkey:" + password + "@db.example.com/latchkey?sslmode=verify-full", true},
		"long scheme":           {"postgresql://db.example.com/latchkey", true},
		"another engine":        {"mysql://latchkey:" + password + "@db/latchkey", false},
		"a file":                {"/var/lib/latchkey.db", false},
		"no URL":                {"postgres://latchkey:" + password + "@db.exa mple.com/latchkey", false},
		"port":                  {"postgres://latchkey:" + password + "@db:" + password + "/latchkey", false},
		"sslmode":               {"postgres://latchkey:" + password + "@db/latchkey?sslmode=sometimes", false},
		"password as parameter": {"postgres://db/latchkey?password=" + password + "&sslmode=" + password, false},
		"percent":               {"postgres://latchkey:%" + password + "@db/latchkey", false},
		"slash":                 {"postgres://latchkey:2024/" + password + "@127.0.0.1/latchkey", false},
		"question mark":         {"postgres://latchkey:2024?" + password + "@127.0.0.1/latchkey", false},
		"number sign":           {"postgres://latchkey:2024#" + password + "@127.0.0.1/latchkey", false},
		"at sign and slash":     {"postgres://latchkey:p@2024/" + password + "@127.0.0.1/latchkey", false},
		"at sign":               {"postgres://latchkey:p@" + password + "@127.0.0.1/latchkey", true},
		"percent-encoded":       {"postgres://latchkey:2024%2F%3F%23%40" + password + "@127.0.0.1/latchkey?user=a%40b", true},
	} {
		t.Run(name, func(t *testing.T) {
			err := db.CheckURL(c.source)
			if c.fine {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, db.ErrURL)
			assert.NotContains(t, err.Error(), password)
			if db.IsPostgres(c.source) {
				_, err = db.Open(t.Context(), c.source, nil)
				require.ErrorIs(t, err, db.ErrURL)
				assert.NotRegexp(t, password+"|2024", err.Error())
			}
		})
	}
}

func TestNoErrorHasThePassword(t *testing.T) {
	const password = "kT7vQ2mX9pLs"
	for name, where := range map[string]string{"nobody there": "127.0.0.1:1", "no such host": "db.invalid"} {
		t.Run(name, func(t *testing.T) {
			_, err := db.Open(t.Context(), "postgres://latchkey:"+password+"@"+where+"/latchkey?connect_timeout=5", nil)
			require.ErrorIs(t, err, db.ErrNoAnswer)
			assert.NotContains(t, err.Error(), password)
			assert.Contains(t, err.Error(), where)
		})
	}
	source := server.Database(t)
	_, err := db.Open(t.Context(), source+"&password="+password+"&user=nobody", nil)
	require.Error(t, err)
	require.NotErrorIs(t, err, db.ErrNoAnswer, "who is refused need not wait")
	assert.NotContains(t, err.Error(), password)
}
