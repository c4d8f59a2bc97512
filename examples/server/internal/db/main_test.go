package db_test

import (
	"testing"
	"time"

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
		"TestWriteRollsBack":                   TestWriteRollsBack,
		"TestSealedByCountsBoxesOfAllTables":   TestSealedByCountsBoxesOfAllTables,
		"TestWritesAreOneAfterTheOther":        TestWritesAreOneAfterTheOther,
		"TestReady":                            TestReady,
		"TestAsIsChangesNoTable":               TestAsIsChangesNoTable,
		"TestWritesThatReadWhatTheOtherWrites": TestWritesThatReadWhatTheOtherWrites,
		"TestNewerTablesAreRefused":            TestNewerTablesAreRefused,
	})
}

const (
	timeLimit = 30 * time.Second // of what PostgreSQL does beside the test
	tick      = 10 * time.Millisecond
)
