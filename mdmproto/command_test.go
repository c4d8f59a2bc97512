package mdmproto

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func TestEncodeGolden(t *testing.T) {
	tests := map[string]interface{ Encode(string) ([]byte, error) }{
		"devicelock.plist":         DeviceLock{PIN: secretOf(t, "004219")},
		"devicelock-text.plist":    DeviceLock{PIN: secretOf(t, "718293"), Message: "Lost & found: <Ada's> \"Mac\" 🔒", PhoneNumber: "+1 (408) 555-5555"},
		"deviceinformation.plist":  DeviceInformation{},
		"deviceinformation1.plist": DeviceInformation{Queries: []string{"OSVersion"}},
		"securityinfo.plist":       SecurityInfo{},
	}
	for name, command := range tests {
		t.Run(name, func(t *testing.T) {
			body, err := command.Encode("0193d6a8-0000-7000-8000-000000000001")
			require.NoError(t, err)
			golden(t, name, body)
			_, err = walkPlist(body)
			require.NoError(t, err)
		})
	}
}

func TestEncodeBootstrapToken(t *testing.T) {
	body, err := encodeBootstrapToken(secretOf(t, "bootstrap-token"))
	require.NoError(t, err)
	golden(t, "bootstraptoken.plist", body)
	body, err = encodeBootstrapToken(pin.PIN{})
	require.NoError(t, err)
	assert.Empty(t, body)
}

func TestDeviceLockRefuses(t *testing.T) {
	good := DeviceLock{PIN: secretOf(t, "718293")}
	tests := []struct {
		name   string
		change func(*DeviceLock)
		uuid   string
		want   FieldError
	}{
		{"no PIN", func(c *DeviceLock) { c.PIN = pin.PIN{} }, "u", FieldError{"PIN", RuleSixDigits, 0}},
		{"five digits", func(c *DeviceLock) { c.PIN = secretOf(t, "71829") }, "u", FieldError{"PIN", RuleSixDigits, 0}},
		{"a letter", func(c *DeviceLock) { c.PIN = secretOf(t, "71829a") }, "u", FieldError{"PIN", RuleSixDigits, 0}},
		{"other digits", func(c *DeviceLock) { c.PIN = secretOf(t, "٤٢١") }, "u", FieldError{"PIN", RuleSixDigits, 0}},
		{"long message", func(c *DeviceLock) { c.Message = strings.Repeat("é", 2049) }, "u", FieldError{"Message", RuleSize, 2048}},
		{"line in message", func(c *DeviceLock) { c.Message = "a\nb" }, "u", FieldError{"Message", RuleCharacters, 0}},
		{"noncharacter", func(c *DeviceLock) { c.Message = "a\uFFFE" }, "u", FieldError{"Message", RuleCharacters, 0}},
		{"message not UTF-8", func(c *DeviceLock) { c.Message = "\xe9" }, "u", FieldError{"Message", RuleEncoding, 0}},
		{"PIN in message", func(c *DeviceLock) { c.Message = "type 718293 to open" }, "u", FieldError{"Message", RuleHoldsPIN, 0}},
		{"letters in phone", func(c *DeviceLock) { c.PhoneNumber = "1-800-MAC" }, "u", FieldError{"PhoneNumber", RuleCharacters, 0}},
		{"long phone", func(c *DeviceLock) { c.PhoneNumber = strings.Repeat("1", 33) }, "u", FieldError{"PhoneNumber", RuleSize, 32}},
		{"no UUID", func(*DeviceLock) {}, "", FieldError{"CommandUUID", RuleMissing, 0}},
		{"long UUID", func(*DeviceLock) {}, strings.Repeat("u", 129), FieldError{"CommandUUID", RuleSize, 128}},
		{"space in UUID", func(*DeviceLock) {}, "a b", FieldError{"CommandUUID", RuleCharacters, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			command := good
			tt.change(&command)
			body, err := command.Encode(tt.uuid)
			var refused *FieldError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, tt.want, *refused)
			assert.Nil(t, body)
			assert.NotContains(t, err.Error(), "7182")
		})
	}
}

func TestCheckTextWithoutPIN(t *testing.T) {
	require.NoError(t, DeviceLock{Message: strings.Repeat("é", 2048), PhoneNumber: "+1 (408) 555.55,55"}.CheckText())
	require.Error(t, DeviceLock{Message: "\x00"}.CheckText())
}

func TestDeviceInformationRefuses(t *testing.T) {
	for name, queries := range map[string][]string{"empty": {""}, "too many": make([]string, 101), "odd": {"OS Version"}} {
		t.Run(name, func(t *testing.T) {
			_, err := DeviceInformation{Queries: queries}.Encode("u")
			var refused *FieldError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, "Queries", refused.Field)
		})
	}
}

func BenchmarkEncodeDeviceLock(b *testing.B) {
	command := DeviceLock{PIN: secretOf(b, "004219"), Message: "Call the help desk", PhoneNumber: "+1 408 555 5555"}
	for b.Loop() {
		if _, err := command.Encode("0193d6a8-0000-7000-8000-000000000001"); err != nil {
			b.Fatal(err)
		}
	}
}
