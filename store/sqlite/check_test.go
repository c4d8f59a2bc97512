package sqlite_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

func TestCheck(t *testing.T) {
	o := fresh(t)
	for i := range 50 {
		require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
	}
	require.NoError(t, sqlite.Check(t.Context(), o.readers))
}

func TestCheckFindsDamage(t *testing.T) {
	const page = 4096
	overwrite := func(from int64, text string) func(*testing.T, *opened) {
		return func(t *testing.T, o *opened) {
			o.close() // and all is in the file
			f, err := os.OpenFile(o.path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte(text), from)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
	}
	for name, damage := range map[string]func(*testing.T, *opened){
		"a reference to nothing": orphan,
		"a page of the tables":   overwrite(2*page, "this is no page of a b-tree"),
		"another file":           overwrite(0, "this is no database"),
		"an index lacks a row":   forgetful,
		"cut off": func(t *testing.T, o *opened) {
			o.close()
			require.NoError(t, os.Truncate(o.path, 3*page))
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := fresh(t)
			for i := range 50 {
				require.Equal(t, outcome{}, <-commit(t.Context(), o, storetest.Order(t, fmt.Sprint("mac-", i))))
			}
			damage(t, o)
			var found *sqlite.DamageError
			err := sqlite.Check(t.Context(), pool(t, sqlite.DSN(o.path)))
			require.ErrorAs(t, err, &found)
			assert.ErrorContains(t, err, "restore a backup")
		})
	}
}

// forgetful takes an index away, adds a second live action of a device, and puts the index back as it was.
func forgetful(t *testing.T, o *opened) {
	o.close()
	beside := func(statements ...string) {
		db := writerPool(t, sqlite.DSN(o.path))
		for _, statement := range statements {
			_, err := db.ExecContext(t.Context(), statement)
			require.NoError(t, err)
		}
		require.NoError(t, db.Close())
	}
	beside("PRAGMA writable_schema = 1", "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'actions_lane'",
		"DELETE FROM sqlite_schema WHERE name = 'actions_lane'", "PRAGMA schema_version = 900")
	beside(`INSERT INTO actions (id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data)
		SELECT 'x' || id, version, scope, device, serial, actor, kind, state, lane, batch, ref, created, due, wake, data FROM actions LIMIT 1`)
	beside("PRAGMA writable_schema = 1", "INSERT INTO sqlite_schema SELECT * FROM kept", "PRAGMA schema_version = 901")
}
