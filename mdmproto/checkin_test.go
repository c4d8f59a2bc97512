package mdmproto

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sampleUDID = "CFB05136-49DB-4CB8-B3B2-42AE767EAF75"

// checkin parses a sample.
func checkin(t *testing.T, name string) Checkin {
	t.Helper()
	c, err := ParseCheckin(message(t, name))
	require.NoError(t, err)
	assert.Empty(t, c.Skipped)
	return c
}

func TestCheckinAuthenticate(t *testing.T) {
	assert.Equal(t, Checkin{
		MessageType:  "Authenticate",
		Enrollment:   Enrollment{UDID: sampleUDID},
		Topic:        "com.apple.mgmt.External.example",
		DeviceName:   "6FC8MHNGAYV0's Computer",
		SerialNumber: "6FC8MHNGAYV0",
		OSVersion:    "15.1",
	}, checkin(t, "authenticate"))
}

func TestCheckinTokenUpdate(t *testing.T) {
	device, user, phone := checkin(t, "tokenupdate"), checkin(t, "tokenupdate-user"), checkin(t, "tokenupdate-phone")

	assert.Equal(t, "fakeToken", string(device.Token.Bytes()))
	assert.Equal(t, "fakePushMagic", string(device.PushMagic.Bytes()))
	assert.True(t, device.UnlockToken.IsZero())
	assert.False(t, device.IsUser())

	assert.Equal(t, "userToken", string(user.Token.Bytes()))
	assert.Equal(t, device.ID(), user.ID())
	assert.Equal(t, "7D2C3C1F-9B0B-4F57-8D0C-0E2B7E0C1A11", user.User())
	assert.True(t, user.NotOnConsole)

	assert.True(t, phone.UnlockToken.Equal(secretOf(t, "unlock-token")))
}

func TestCheckinOthers(t *testing.T) {
	assert.Equal(t, "CheckOut", checkin(t, "checkout").MessageType)
	set := checkin(t, "setbootstraptoken")
	assert.True(t, set.BootstrapToken.Equal(secretOf(t, "bootstrap-token")))
	assert.True(t, set.AwaitingConfiguration)
	assert.Equal(t, "GetBootstrapToken", checkin(t, "getbootstraptoken").MessageType)
	assert.True(t, checkin(t, "userauthenticate").IsUser())
	assert.Equal(t, "tokens", checkin(t, "declarativemanagement").Endpoint)
	assert.Equal(t, "com.apple.maid", checkin(t, "gettoken").TokenServiceType)
}

func TestCheckinUnknownType(t *testing.T) {
	c, err := ParseCheckin(dictionary("<key>MessageType</key><string>NewIn2030</string><key>UDID</key><string>u</string>"))
	require.NoError(t, err)
	assert.Equal(t, "NewIn2030", c.MessageType)
}

func TestCheckinWrongTypeInOptionalField(t *testing.T) {
	body := strings.Replace(string(message(t, "authenticate")), "<string>15.1</string>", "<integer>15</integer>", 1)
	c, err := ParseCheckin([]byte(body))
	require.NoError(t, err)
	assert.Equal(t, []string{"OSVersion"}, c.Skipped)
	assert.Equal(t, "6FC8MHNGAYV0", c.SerialNumber)
}

func TestCheckinRefuses(t *testing.T) {
	udid := "<key>UDID</key><string>u</string>"
	update := "<key>MessageType</key><string>TokenUpdate</string>" + udid
	full := update + "<key>Token</key><data>YQ==</data><key>PushMagic</key><string>m</string>"
	tests := []struct {
		name, inner, field string
		rule               Rule
	}{
		{"no type", udid, "MessageType", RuleMissing},
		{"type of wrong type", "<key>MessageType</key><true/>" + udid, "MessageType", RuleType},
		{"nobody", "<key>MessageType</key><string>CheckOut</string>", "UDID", RuleMissing},
		{"user of wrong type", full + "<key>UserID</key><integer>1</integer>", "UserID", RuleType},
		{"long UDID", "<key>MessageType</key><string>CheckOut</string><key>UDID</key><string>" + strings.Repeat("u", 257) + "</string>", "UDID", RuleSize},
		{"line in UDID", "<key>MessageType</key><string>CheckOut</string><key>UDID</key><string>u\nv</string>", "UDID", RuleCharacters},
		{"shared iPad without name", full + "<key>UserID</key><string>" + sharedIPad + "</string>", "UserShortName", RuleMissing},
		{"no token", update + "<key>PushMagic</key><string>m</string>", "Token", RuleMissing},
		{"token of wrong type", update + "<key>PushMagic</key><string>m</string><key>Token</key><string>t</string>", "Token", RuleType},
		{"no push magic", update + "<key>Token</key><data>YQ==</data>", "PushMagic", RuleMissing},
		{"unlock token of wrong type", full + "<key>UnlockToken</key><string>t</string>", "UnlockToken", RuleType},
		{"unlock token over 64 KiB", full + "<key>UnlockToken</key><data>" + strings.Repeat("QUFB", 22_000) + "</data>", "UnlockToken", RuleSize},
		{"bootstrap token of wrong type", "<key>MessageType</key><string>SetBootstrapToken</string>" + udid + "<key>BootstrapToken</key><string>t</string>", "BootstrapToken", RuleType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseCheckin(dictionary(tt.inner))
			var refused *DecodeError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, DecodeError{Field: tt.field, Rule: tt.rule}, *refused)
		})
	}
}

func TestEnrollment(t *testing.T) {
	tests := []struct {
		name     string
		who      Enrollment
		id, user string
	}{
		{"device", Enrollment{UDID: "d"}, "d", ""},
		{"user", Enrollment{UDID: "d", UserID: "u", UserShortName: "ada"}, "d", "u"},
		{"user enrolment", Enrollment{EnrollmentID: "e"}, "e", ""},
		{"user of a user enrolment", Enrollment{EnrollmentID: "e", EnrollmentUserID: "eu"}, "e", "eu"},
		{"both identifiers", Enrollment{UDID: "d", EnrollmentID: "e"}, "d", ""},
		{"shared iPad", Enrollment{UDID: "d", UserID: sharedIPad, UserShortName: "ada"}, "d", "ada"},
		{"name alone", Enrollment{UDID: "d", UserShortName: "ada"}, "d", "ada"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.id, tt.who.ID())
			assert.Equal(t, tt.user, tt.who.User())
			assert.Equal(t, tt.user != "", tt.who.IsUser())
		})
	}
}

func TestTokensDoNotPrint(t *testing.T) {
	c := checkin(t, "tokenupdate-phone")
	nested := struct{ c Checkin }{c}
	for _, s := range []string{"fakeToken", "fakePushMagic", "unlock-token", "66616b65"} {
		assert.NotContains(t, printed(c)+printed(&c)+printed(nested)+c.Token.LogValue().String(), s)
	}
	_, err := json.Marshal(c.Token)
	require.Error(t, err)
	assert.Empty(t, Token{}.Bytes())
}
