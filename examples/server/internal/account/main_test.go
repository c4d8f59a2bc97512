package account_test

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
		"TestCheckPassword":                       TestCheckPassword,
		"TestAdminIsMadeOnce":                     TestAdminIsMadeOnce,
		"TestPasswordsAndTokensAreNotKeptInClear": TestPasswordsAndTokensAreNotKeptInClear,
		"TestOneOfManyMakesTheAdministrator":      TestOneOfManyMakesTheAdministrator,
		"TestTokens":                              TestTokens,
		"TestAuthorize":                           TestAuthorize,
		"TestRightsOfARestrictedAccount":          TestRightsOfARestrictedAccount,
		"TestListingsOfARestrictedAccount":        TestListingsOfARestrictedAccount,
		"TestGroupOfTenThousandDevices":           TestGroupOfTenThousandDevices,
		"TestAccountsAreOnRecord":                 TestAccountsAreOnRecord,
		"TestTokensAreRevoked":                    TestTokensAreRevoked,
		"TestRemovedAccountIsNobodyElses":         TestRemovedAccountIsNobodyElses,
		"TestSetPassword":                         TestSetPassword,
		"TestTriesAreLimited":                     TestTriesAreLimited,
		"TestEmailOfAnAccount":                    TestEmailOfAnAccount,
		"TestTriesOfLinksAreCountedApart":         TestTriesOfLinksAreCountedApart,
		"TestServersOwnNameIsNoAccount":           TestServersOwnNameIsNoAccount,
		"TestNobodyKeepsTheAdministratorOut":      TestNobodyKeepsTheAdministratorOut,
		"TestWhatCountsAsOneAddress":              TestWhatCountsAsOneAddress,
		"TestTheTableForgetsWhatCountsNoMore":     TestTheTableForgetsWhatCountsNoMore,
	})
}
