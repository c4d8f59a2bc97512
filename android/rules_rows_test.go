package android_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

const (
	adminMode   = androidtest.DeviceAdmin
	profileMode = androidtest.ProfileOwner
	companyMode = androidtest.CompanyProfileOwner
	ownerMode   = androidtest.DeviceOwner
)

// tableRow is a row of a table of what Android does: a situation, an act, and what comes of it, by the rules and on the device.
type tableRow struct {
	name string
	s    situation
	act  android.Act
	want android.Effect
	code android.Code
}

func (r tableRow) run(t *testing.T) {
	d, possible := r.s.device(t)
	require.True(t, possible, "the row describes a device that can be")
	scope := android.ScopeDevice
	if inProfile(r.s.cfg) {
		scope = android.ScopeProfile
	}
	v := android.Judge(facts(d), r.act, scope)
	assert.Equal(t, []string{string(r.want), string(r.code)}, []string{string(v.Effect), string(v.Code)})
	assert.NotEmpty(t, v.Text)
	assert.NoError(t, r.s.agree(t, v))
}

// on is the situation of a device of a level and a mode.
func onDevice(level int, mode androidtest.Mode, edits ...func(*situation)) situation {
	s := situation{cfg: androidtest.Config{APILevel: level, Mode: mode}}
	for _, edit := range edits {
		edit(&s)
	}
	return s
}

func hasPasscode(s *situation)   { s.cfg.Passcode = oldPasscode }
func workPasscode(s *situation)  { s.cfg.WorkPasscode = oldPasscode }
func notUnlocked(s *situation)   { s.boot = true }
func workProfile(s *situation)   { s.cfg.ManagedProfile = true }
func tokenActive(s *situation)   { s.token = android.TokenActive }
func tokenPending(s *situation)  { s.token = android.TokenPending }
func builtFor7(s *situation)     { s.cfg.TargetSDK = 25 }
func builtFor6(s *situation)     { s.cfg.TargetSDK = 23 }
func noLockScreen(s *situation)  { s.cfg.NoSecureLock = true }
func wantsPasscode(s *situation) { s.cfg.Policy.Quality = androidtest.QualityNumeric }

const (
	doReset = android.ActReset
	doClear = android.ActClear // of the passcode
	itWorks = android.EffectWorks
	itFails = android.EffectFails
)

func TestWhatWorksByVersionAndMode(t *testing.T) {
	for _, r := range []tableRow{
		{"up to 6, admin, first passcode", onDevice(23, adminMode), doReset, itWorks, android.CodeDirect},
		{"up to 6, admin, over an existing one", onDevice(23, adminMode, hasPasscode), doReset, itWorks, android.CodeDirect},
		{"up to 6, admin, clears", onDevice(22, adminMode, hasPasscode), doClear, itWorks, android.CodeDirect},
		{"up to 6, profile owner", onDevice(23, profileMode), doReset, itFails, android.CodeProfileBefore7},
		{"up to 6, device owner, over an existing one", onDevice(23, ownerMode, hasPasscode), doReset, itWorks, android.CodeDirect},
		{"7, admin, no secure lock", onDevice(24, adminMode), doReset, itWorks, android.CodeDirect},
		{"7, admin, secure lock", onDevice(25, adminMode, hasPasscode), doReset, itFails, android.CodeAdminOver},
		{"7, admin, clears", onDevice(24, adminMode), doClear, itFails, android.CodeAdminClear},
		{"7, profile owner, profile challenge", onDevice(24, profileMode, workPasscode), doReset, itWorks, android.CodeDirect},
		{"7, profile owner, profile locked", onDevice(25, profileMode, workPasscode, notUnlocked), doReset, itFails, android.CodeUserLocked},
		{"7, profile owner, clears", onDevice(24, profileMode, workPasscode), doClear, itFails, android.CodeProfileClear},
		{"7, device owner, over an existing one", onDevice(24, ownerMode, hasPasscode), doReset, itWorks, android.CodeDirect},
		{"7, device owner, user 0 locked", onDevice(25, ownerMode, hasPasscode, notUnlocked), doReset, itFails, android.CodeUserLocked},
		{"7, device owner, managed profile", onDevice(24, ownerMode, workProfile), doReset, itFails, android.CodeManagedProfile},
		{"8 to 10, admin, no secure lock", onDevice(28, adminMode), doReset, itWorks, android.CodeDirect},
		{"8 to 10, admin, secure lock", onDevice(29, adminMode, hasPasscode), doReset, itFails, android.CodeAdminOver},
		{"8 to 10, profile owner, without a token", onDevice(26, profileMode, hasPasscode), doReset, itFails, android.CodeTokenNone},
		{"8 to 10, profile owner, token", onDevice(26, profileMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"8 to 10, company profile owner, token", onDevice(28, companyMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"8 to 10, device owner, without a token", onDevice(28, ownerMode), doReset, itFails, android.CodeTokenNone},
		{"8 to 10, device owner, token", onDevice(29, ownerMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"8 to 10, built for 7, profile owner", onDevice(26, profileMode, workPasscode, builtFor7), doReset, itWorks, android.CodeDirect},
		{"8 to 10, built for 7, device owner", onDevice(29, ownerMode, hasPasscode, builtFor7), doReset, itWorks, android.CodeDirect},
		{"8 to 10, built for 7, device owner, token too", onDevice(26, ownerMode, hasPasscode, builtFor7, tokenActive), doReset, itWorks, android.CodeToken},
		{"11 and later, admin, no secure lock", onDevice(30, adminMode), doReset, itFails, android.CodeAdminReset},
		{"11 and later, admin, secure lock", onDevice(34, adminMode, hasPasscode), doReset, itFails, android.CodeAdminReset},
		{"11 and later, profile owner, without a token", onDevice(30, profileMode), doReset, itFails, android.CodeTokenNone},
		{"11 and later, profile owner, token", onDevice(31, profileMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"11 and later, device owner, without a token", onDevice(34, ownerMode), doReset, itFails, android.CodeTokenNone},
		{"11 and later, device owner, token", onDevice(34, ownerMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"11 and later, device owner, before the first unlock", onDevice(34, ownerMode, hasPasscode, tokenActive, notUnlocked), doReset, itWorks, android.CodeToken},
		{"admin locks", onDevice(34, adminMode, hasPasscode), android.ActLock, itWorks, android.CodeLocks},
		{"admin locks what has no passcode", onDevice(23, adminMode), android.ActLock, android.EffectScreenOff, android.CodeNoSecureLock},
		{"profile owner locks the profile", onDevice(30, profileMode, hasPasscode, workPasscode), android.ActLock, itWorks, android.CodeLocksProfile},
		{"profile owner locks what has no passcode", onDevice(30, profileMode), android.ActLock, android.EffectScreenOff, android.CodeNoSecureLock},
		{"profile owner with a shared lock", onDevice(30, profileMode, hasPasscode), android.ActLock, itWorks, android.CodeLocksWhole},
	} {
		t.Run(r.name, r.run)
	}
}

func TestDecisionOrderOfResetPassword(t *testing.T) {
	for _, r := range []tableRow{
		{"no secure lock screen, 10", onDevice(29, ownerMode, builtFor7, noLockScreen), doReset, itFails, android.CodeNoLockScreen},
		{"no secure lock screen, 9: not asked", onDevice(28, adminMode, noLockScreen), doReset, itWorks, android.CodeDirect},
		{"managed profile, 6, always", onDevice(22, profileMode), doClear, itFails, android.CodeProfileBefore7},
		{"managed profile, 7, empty", onDevice(25, profileMode, workPasscode), doClear, itFails, android.CodeProfileClear},
		{"owner, 8, built for 8", onDevice(26, ownerMode), doReset, itFails, android.CodeTokenNone},
		{"owner, 8, built for 7, goes on", onDevice(26, ownerMode, builtFor7), doReset, itWorks, android.CodeDirect},
		{"owner, 11, built for 7", onDevice(30, ownerMode, builtFor7), doReset, itFails, android.CodeTokenNone},
		{"admin, empty, 6", onDevice(23, adminMode, hasPasscode), doClear, itWorks, android.CodeDirect},
		{"admin, empty, 7", onDevice(24, adminMode, hasPasscode), doClear, itFails, android.CodeAdminClear},
		{"admin, empty, 7, built for 6", onDevice(24, adminMode, builtFor6), doClear, itFails, android.CodeAdminClear},
		{"admin, secure lock, 10, built for 6", onDevice(29, adminMode, hasPasscode, builtFor6), doReset, itFails, android.CodeAdminOver},
		{"admin, 11, built for 6", onDevice(30, adminMode, builtFor6), doReset, itFails, android.CodeAdminReset},
		{"managed profile of user 0, 6", onDevice(23, ownerMode, workProfile), doReset, itWorks, android.CodeDirect},
		{"managed profile of user 0, 7", onDevice(24, adminMode, workProfile), doReset, itFails, android.CodeManagedProfile},
		{"managed profile of user 0, 7, built for 6", onDevice(24, ownerMode, workProfile, builtFor6), doReset, itFails, android.CodeManagedProfile},
		{"user locked, 7", onDevice(24, ownerMode, hasPasscode, notUnlocked), doReset, itFails, android.CodeUserLocked},
		{"user locked, 7, built for 6", onDevice(24, ownerMode, hasPasscode, notUnlocked, builtFor6), doReset, itFails, android.CodeUserLocked},
		{"policy wants a passcode", onDevice(25, ownerMode, hasPasscode, wantsPasscode), doClear, itFails, android.CodePolicy},
		{"otherwise", onDevice(25, ownerMode, hasPasscode), doClear, itWorks, android.CodeDirect},
	} {
		t.Run(r.name, r.run)
	}
}

func TestOutcomesOfResetPasswordWithToken(t *testing.T) {
	for _, r := range []tableRow{
		{"not an owner", onDevice(29, adminMode, hasPasscode), doReset, itFails, android.CodeAdminOver},
		{"no token ever set", onDevice(34, ownerMode, hasPasscode), doReset, itFails, android.CodeTokenNone},
		{"token not tokenActive, 14", onDevice(34, ownerMode, hasPasscode, tokenPending), doReset, itFails, android.CodeTokenPending},
		{"token not tokenActive, 8", onDevice(26, ownerMode, hasPasscode, tokenPending), doReset, itFails, android.CodeTokenPending},
		{"empty, policy allows none", onDevice(34, ownerMode, hasPasscode, tokenActive), doClear, itWorks, android.CodeToken},
		{"empty, policy wants one", onDevice(34, ownerMode, hasPasscode, tokenActive, wantsPasscode), doClear, itFails, android.CodePolicy},
		{"no secure lock screen", onDevice(34, ownerMode, noLockScreen), doReset, itFails, android.CodeNoLockScreen},
		{"otherwise, 8", onDevice(26, ownerMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
		{"otherwise, 14", onDevice(34, ownerMode, hasPasscode, tokenActive), doReset, itWorks, android.CodeToken},
	} {
		t.Run(r.name, r.run)
	}
}
