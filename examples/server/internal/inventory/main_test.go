package inventory_test

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
		"TestEveryBindingIsOnRecordOnce":                        TestEveryBindingIsOnRecordOnce,
		"TestNoAnswerWithoutARecord":                            TestNoAnswerWithoutARecord,
		"TestExpiryIsThatOfTheCertificateInUse":                 TestExpiryIsThatOfTheCertificateInUse,
		"TestAuthenticateRefuses":                               TestAuthenticateRefuses,
		"TestRenewalKeepsTheOldCertificateUntilTheNewOneIsUsed": TestRenewalKeepsTheOldCertificateUntilTheNewOneIsUsed,
		"TestReenrolmentForgetsWhatWasKnown":                    TestReenrolmentForgetsWhatWasKnown,
		"TestCheckOutAndBack":                                   TestCheckOutAndBack,
		"TestChannelsAreKeptApart":                              TestChannelsAreKeptApart,
		"TestSeenIsWrittenOnceAMinute":                          TestSeenIsWrittenOnceAMinute,
		"TestRemovedDeviceIsGone":                               TestRemovedDeviceIsGone,
		"TestRemovedDeviceIsInNoGroup":                          TestRemovedDeviceIsInNoGroup,
		"TestRemovedDeviceEnrolsAgain":                          TestRemovedDeviceEnrolsAgain,
		"TestRemovalWhileTheDeviceTalks":                        TestRemovalWhileTheDeviceTalks,
		"TestNoRemovalWithoutARecord":                           TestNoRemovalWithoutARecord,
		"TestListing":                                           TestListing,
		"TestAnswersBecomeFacts":                                TestAnswersBecomeFacts,
		"TestNotNowWaitsForTheNextIdle":                         TestNotNowWaitsForTheNextIdle,
		"TestAgentIsADevice":                                    TestAgentIsADevice,
		"TestAgentEnrolsAgain":                                  TestAgentEnrolsAgain,
		"TestAgentTakesNoOthersName":                            TestAgentTakesNoOthersName,
		"TestAgentStateReplacesWhatItSaid":                      TestAgentStateReplacesWhatItSaid,
		"TestLedgerIsToldOfAnAgentOnce":                         TestLedgerIsToldOfAnAgentOnce,
		"TestManyTellTheLedgerOfAnAgentOnce":                    TestManyTellTheLedgerOfAnAgentOnce,
		"TestReplacedEnrolmentEndsNothing":                      TestReplacedEnrolmentEndsNothing,
		"TestStuckAnnouncementStopsNoOtherDevice":               TestStuckAnnouncementStopsNoOtherDevice,
		"TestClaimOfAStoppedServerRunsOut":                      TestClaimOfAStoppedServerRunsOut,
		"TestLateOneGivesBackItsOwnClaimAlone":                  TestLateOneGivesBackItsOwnClaimAlone,
		"TestRenewalBesideAnUntoldEnrolment":                    TestRenewalBesideAnUntoldEnrolment,
		"TestRemovedAgentEnrolsAgain":                           TestRemovedAgentEnrolsAgain,
	})
}
