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
