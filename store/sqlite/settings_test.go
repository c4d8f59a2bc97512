package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestNewRefusesUndurableSettings(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to string // in the data source name
		writers  int
		setting  string
	}{
		{"several writers", "", "", 2, "SetMaxOpenConns of the writer pool"},
		{"synchronous normal", "synchronous(FULL)", "synchronous(NORMAL)", 1, "synchronous"},
		{"rollback journal", "journal_mode(WAL)", "journal_mode(DELETE)", 1, "journal_mode"},
		{"in memory", "_txlock", "mode=memory&_txlock", 1, "journal_mode"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := sqlite.DSN(filepath.Join(t.TempDir(), "ledger.db"))
			writer := pool(t, strings.Replace(dsn, c.from, c.to, 1))
			writer.SetMaxOpenConns(c.writers)
			require.NoError(t, sqlite.Migrate(t.Context(), writer))
			_, err := sqlite.New(t.Context(), writer, writer)
			var setting *sqlite.SettingError
			require.ErrorAs(t, err, &setting)
			assert.Equal(t, c.setting, setting.Setting)
		})
	}
}

func TestInTxRefusesUndurableSettings(t *testing.T) {
	o := fresh(t)
	callers := pool(t, strings.Replace(sqlite.DSN(o.path), "synchronous(FULL)", "synchronous(OFF)", 1))
	tx, err := callers.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = o.InTx(tx).Commit(t.Context(), []lock.Change{storetest.Order(t, "mac-1")})
	var setting *sqlite.SettingError
	require.ErrorAs(t, err, &setting)
}

func TestDSNOpensAnyPath(t *testing.T) {
	for _, name := range []string{"ledger.db", "a b", "100%25", "what?mode=memory", "no#1", "ünal"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			migrated(t, path)
			assert.FileExists(t, path)
		})
	}
}

func TestMigrate(t *testing.T) {
	t.Run("again, and several at once", func(t *testing.T) {
		dsn := sqlite.DSN(fresh(t).path)
		results := make(chan error)
		for range 4 {
			db := pool(t, dsn)
			go func() { results <- sqlite.Migrate(t.Context(), db) }()
		}
		for range 4 {
			require.NoError(t, <-results)
		}
	})
	t.Run("not asked for", func(t *testing.T) {
		writer := writerPool(t, sqlite.DSN(filepath.Join(t.TempDir(), "ledger.db")))
		_, err := sqlite.New(t.Context(), writer, writer)
		var schema *sqlite.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, sqlite.SchemaError{Found: 0, Want: 2}, *schema)
		assert.ErrorContains(t, err, "run Migrate")
	})
	t.Run("newer than the program", func(t *testing.T) {
		o := fresh(t)
		_, err := o.writer.ExecContext(t.Context(), "INSERT INTO ledger_schema VALUES (3)")
		require.NoError(t, err)
		_, err = sqlite.New(t.Context(), o.writer, o.readers)
		var schema *sqlite.SchemaError
		require.ErrorAs(t, err, &schema)
		assert.Equal(t, sqlite.SchemaError{Found: 3, Want: 2}, *schema)
		require.ErrorAs(t, sqlite.Migrate(t.Context(), o.writer), &schema)
		assert.ErrorContains(t, err, "newer program")
	})
	t.Run("keeps what else is in the file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "vendor.db")
		_, err := pool(t, sqlite.DSN(path)).ExecContext(t.Context(), "CREATE TABLE vendors (id)")
		require.NoError(t, err)
		o := migrated(t, path)
		_, err = o.writer.ExecContext(t.Context(), "SELECT id FROM vendors")
		require.NoError(t, err)
	})
}

func TestHistoryCannotBeRewritten(t *testing.T) {
	for _, statement := range []string{
		"UPDATE events SET body = x'00'",
		"UPDATE events SET position = position + 1",
		"DELETE FROM events",
		"DELETE FROM events WHERE position = 0",
		"DELETE FROM actions",
		"DELETE FROM secrets",
		"UPDATE log_checkpoints SET note = x'00'",
		"DELETE FROM log_checkpoints",
		"DELETE FROM log_tiles",
	} {
		t.Run(statement, func(t *testing.T) {
			o := fresh(t)
			require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, "mac-1")))
			_, err := o.Grow(t.Context(), 0, 1, map[[2]int64][]byte{{0, 0}: make([]byte, 32)}, []byte("note"))
			require.NoError(t, err)
			_, err = o.writer.ExecContext(t.Context(), statement)
			assert.ErrorContains(t, err, "are never ")
		})
	}
}
