package postgrestest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

func show[T any](t *testing.T, conn *pgx.Conn, query string) T {
	t.Helper()
	var value T
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&value))
	return value
}

func TestServer(t *testing.T) {
	server := postgrestest.Start(t)
	url := server.Database(t)
	conn := connect(t, url)
	for _, setting := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		assert.Equal(t, "on", show[string](t, conn, "SHOW "+setting), setting)
	}
	_, err := conn.Exec(t.Context(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
	require.NoError(t, err)
	t.Run("databases are apart", func(t *testing.T) {
		other := connect(t, server.Database(t))
		assert.Zero(t, show[int](t, other, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'"))
	})
	for name, mode := range map[string]postgrestest.Mode{"fast": postgrestest.Fast, "immediate": postgrestest.Immediate} {
		t.Run("what was committed outlives a restart, "+name, func(t *testing.T) {
			server.Restart(t, mode)
			assert.Equal(t, 7, show[int](t, connect(t, url), "SELECT n FROM kept"))
		})
	}
	folder := show[string](t, connect(t, url), "SHOW data_directory")
	server.Stop()
	assert.NoDirExists(t, folder)
	_, err = pgx.Connect(t.Context(), url)
	require.Error(t, err)
}
