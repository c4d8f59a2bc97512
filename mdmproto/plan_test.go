package mdmproto_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// facts of a device, by pairs of name and value.
func facts(pairs ...string) map[string]lock.Fact {
	f := map[string]lock.Fact{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f[pairs[i]] = lock.Fact{Value: pairs[i+1]}
	}
	return f
}

// The facts of Macs on some version of macOS.
func silicon(os string) []string {
	return []string{"ProductName", "Mac14,2", "OSVersion", os, "IsAppleSilicon", "true", "ManagementStatus.IsUserEnrollment", "false"}
}

func intel(os string) []string {
	return []string{"ProductName", "MacBookPro16,1", "OSVersion", os, "IsAppleSilicon", "false", "ManagementStatus.IsUserEnrollment", "false"}
}

func unknown(os string) []string {
	return []string{"ProductName", "MacBookPro16,1", "OSVersion", os, "ManagementStatus.IsUserEnrollment", "false"}
}

var message14, phone408 = lock.Request{Message: "Call us"}, lock.Request{PhoneNumber: "+1 (408) 555-0100"}

var preflightCases = []struct {
	name    string
	facts   []string
	request lock.Request
	want    string // findings but "restarts": level:code, ! for one that can be forced
}{
	{"Apple silicon, current", silicon("15.1"), lock.Request{}, ""},
	{"Apple silicon, 11.5", silicon("11.5"), lock.Request{}, ""},
	{"Apple silicon, 11.4", silicon("11.4"), lock.Request{}, "block!:apple_silicon_before_11_5"},
	{"Apple silicon, no version", silicon(""), lock.Request{}, "block!:os_version_unknown"},
	{"Apple silicon by the hint of macOS 11", append(unknown("11.2.3"), "SupportsiOSAppInstalls", "true"), lock.Request{}, "block!:apple_silicon_before_11_5"},
	{"Intel, current", intel("15.1"), lock.Request{}, ""},
	{"Intel, 11.2", intel("11.2"), lock.Request{}, ""},
	{"Intel, no version", intel(""), lock.Request{}, "warn:os_version_unknown"},
	{"unknown chip, 11.0", unknown("11.0"), lock.Request{}, "block!:chip_unknown"},
	{"unknown chip, 11.4", unknown("11.4.9"), lock.Request{}, "block!:chip_unknown"},
	{"unknown chip, 11.5", unknown("11.5"), lock.Request{}, "warn:chip_unknown"},
	{"unknown chip, 12", unknown("12"), lock.Request{}, "warn:chip_unknown"},
	{"unknown chip, 10.15: every Mac was an Intel", unknown("10.15.7"), lock.Request{}, ""},
	{"unknown chip, no version", unknown(""), lock.Request{}, "block!:chip_unknown"},
	{"unknown chip, version of nonsense", unknown("eleven"), lock.Request{}, "block!:chip_unknown"},
	{"macOS 10.7", intel("10.7.5"), lock.Request{}, "block:macos_before_10_8"},
	{"nothing known", nil, lock.Request{}, "warn:product_unknown warn:enrollment_unknown block!:chip_unknown"},
	{"iPhone", []string{"ProductName", "iPhone15,2", "OSVersion", "18.1"}, lock.Request{}, "block:not_a_mac"},
	{"user enrolment", append(silicon("15.1"), "ManagementStatus.IsUserEnrollment", "true"), lock.Request{}, "block:user_enrollment"},
	{"checked out", append(silicon("15.1"), "Enrolled", "false"), lock.Request{}, "warn:not_enrolled"},
	{"says that it needs no PIN", append(intel("15.1"), "PINRequiredForDeviceLock", "false"), lock.Request{}, "warn:pin_not_required"},
	{"message, 10.14", intel("10.14"), message14, ""},
	{"message, 10.13", intel("10.13.6"), message14, "block:message_needs_10_14"},
	{"message, no version", intel(""), message14, "warn:os_version_unknown warn:message_unknown"},
	{"message too long", intel("15.1"), lock.Request{Message: strings.Repeat("é", 2049)}, "block:message_invalid"},
	{"message of 2,048 characters", intel("15.1"), lock.Request{Message: strings.Repeat("é", 2048)}, ""},
	{"message with a line break", intel("15.1"), lock.Request{Message: "a\nb"}, "block:message_invalid"},
	{"phone number, Apple silicon 11.5", silicon("11.5"), phone408, ""},
	{"phone number, Intel", intel("15.1"), phone408, "block:phone_number_needs_apple_silicon_11_5"},
	{"phone number, Apple silicon 11.4", silicon("11.4"), phone408, "block!:apple_silicon_before_11_5 block:phone_number_needs_apple_silicon_11_5"},
	{"phone number, unknown chip", unknown("15.1"), phone408, "warn:chip_unknown warn:phone_number_unknown"},
	{"phone number with letters", silicon("15.1"), lock.Request{PhoneNumber: "call me"}, "block:phone_number_invalid"},
	{"phone number too long", silicon("15.1"), lock.Request{PhoneNumber: strings.Repeat("5", 33)}, "block:phone_number_invalid"},
}

func TestPreflight(t *testing.T) {
	for _, c := range preflightCases {
		t.Run(c.name, func(t *testing.T) {
			plan := mdmproto.Platform(nil).Codec.Plan(lock.Device{Facts: facts(c.facts...)}, c.request)
			var got []string
			for _, f := range plan.Findings {
				if f.Code == "restarts" {
					continue
				}
				mark := ":"
				if f.Forceable {
					mark = "!:"
				}
				got = append(got, string(f.Level)+mark+f.Code)
				assert.NotEmpty(t, f.Text)
			}
			assert.Equal(t, c.want, strings.Join(got, " "))
			assert.True(t, plan.Holds)
		})
	}
}

// A preflight that blocks stops the order, and force overrides it only where Apple's consequence is not that nothing happens.
func TestPreflightStopsTheOrder(t *testing.T) {
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	svc, err := lock.New(lock.Config{
		Store: store.NewMemory(), Sealer: keyring, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: everybody{},
	})
	require.NoError(t, err)
	old := device("old")
	old.Facts = facts("ProductName", "Mac14,2", "OSVersion", "11.2", "IsAppleSilicon", "true")
	phone := device("phone")
	phone.Facts = facts("ProductName", "iPhone15,2")

	_, err = svc.Lock(context.Background(), admin, lock.Request{Device: old})
	var blocked *lock.BlockedError
	require.ErrorAs(t, err, &blocked)
	assert.Contains(t, err.Error(), "deactivated", "Apple's consequence, in words")

	a, err := svc.Lock(context.Background(), admin, lock.Request{Device: old, Force: true})
	require.NoError(t, err)
	assert.True(t, a.Forced)

	_, err = svc.Lock(context.Background(), admin, lock.Request{Device: phone, Force: true})
	require.ErrorAs(t, err, &blocked, "no force makes a PIN open an iPhone")
}

// Only the PIN opens a Mac, and it has no passcode that a server could set.
func TestPreflightBlocksEveryKindButLock(t *testing.T) {
	codec := mdmproto.Platform(nil).Codec
	for _, kind := range []lock.Kind{lock.KindLostMode, lock.KindResetPasscode, lock.KindClearPasscode, lock.KindUnlock, lock.KindProvisionToken} {
		t.Run(string(kind), func(t *testing.T) {
			plan := codec.Plan(lock.Device{Facts: facts(silicon("15.1")...)}, lock.Request{Kind: kind})
			require.Len(t, plan.Findings, 1)
			assert.Equal(t, "unsupported", plan.Findings[0].Code)
			assert.Equal(t, lock.LevelBlock, plan.Findings[0].Level)
			assert.False(t, plan.Findings[0].Forceable)
			assert.True(t, plan.NoPIN)
		})
	}
	assert.NotEqual(t, "unsupported", codec.Plan(lock.Device{}, lock.Request{Kind: lock.KindLock}).Findings[0].Code)
}
