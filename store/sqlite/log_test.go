package sqlite_test

import (
	"embed"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/auditlog/auditlogtest"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestLogStorage(t *testing.T) {
	auditlogtest.RunStorage(t, func(t *testing.T) auditlog.Storage { return fresh(t) })
}

func TestGrowRefuses(t *testing.T) {
	for name, size := range map[string][2]int64{"no growth": {5, 5}, "a smaller tree": {5, 4}, "no size": {-1, 4}} {
		t.Run(name, func(t *testing.T) {
			_, err := fresh(t).Grow(t.Context(), size[0], size[1], nil, []byte("note"))
			var input *lock.InputError
			assert.ErrorAs(t, err, &input)
		})
	}
}

//go:embed migrations/0001_ledger.sql
var firstMigration embed.FS

// A ledger of the first version is there, with all that it holds, after Migrate.
func TestMigrateKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	old := pool(t, sqlite.DSN(path))
	schema, err := fs.ReadFile(firstMigration, "migrations/0001_ledger.sql")
	require.NoError(t, err)
	c := storetest.Order(t, "mac-1")
	_, err = old.ExecContext(t.Context(), string(schema)+"; CREATE TABLE ledger_schema (version INTEGER NOT NULL PRIMARY KEY) STRICT; INSERT INTO ledger_schema VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, newBare(t, old, 1).insert(t.Context(), bareRows(t, []lock.Change{c}, 0)))
	_, err = sqlite.New(t.Context(), writerPool(t, sqlite.DSN(path)), old)
	var version *sqlite.SchemaError
	require.ErrorAs(t, err, &version)
	assert.Equal(t, sqlite.SchemaError{Found: 1, Want: 2}, *version)

	o := migrated(t, path)
	assert.Equal(t, outcome{}, <-commit(t.Context(), o, c), "the same change, stored before")
	a, err := o.Get(t.Context(), c.Actions[0].ID)
	require.NoError(t, err)
	assert.Equal(t, c.Actions[0].Secrets[0].Box, a.Secrets[0].Box)
	grown, err := o.Grow(t.Context(), 0, 1, nil, []byte("note"))
	require.NoError(t, err)
	assert.True(t, grown)
}

func TestScanner(t *testing.T) {
	auditlogtest.RunScanner(t, func(t *testing.T) lock.Store { return fresh(t) })
}
