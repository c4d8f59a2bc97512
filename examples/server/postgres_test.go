package main

import (
	"maps"
	"testing"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
)

// TestOnPostgreSQL runs the tests of the server on PostgreSQL too; with -short, as under the race detector, those alone in which much happens
// at once.
func TestOnPostgreSQL(t *testing.T) {
	tests := map[string]func(*testing.T){
		"TestScripts":                              TestScripts,
		"TestMacIsLockedAndOpened":                 TestMacIsLockedAndOpened,
		"TestKeyringIsRotatedBesideARunningServer": TestKeyringIsRotatedBesideARunningServer,
		"TestTwoServersFollowTheKeyring":           TestTwoServersFollowTheKeyring,
		"TestAnyServerServesAnyRequest":            TestAnyServerServesAnyRequest,
		"TestTriesCountAtAllServers":               TestTriesCountAtAllServers,
		"TestCodeIsUsedUpEverywhere":               TestCodeIsUsedUpEverywhere,
		"TestManyOrdersAtTwoServersAreOneLock":     TestManyOrdersAtTwoServersAreOneLock,
		"TestLastEventsAreSigned":                  TestLastEventsAreSigned,
		"TestBulkIsKilled":                         TestBulkIsKilled,
		"TestFleet":                                TestFleet,
		"TestLimitHoldsForLocksThatRace":           TestLimitHoldsForLocksThatRace,
		"TestLimitHoldsForRevealsThatRace":         TestLimitHoldsForRevealsThatRace,
		"TestAndroidPhoneAtTwoServers":             TestAndroidPhoneAtTwoServers,
		"TestWindowsDeviceAtTwoServers":            TestWindowsDeviceAtTwoServers,
	}
	if !testing.Short() {
		maps.Copy(tests, inTurnOnPostgreSQL())
	}
	dbtest.Run(t, tests)
}

// inTurnOnPostgreSQL are the tests in which one thing happens after the other.
func inTurnOnPostgreSQL() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"TestUnreadableEventIsFound":                    TestUnreadableEventIsFound,
		"TestRestartKeepsEverything":                    TestRestartKeepsEverything,
		"TestNoSecretIsKeptInClear":                     TestNoSecretIsKeptInClear,
		"TestTakeOverRaisesTheAlarm":                    TestTakeOverRaisesTheAlarm,
		"TestResealLeavesWhatDoesNotOpen":               TestResealLeavesWhatDoesNotOpen,
		"TestServerSaysThatItsKeyringCannotBeUsed":      TestServerSaysThatItsKeyringCannotBeUsed,
		"TestCommandsChangeNoTables":                    TestCommandsChangeNoTables,
		"TestPurge":                                     TestPurge,
		"TestPurgeOfOneDevice":                          TestPurgeOfOneDevice,
		"TestRemovedMacIsFoundAndOpened":                TestRemovedMacIsFoundAndOpened,
		"TestPINsOfAnEarlierEnrolment":                  TestPINsOfAnEarlierEnrolment,
		"TestNoLinkWithoutARecord":                      TestNoLinkWithoutARecord,
		"TestLinksAreOnRecord":                          TestLinksAreOnRecord,
		"TestRefusedSignInsAreOnRecord":                 TestRefusedSignInsAreOnRecord,
		"TestNoKeyringIsMadeWhereSomethingIsSealed":     TestNoKeyringIsMadeWhereSomethingIsSealed,
		"TestRestartSignsNobodyOut":                     TestRestartSignsNobodyOut,
		"TestOddTexts":                                  TestOddTexts,
		"TestExportIsVerifiedElsewhere":                 TestExportIsVerifiedElsewhere,
		"TestLedgerIsVerifiedWhereItIs":                 TestLedgerIsVerifiedWhereItIs,
		"TestNobodySeesOrTouchesWhatIsOfAnotherGroup":   TestNobodySeesOrTouchesWhatIsOfAnotherGroup,
		"TestGroupsThroughTheAPI":                       TestGroupsThroughTheAPI,
		"TestAccountCommands":                           TestAccountCommands,
		"TestBulkOverTheAPI":                            TestBulkOverTheAPI,
		"TestBulkSelectsByGroups":                       TestBulkSelectsByGroups,
		"TestAndroidPasscodeIsReset":                    TestAndroidPasscodeIsReset,
		"TestAndroidPhoneEnrolsAgain":                   TestAndroidPhoneEnrolsAgain,
		"TestNoAndroidSecretIsKeptInClear":              TestNoAndroidSecretIsKeptInClear,
		"TestWindowsPhoneIsLockedAndReset":              TestWindowsPhoneIsLockedAndReset,
		"TestWindowsDesktopIsLockedOutAndUnlocked":      TestWindowsDesktopIsLockedOutAndUnlocked,
		"TestWindowsDeviceNeedsItsCertificate":          TestWindowsDeviceNeedsItsCertificate,
		"TestWindowsCommand":                            TestWindowsCommand,
		"TestPINOfAFormerWindowsDeviceIsKept":           TestPINOfAFormerWindowsDeviceIsKept,
		"TestReplacedWindowsCertificateIsRefused":       TestReplacedWindowsCertificateIsRefused,
		"TestWindowsDeviceThatIsBackIsUnlocked":         TestWindowsDeviceThatIsBackIsUnlocked,
		"TestWindowsDeviceThatEnrolsAgainIsLockedAgain": TestWindowsDeviceThatEnrolsAgainIsLockedAgain,
		"TestPINsAreFoundByTheSerialOfAWindowsDevice":   TestPINsAreFoundByTheSerialOfAWindowsDevice,
		"TestNoWindowsSecretIsKeptInClear":              TestNoWindowsSecretIsKeptInClear,
	}
}
