package postgres_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/postgres"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestNewRefusesUndurableSettings(t *testing.T) {
	own := postgrestest.Start(t)
	p := pool(t, own.Database(t))
	require.NoError(t, postgres.Migrate(t.Context(), p))
	for _, setting := range []string{"fsync", "full_page_writes"} {
		t.Run(setting, func(t *testing.T) {
			exec(t, p, "ALTER SYSTEM SET "+setting+" = off")
			exec(t, p, "SELECT pg_reload_conf()")
			waitFor(t, func() bool { return ask[string](t, p, "SELECT current_setting($1)", setting) == "off" })
			_, err := postgres.New(t.Context(), p, nil)
			var refused *postgres.SettingError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, postgres.SettingError{Setting: setting, Found: "off", Want: "on"}, *refused)
			exec(t, p, "ALTER SYSTEM RESET "+setting)
			exec(t, p, "SELECT pg_reload_conf()")
			waitFor(t, func() bool { return ask[string](t, p, "SELECT current_setting($1)", setting) == "on" })
		})
	}
	_, err := postgres.New(t.Context(), p, nil)
	require.NoError(t, err)
}

func TestNewWarns(t *testing.T) {
	warnings := func(t *testing.T, url string) string {
		t.Helper()
		var text bytes.Buffer
		_, err := postgres.New(t.Context(), pool(t, url), slog.New(slog.NewTextHandler(&text, nil)))
		require.NoError(t, err)
		return text.String()
	}
	own := postgrestest.Start(t)
	url := own.Database(t)
	require.NoError(t, postgres.Migrate(t.Context(), pool(t, url)))
	assert.Empty(t, warnings(t, url), "a server as it is by itself")
	assert.Contains(t, warnings(t, url+"&synchronous_commit=off"), "synchronous_commit is off")
	assert.Contains(t, warnings(t, url+"&synchronous_commit=local"), "synchronous_commit is local")
	assert.Empty(t, warnings(t, url+"&synchronous_commit=remote_apply"))

	standby, err := pgconn.Connect(t.Context(), url+"&replication=true")
	require.NoError(t, err)
	t.Cleanup(func() { _ = standby.Close(t.Context()) })
	standby.Frontend().Send(&pgproto3.Query{String: "START_REPLICATION PHYSICAL 0/1000000"})
	require.NoError(t, standby.Frontend().Flush())
	answer, err := standby.ReceiveMessage(t.Context())
	require.NoError(t, err)
	require.IsType(t, &pgproto3.CopyBothResponse{}, answer)
	assert.Contains(t, warnings(t, url), "standbys=1")
}

func TestMigrate(t *testing.T) {
	t.Run("ten replicas at once", func(t *testing.T) {
		url := server.Database(t)
		results := make(chan error)
		for range 10 {
			p := pool(t, url)
			go func() { results <- postgres.Migrate(t.Context(), p) }()
		}
		for range 10 {
			require.NoError(t, <-results)
		}
		assert.Equal(t, 1, ask[int](t, open(t, url).pool, "SELECT count(*) FROM ledger_schema"))
	})
	t.Run("not asked for", func(t *testing.T) {
		_, err := postgres.New(t.Context(), pool(t, server.Database(t)), nil)
		var schema *postgres.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, postgres.SchemaError{Found: 0, Want: 1}, *schema)
		assert.ErrorContains(t, err, "run Migrate")
	})
	t.Run("older than the program", func(t *testing.T) {
		o := fresh(t)
		exec(t, o.pool, "DELETE FROM ledger_schema")
		_, err := postgres.New(t.Context(), o.pool, nil)
		assert.ErrorContains(t, err, "run Migrate")
	})
	t.Run("newer than the program", func(t *testing.T) {
		o := fresh(t)
		exec(t, o.pool, "INSERT INTO ledger_schema VALUES (2)")
		_, err := postgres.New(t.Context(), o.pool, nil)
		var schema *postgres.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, postgres.SchemaError{Found: 2, Want: 1}, *schema)
		require.ErrorAs(t, postgres.Migrate(t.Context(), o.pool), &schema)
		assert.ErrorContains(t, err, "newer program")
	})
	t.Run("wholly or not at all", func(t *testing.T) {
		p := pool(t, server.Database(t))
		exec(t, p, "CREATE TABLE log (vendor int)") // in the way of a later statement
		require.Error(t, postgres.Migrate(t.Context(), p))
		assert.Equal(t, 1, ask[int](t, p, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
	})
}

func TestHistoryCannotBeRewritten(t *testing.T) {
	o := fresh(t)
	require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, "mac-1")))
	_, err := o.Sequence(t.Context())
	require.NoError(t, err)
	for _, statement := range []string{
		"UPDATE events SET body = ''",
		"DELETE FROM events",
		"TRUNCATE events",
		"UPDATE log SET position = position + 1",
		"DELETE FROM log",
		"TRUNCATE log",
		"DELETE FROM actions",
		"TRUNCATE actions",
		"DELETE FROM secrets",
		"TRUNCATE secrets",
		"DELETE FROM log_tiles",
		"TRUNCATE log_tiles",
		"UPDATE log_checkpoints SET note = ''",
		"DELETE FROM log_checkpoints",
		"TRUNCATE log_checkpoints",
	} {
		t.Run(statement, func(t *testing.T) {
			_, err := o.pool.Exec(t.Context(), statement)
			assert.ErrorContains(t, err, "are never ")
		})
	}
}

// The rights that the package comment names are enough.
func TestRights(t *testing.T) {
	url := server.Database(t)
	owner := open(t, url)
	role := ask[string](t, owner.pool, "SELECT current_database()") // as good a name as any, and no other test's
	exec(t, owner.pool, "CREATE ROLE "+role+"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	p := pool(t, url+"&role="+role)
	s, err := postgres.New(t.Context(), p, nil)
	require.NoError(t, err)
	order := storetest.Bulk(t, 0, 1)
	storetest.Commit(t, s, order)
	storetest.Commit(t, s, []lock.Change{storetest.Next(t, order[0].Actions[0], lock.EventIssued), storetest.Notice(t, "mac-1")})
	_, err = s.Sequence(t.Context())
	require.NoError(t, err)
	grown, err := s.Grow(t.Context(), 0, 1, map[[2]int64][]byte{{0, 0}: make([]byte, 32)}, []byte("note"))
	require.NoError(t, err)
	assert.True(t, grown)
	assert.Len(t, (&opened{s, p}).feed(t), 3)
}

// waitFor waits for what a server process does by itself.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, time.Minute, 5*time.Millisecond)
}
