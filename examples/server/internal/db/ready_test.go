package db_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
)

// otherVersions are what makes a database that of another version of the program.
var otherVersions = map[string]struct {
	spoil string
	want  error
}{
	"newer server": {`INSERT INTO server_migrations (name) VALUES ('migrations/9999_later.sql')`, db.ErrNewer},
	"newer ledger": {`INSERT INTO ledger_schema (version) VALUES (9999)`, db.ErrNewer},
	"older server": {`DELETE FROM server_migrations WHERE name LIKE '%0002%'`, db.ErrOlder},
	"older ledger": {`DELETE FROM ledger_schema WHERE version = (SELECT max(version) FROM ledger_schema)`, db.ErrOlder},
}

func TestReady(t *testing.T) {
	for name, c := range otherVersions {
		t.Run(name, func(t *testing.T) {
			d := dbtest.Open(t, dbtest.Source(t, &server))
			require.NoError(t, d.Ready(t.Context()))
			_, err := d.Exec(t.Context(), c.spoil)
			require.NoError(t, err)
			assert.Error(t, d.Ready(t.Context()))
		})
	}
	t.Run("tables not there", func(t *testing.T) {
		d := dbtest.Open(t, dbtest.Source(t, &server))
		_, err := d.Exec(t.Context(), `DROP TABLE server_migrations`)
		require.NoError(t, err)
		assert.Error(t, d.Ready(t.Context()))
	})
	t.Run("no room to write", func(t *testing.T) {
		d := dbtest.Open(t, dbtest.Source(t, &server))
		_, err := d.Exec(t.Context(), `DROP TABLE server_heartbeat`)
		require.NoError(t, err)
		for range 2 {
			assert.ErrorContains(t, d.Ready(t.Context()), "cannot be written")
		}
	})
}

// A disk that is full is noticed, and that there is room again, each after seconds.
func TestFullDiskIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := dbtest.Open(t, dbtest.Source(t, &server))
		limit := func(pages int) {
			var is int
			require.NoError(t, d.Writer.QueryRowContext(t.Context(), fmt.Sprintf(`PRAGMA max_page_count = %d`, pages)).Scan(&is))
		}
		require.NoError(t, d.Ready(t.Context()))
		limit(1) // no more than there are
		fill(t, d)
		require.NoError(t, d.Ready(t.Context()), "it is remembered")
		time.Sleep(time.Minute)
		for range 2 {
			require.ErrorContains(t, d.Ready(t.Context()), "full")
		}
		limit(1 << 30)
		require.ErrorContains(t, d.Ready(t.Context()), "full")
		time.Sleep(time.Minute)
		require.NoError(t, d.Ready(t.Context()))
	})
}

// fill uses up the pages of the file that are free.
func fill(t *testing.T, d *db.DB) {
	t.Helper()
	for n := range 1000 {
		if _, err := d.Writer.ExecContext(t.Context(), `INSERT INTO server_accounts (name, password) VALUES ($1, $2)`, fmt.Sprint(n), make([]byte, 4000)); err != nil {
			require.ErrorContains(t, err, "full")
			return
		}
	}
	require.Fail(t, "the disk is never full")
}

func TestAsIsChangesNoTable(t *testing.T) {
	for name, c := range otherVersions {
		t.Run(name, func(t *testing.T) {
			source := dbtest.Source(t, &server)
			d := dbtest.Open(t, source)
			beside, err := db.OpenAsIs(t.Context(), source, nil)
			require.NoError(t, err)
			assert.NoError(t, beside.Ready(t.Context()))
			require.NoError(t, beside.Close())
			_, err = d.Exec(t.Context(), c.spoil)
			require.NoError(t, err)
			before := versions(t, d)
			_, err = db.OpenAsIs(t.Context(), source, nil)
			require.ErrorIs(t, err, c.want)
			assert.Equal(t, before, versions(t, d))
		})
	}
	t.Run("nothing there", func(t *testing.T) {
		_, err := db.OpenAsIs(t.Context(), dbtest.Source(t, &server), nil)
		require.ErrorIs(t, err, db.ErrOlder)
	})
}

// versions counts the migrations of the server and of the ledger.
func versions(t *testing.T, d *db.DB) (n [2]int) {
	t.Helper()
	require.NoError(t, d.Readers.QueryRow(`SELECT (SELECT count(*) FROM server_migrations), (SELECT count(*) FROM ledger_schema)`).Scan(&n[0], &n[1]))
	return n
}

func TestNewerTablesAreRefused(t *testing.T) {
	for name, c := range otherVersions {
		if !errors.Is(c.want, db.ErrNewer) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			source := dbtest.Source(t, &server)
			_, err := dbtest.Open(t, source).Exec(t.Context(), c.spoil)
			require.NoError(t, err)
			_, err = db.Open(t.Context(), source, nil)
			require.ErrorIs(t, err, db.ErrNewer)
		})
	}
}
