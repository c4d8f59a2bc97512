package agent_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

func sqliteStore(t *testing.T) lock.Store {
	dsn := sqlite.DSN(filepath.Join(t.TempDir(), "ledger.db"))
	open := func() *sql.DB {
		pool, err := sql.Open("sqlite", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
		return pool
	}
	writer, readers := open(), open()
	writer.SetMaxOpenConns(1)
	require.NoError(t, sqlite.Migrate(t.Context(), writer))
	ledger, err := sqlite.New(t.Context(), writer, readers)
	require.NoError(t, err)
	return ledger
}

func admin() lock.Actor { return locktest.Admin() }
