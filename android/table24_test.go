package android_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
)

// resetPasswordWithToken, by the facts that tell beforehand.
func TestTable24(t *testing.T) {
	for _, level := range []int{26, 28, 29, 30, 31, 33, 34, 35} {
		t.Run(fmt.Sprint("API level ", level), func(t *testing.T) {
			caller, unasked := android.CodeAdminOver, android.CodeTokenUnfit
			if level >= 30 {
				caller = android.CodeAdminReset
			}
			if level >= 29 {
				unasked = android.CodeNoLockScreen
			}
			requireRows(t, []row{
				{"caller is no owner", reset, device(level, admin, active), caller},
				{"no token ever set", reset, device(level, do, none), android.CodeTokenNone},
				{"token set, not active", reset, device(level, do, pending), android.CodeTokenPending},
				{"obsolete token: the device has none", reset, device(level, po, none), android.CodeTokenNone},
				{"escrow disabled on the user", reset, device(level, do, unsupported), android.CodeTokenUnfit},
				{"empty password, policy allows none", remove, device(level, do, active), android.CodeToken},
				{"empty password, policy asks for one", remove, device(level, do, active, strict), android.CodePolicy},
				{"no secure lock screen", reset, device(level, do, unfit, unsupported), unasked},
				{"no such feature, and a token", reset, device(level, do, active, unfit), android.CodeToken},
				{"no such feature, and a passcode", reset, device(level, do, unfit, passcode), android.CodeTokenNone},
				{"no such feature, and a passcode, for a token", provision, device(level, do, unfit, passcode), android.CodeTokenAfter},
				{"otherwise", reset, device(level, do, active), android.CodeToken},
			})
		})
	}
}

// Before Android 10 no device has the feature, and nobody asks for it.
func TestLockScreenFeatureBefore10(t *testing.T) {
	requireRows(t, []row{
		{"API 28, for a token", provision, device(28, do, unfit), android.CodeTokenAtOnce},
		{"API 28, by token", reset, device(28, po, unfit, none), android.CodeTokenNone},
		{"API 29, for a token", provision, device(29, do, unfit), android.CodeNoLockScreen},
	})
	v := android.Judge(device(0, do, unfit), provision, android.ScopeDevice)
	assert.Equal(t, android.CodeAPILevel, v.Code, "a device that has not said its level may be one of them")
}

// A token that is null never leaves the server: who does not say which token it has gets no command, and neither does who has none.
func TestTable24NullToken(t *testing.T) {
	f := device(34, do, active)
	f.TokenID = ""
	plan := android.Plan(asDevice(f), lock.Request{Kind: lock.KindResetPasscode})
	assert.Contains(t, blocked(plan.Findings), "token_not_named")
	assert.Empty(t, plan.Uses)
}

// Wrong bytes, and another administrator that asked for entry, are not among the facts: the device answers that, and the documentation says so.
func TestTable24WhatCannotBeSeen(t *testing.T) {
	requireDocumented(t, "an administrator other than the agent that reset the passcode with RESET_PASSWORD_REQUIRE_ENTRY")
	requireDocumented(t, "a token whose bytes are others than the server has")
}

// The rows about the password, which is checked before the token is used.
func TestTable24Passwords(t *testing.T) {
	cases := map[string]struct {
		code   string
		policy android.Policy
		before []android.Reason // API level 26 to 29
		since  []android.Reason // 30 and later
	}{
		"violates the policy":           {"482915", android.Policy{Quality: android.QualityNumeric, MinLength: 8}, []android.Reason{android.TooShort}, []android.Reason{android.TooShort}},
		"shorter than 4":                {"482", android.Policy{}, []android.Reason{android.TooShort}, []android.Reason{android.TooShort}},
		"four":                          {"4829", android.Policy{}, nil, nil},
		"16":                            {"4829150637482915", android.Policy{}, nil, nil},
		"longer than 16":                {"48291506374829150", android.Policy{}, nil, []android.Reason{android.TooLong}},
		"characters below 32":           {"4829\t15", android.Policy{}, nil, []android.Reason{android.ContainsInvalidCharacter}},
		"a space":                       {"4829 15", android.Policy{}, nil, nil},
		"DEL, 127":                      {"4829\x7f15", android.Policy{}, nil, nil},
		"characters above 127":          {"4829é15", android.Policy{}, nil, []android.Reason{android.ContainsInvalidCharacter}},
		"empty, the policy allows none": {"", android.Policy{}, nil, nil},
		"empty, the policy asks for one": {"", android.Policy{Quality: android.QualitySomething},
			[]android.Reason{android.WeakCredentialType}, []android.Reason{android.WeakCredentialType}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, level := range []int{26, 28, 29} {
				require.Equal(t, c.before, android.Validate(code(t, c.code), level, c.policy), level)
			}
			for _, level := range []int{30, 31, 33, 34, 35} {
				require.Equal(t, c.since, android.Validate(code(t, c.code), level, c.policy), level)
			}
		})
	}
}

// A token provisioned: its life cycle as far as Judge tells it.
func TestProvision(t *testing.T) {
	requireRows(t, []row{
		{"no passcode", provision, device(34, do, open), android.CodeTokenAtOnce},
		{"a passcode", provision, device(34, do), android.CodeTokenAfter},
		{"pending, set again", provision, device(34, po, pending), android.CodeTokenAfter},
		{"active", provision, device(34, do, active), android.CodeTokenActive},
		{"Android 7", provision, device(25, do), android.CodeTokenBefore8},
		{"Android 8", provision, device(26, do), android.CodeTokenAfter},
		{"device admin", provision, device(34, admin), android.CodeTokenNotByAdmin},
		{"company profile owner", provision, device(34, cope, open), android.CodeTokenAtOnce},
		{"escrow disabled", provision, device(34, do, unsupported), android.CodeTokenUnfit},
		{"no secure lock screen", provision, device(34, do, open, unfit), android.CodeNoLockScreen},
		{"passcode not known", provision, device(34, do, func(f *android.Facts) { f.SecureLock = android.Unknown }), android.CodeTokenSet},
	})
}

func TestLock(t *testing.T) {
	cases := map[string]struct {
		f      android.Facts
		scope  android.Scope
		effect android.Effect
		code   android.Code
	}{
		"device owner":                           {device(34, do), android.ScopeDevice, android.EffectWorks, android.CodeLocks},
		"device admin":                           {device(23, admin), android.ScopeDevice, android.EffectWorks, android.CodeLocks},
		"version not known":                      {device(0, do), android.ScopeDevice, android.EffectWorks, android.CodeLocks},
		"no passcode":                            {device(34, do, open), android.ScopeDevice, android.EffectScreenOff, android.CodeNoSecureLock},
		"no passcode, profile":                   {device(34, po, open), android.ScopeProfile, android.EffectScreenOff, android.CodeNoSecureLock},
		"profile owner locks the device":         {device(34, po), android.ScopeDevice, android.EffectWorks, android.CodeLocks},
		"company profile owner locks the device": {device(34, cope), android.ScopeDevice, android.EffectWorks, android.CodeLocks},
		"device beside a lock of the profile":    {device(34, po, separate), android.ScopeDevice, android.EffectUnknown, android.CodeDeviceLock},
		"profile with its own lock":              {device(34, cope, separate), android.ScopeProfile, android.EffectWorks, android.CodeLocksProfile},
		"profile with its own lock, no passcode": {device(34, po, open, separate), android.ScopeProfile, android.EffectFails, android.CodeProfileOpen},
		"the same before Android 7":              {device(23, po, open, separate), android.ScopeProfile, android.EffectScreenOff, android.CodeNoSecureLock},
		"profile that shares the lock":           {device(34, po), android.ScopeProfile, android.EffectWorks, android.CodeLocksWhole},
		"profile before Android 7":               {device(23, po, separate), android.ScopeProfile, android.EffectWorks, android.CodeLocksWhole},
		"profile, lock not known": {device(34, po, func(f *android.Facts) { f.SeparateChallenge = android.Unknown }), android.ScopeProfile,
			android.EffectUnknown, android.CodeChallenge},
		"profile, lock not known, no passcode": {device(34, po, open, func(f *android.Facts) { f.SeparateChallenge = android.Unknown }), android.ScopeProfile,
			android.EffectUnknown, android.CodeChallenge},
		"profile, neither lock known": {device(34, po, func(f *android.Facts) { f.SeparateChallenge = android.Unknown }), android.ScopeDevice,
			android.EffectUnknown, android.CodeDeviceLock},
		"passcode not known": {device(34, do, func(f *android.Facts) { f.SecureLock = android.Unknown }), android.ScopeDevice,
			android.EffectUnknown, android.CodeSecureLock},
		"device owner has no profile of its own": {device(34, do, managed), android.ScopeProfile, android.EffectFails, android.CodeNotProfile},
		"nothing known":                          {android.Facts{}, android.ScopeDevice, android.EffectUnknown, android.CodeMode},
		"no such scope":                          {device(34, do), "house", android.EffectFails, android.CodeUnsupported},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := android.Judge(c.f, android.ActLock, c.scope)
			assert.Equal(t, c.effect, v.Effect)
			assert.Equal(t, c.code, v.Code)
			assert.Empty(t, v.Method)
		})
	}
}

func TestCapabilities(t *testing.T) {
	said := func(f android.Facts) string {
		var b strings.Builder
		for _, v := range android.Capabilities(f) {
			fmt.Fprintf(&b, "%s %s %s %s\n", v.Act, v.Scope, v.Effect, v.Code)
			require.NotEmpty(t, v.Text)
		}
		return b.String()
	}
	assert.Equal(t, "lock device works locks\nreset device works token\nclear device works token\nprovision device fails token_active\n",
		said(device(34, do, active)))
	assert.Equal(t, "lock device unknown device_lock_unknown\nlock profile works locks_profile\nreset device fails not_by_profile_owner\n"+
		"reset profile fails token_none\nclear profile fails token_none\nprovision profile works token_after_unlock\n", said(device(34, cope, separate)))
	assert.Equal(t, "lock device unknown mode_unknown\nreset device unknown mode_unknown\nclear device unknown mode_unknown\n"+
		"provision device unknown mode_unknown\n", said(android.Facts{}))
}
