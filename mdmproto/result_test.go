package mdmproto

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestResultSamples(t *testing.T) {
	who := Enrollment{UDID: sampleUDID}
	tests := []struct {
		sample string
		want   Result
	}{
		{"idle", Result{Status: StatusIdle}},
		{"acknowledged", Result{Status: StatusAcknowledged, CommandUUID: "0001_DeviceLock", MessageResult: "Success"}},
		{"error", Result{Status: StatusError, CommandUUID: "lock-1", ErrorChain: []ErrorItem{{
			Code: 12021, Domain: "MCMDMErrorDomain", LocalizedDescription: "Unknown command: DeviceLock <MDMClientError:91>",
		}}}},
		{"deviceinformation", Result{Status: StatusAcknowledged, CommandUUID: "di-1", Facts: map[string]string{
			"BatteryLevel": "0.5", "IsAppleSilicon": "true", "OSVersion": "15.1", "PINRequiredForDeviceLock": "false", "SerialNumber": "6FC8MHNGAYV0",
		}}},
		{"securityinfo", Result{Status: StatusAcknowledged, CommandUUID: "si-1", Facts: map[string]string{
			"BootstrapTokenAllowedForAuthentication": "allowed", "FDE_Enabled": "true", "IsRecoveryLockEnabled": "false",
			"FirmwarePasswordStatus.AllowOroms": "false", "FirmwarePasswordStatus.ChangePending": "false", "FirmwarePasswordStatus.PasswordExists": "true",
			"ManagementStatus.EnrolledViaDEP": "true", "ManagementStatus.IsUserEnrollment": "false", "SecureBoot.SecureBootLevel": "full",
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.sample, func(t *testing.T) {
			got, err := ParseResult(message(t, tt.sample))
			require.NoError(t, err)
			tt.want.Enrollment = who
			if tt.want.Facts == nil {
				tt.want.Facts = map[string]string{}
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

// result parses a message that must be accepted.
func result(t *testing.T, inner string) Result {
	t.Helper()
	r, err := ParseResult(dictionary("<key>UDID</key><string>u</string>" + inner))
	require.NoError(t, err)
	return r
}

func TestResultKeepsTheCoreWhenTheRestIsWrong(t *testing.T) {
	r := result(t, `<key>Status</key><string>Acknowledged</string><key>CommandUUID</key><string>c</string>
		<key>ErrorChain</key><array><string>x</string><dict><key>ErrorCode</key><string>1</string><key>ErrorDomain</key><string>D</string></dict></array>
		<key>MessageResult</key><integer>1</integer><key>QueryResponses</key><true/>
		<key>SecurityInfo</key><dict><key>FDE_Enabled</key><dict/><key>ManagementStatus</key><string>x</string>
		<key>SecureBoot</key><dict><key>SecureBootLevel</key><array/></dict></dict>`)
	assert.Equal(t, StatusAcknowledged, r.Status)
	assert.Equal(t, "c", r.CommandUUID)
	assert.Equal(t, []ErrorItem{{Domain: "D"}}, r.ErrorChain)
	assert.Empty(t, r.Facts)
	assert.ElementsMatch(t, []string{
		"ErrorChain", "ErrorChain.ErrorCode", "MessageResult", "QueryResponses",
		"SecurityInfo.FDE_Enabled", "SecurityInfo.ManagementStatus", "SecurityInfo.SecureBoot.SecureBootLevel",
	}, r.Skipped)
}

// What cannot be decoded at all does not take the core fields with it.
func TestResultKeepsTheCoreWhenAValueCannotBeDecoded(t *testing.T) {
	for name, odd := range map[string]string{
		"date with fractions": "<key>When</key><date>2026-11-21T10:00:00.123Z</date>",
		"bad base64":          "<key>Blob</key><data>!</data>",
		"huge integer":        "<key>N</key><integer>99999999999999999999999</integer>",
		"deep inside":         "<key>A</key><array><dict><key>Status</key><string>Idle</string><key>D</key><date>x</date></dict></array>",
	} {
		t.Run(name, func(t *testing.T) {
			r := result(t, "<key>Status</key><string>Acknowledged</string><key>CommandUUID</key><string>c &amp; d</string>"+odd)
			assert.Equal(t, StatusAcknowledged, r.Status)
			assert.Equal(t, "c & d", r.CommandUUID)
			assert.False(t, r.IsUser())
		})
	}
	_, err := ParseResult(dictionary("<key>UDID</key><string>u</string><key>UserID</key><integer>1</integer><key>Status</key><string>Idle</string>" +
		"<key>When</key><date>never</date>"))
	var refused *DecodeError
	require.ErrorAs(t, err, &refused, "a user does not become the device")
	assert.Equal(t, "UserID", refused.Field)
}

func TestResultUnknownStatus(t *testing.T) {
	r := result(t, "<key>Status</key><string>Pondering</string>")
	assert.Equal(t, Status("Pondering"), r.Status)
	assert.False(t, r.Status.Known())
	assert.True(t, StatusCommandFormatError.Known())
}

// Whatever a device sends, and wherever, facts are what the lists allow.
func TestResultFactsHoldNothingElse(t *testing.T) {
	canary := "<key>PIN</key><string>canary</string><key>UnlockToken</key><data>Y2FuYXJ5</data><key>FDE_PersonalRecoveryKeyCMS</key><string>canary</string>"
	r := result(t, "<key>Status</key><string>Acknowledged</string>"+canary+
		"<key>QueryResponses</key><dict>"+canary+"</dict><key>SecurityInfo</key><dict>"+canary+
		"<key>FirmwarePasswordStatus</key><dict>"+canary+"</dict></dict>")
	assert.Empty(t, r.Facts)
	assert.NotContains(t, printed(r), "canary")
}

func TestResultTextsAreClean(t *testing.T) {
	r := result(t, "<key>Status</key><string>Error</string><key>MessageResult</key><string>a\nb&#x9b;c</string>"+
		"<key>ErrorChain</key><array>"+strings.Repeat("<dict><key>ErrorCode</key><integer>-3</integer><key>ErrorDomain</key><string>"+
		strings.Repeat("é", 300)+"</string><key>USEnglishDescription</key><string>PIN 042137 refused</string></dict>", 20)+"</array>")
	assert.Equal(t, "a b c", r.MessageResult)
	assert.Len(t, r.ErrorChain, maxChain)
	assert.Equal(t, ErrorItem{Code: -3, Domain: strings.Repeat("é", maxText), USEnglishDescription: "PIN [digits] refused"}, r.ErrorChain[0])
}

func TestResultRefuses(t *testing.T) {
	tests := []struct {
		name, inner, field string
		rule               Rule
	}{
		{"no status", "<key>UDID</key><string>u</string>", "Status", RuleMissing},
		{"status of wrong type", "<key>UDID</key><string>u</string><key>Status</key><integer>1</integer>", "Status", RuleType},
		{"nobody", "<key>Status</key><string>Idle</string>", "UDID", RuleMissing},
		{"command of wrong type", "<key>UDID</key><string>u</string><key>Status</key><string>Error</string><key>CommandUUID</key><data/>", "CommandUUID", RuleType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseResult(dictionary(tt.inner))
			var refused *DecodeError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, DecodeError{Field: tt.field, Rule: tt.rule}, *refused)
		})
	}
}
