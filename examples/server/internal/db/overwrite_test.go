package db_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
)

// What is replaced by something shorter, as a box is by a purge, is not left in free space of the file.
func TestWhatIsReplacedIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	d := dbtest.Open(t, path)
	_, err := d.Writer.ExecContext(t.Context(), `CREATE TABLE boxes (n INTEGER PRIMARY KEY, box BLOB)`)
	require.NoError(t, err)
	box := func(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "<box %d>", n), 12) }
	for n := range 200 {
		_, err := d.Writer.ExecContext(t.Context(), `INSERT INTO boxes VALUES ($1, $2)`, n, box(n))
		require.NoError(t, err)
	}
	_, err = d.Writer.ExecContext(t.Context(), `UPDATE boxes SET box = x'' WHERE n % 10 = 0`)
	require.NoError(t, err)
	_, err = d.Writer.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	require.NoError(t, err)
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := range 200 {
		assert.Equal(t, n%10 != 0, bytes.Contains(file, fmt.Appendf(nil, "<box %d>", n)), "box %d", n)
	}
}
