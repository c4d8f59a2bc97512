package locked_test

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

var server postgrestest.Server

func TestMain(m *testing.M) {
	defer server.Stop()
	m.Run()
}

func TestOnPostgreSQL(t *testing.T) {
	dbtest.Run(t, map[string]func(*testing.T){
		"TestRowsSayWhatAnOperatorAsks": TestRowsSayWhatAnOperatorAsks,
		"TestFilters":                   TestFilters,
		"TestPagesInEveryOrder":         TestPagesInEveryOrder,
	})
}
