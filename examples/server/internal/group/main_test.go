package group_test

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
		"TestTree":                             TestTree,
		"TestGroupsRefuse":                     TestGroupsRefuse,
		"TestMembers":                          TestMembers,
		"TestResolve":                          TestResolve,
		"TestTenThousandDevicesByName":         TestTenThousandDevicesByName,
		"TestRestrictedAccountEditsItsOwnOnly": TestRestrictedAccountEditsItsOwnOnly,
		"TestNothingWithoutARecord":            TestNothingWithoutARecord,
		"TestImport":                           TestImport,
		"TestImportIsAllOrNothing":             TestImportIsAllOrNothing,
		"TestTwoWhoMoveGroupsMakeNoLoop":       TestTwoWhoMoveGroupsMakeNoLoop,
	})
}
