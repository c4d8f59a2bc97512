package main

import (
	"testing"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
)

func TestOnPostgreSQL(t *testing.T) {
	dbtest.Run(t, map[string]func(*testing.T){
		"TestScripts":                                   TestScripts,
		"TestUnreadableEventIsFound":                    TestUnreadableEventIsFound,
		"TestMacIsLockedAndOpened":                      TestMacIsLockedAndOpened,
		"TestRestartKeepsEverything":                    TestRestartKeepsEverything,
		"TestNoSecretIsKeptInClear":                     TestNoSecretIsKeptInClear,
		"TestTakeOverRaisesTheAlarm":                    TestTakeOverRaisesTheAlarm,
		"TestKeyringIsRotatedBesideARunningServer":      TestKeyringIsRotatedBesideARunningServer,
		"TestResealLeavesWhatDoesNotOpen":               TestResealLeavesWhatDoesNotOpen,
		"TestTwoServersFollowTheKeyring":                TestTwoServersFollowTheKeyring,
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
		"TestAnyServerServesAnyRequest":                 TestAnyServerServesAnyRequest,
		"TestRestartSignsNobodyOut":                     TestRestartSignsNobodyOut,
		"TestTriesCountAtAllServers":                    TestTriesCountAtAllServers,
		"TestCodeIsUsedUpEverywhere":                    TestCodeIsUsedUpEverywhere,
		"TestManyOrdersAtTwoServersAreOneLock":          TestManyOrdersAtTwoServersAreOneLock,
		"TestOddTexts":                                  TestOddTexts,
		"TestExportIsVerifiedElsewhere":                 TestExportIsVerifiedElsewhere,
		"TestLedgerIsVerifiedWhereItIs":                 TestLedgerIsVerifiedWhereItIs,
		"TestLastEventsAreSigned":                       TestLastEventsAreSigned,
		"TestNobodySeesOrTouchesWhatIsOfAnotherGroup":   TestNobodySeesOrTouchesWhatIsOfAnotherGroup,
		"TestGroupsThroughTheAPI":                       TestGroupsThroughTheAPI,
		"TestAccountCommands":                           TestAccountCommands,
		"TestBulkIsKilled":                              TestBulkIsKilled,
		"TestBulkOverTheAPI":                            TestBulkOverTheAPI,
		"TestBulkSelectsByGroups":                       TestBulkSelectsByGroups,
		"TestFleet":                                     TestFleet,
		"TestLimitHoldsForLocksThatRace":                TestLimitHoldsForLocksThatRace,
		"TestLimitHoldsForRevealsThatRace":              TestLimitHoldsForRevealsThatRace,
		"TestAndroidPasscodeIsReset":                    TestAndroidPasscodeIsReset,
		"TestAndroidPhoneEnrolsAgain":                   TestAndroidPhoneEnrolsAgain,
		"TestAndroidPhoneAtTwoServers":                  TestAndroidPhoneAtTwoServers,
		"TestNoAndroidSecretIsKeptInClear":              TestNoAndroidSecretIsKeptInClear,
		"TestWindowsPhoneIsLockedAndReset":              TestWindowsPhoneIsLockedAndReset,
		"TestWindowsDesktopIsLockedOutAndUnlocked":      TestWindowsDesktopIsLockedOutAndUnlocked,
		"TestWindowsDeviceAtTwoServers":                 TestWindowsDeviceAtTwoServers,
		"TestWindowsDeviceNeedsItsCertificate":          TestWindowsDeviceNeedsItsCertificate,
		"TestWindowsCommand":                            TestWindowsCommand,
		"TestPINOfAFormerWindowsDeviceIsKept":           TestPINOfAFormerWindowsDeviceIsKept,
		"TestReplacedWindowsCertificateIsRefused":       TestReplacedWindowsCertificateIsRefused,
		"TestWindowsDeviceThatIsBackIsUnlocked":         TestWindowsDeviceThatIsBackIsUnlocked,
		"TestWindowsDeviceThatEnrolsAgainIsLockedAgain": TestWindowsDeviceThatEnrolsAgainIsLockedAgain,
		"TestPINsAreFoundByTheSerialOfAWindowsDevice":   TestPINsAreFoundByTheSerialOfAWindowsDevice,
		"TestNoWindowsSecretIsKeptInClear":              TestNoWindowsSecretIsKeptInClear,
	})
}
