package androidtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

const (
	admin   = androidtest.DeviceAdmin
	profile = androidtest.ProfileOwner
	company = androidtest.CompanyProfileOwner
	owner   = androidtest.DeviceOwner

	old  = "482915"
	code = "73915280"
)

// said is what a method returned: "true", "false", or the exception.
func said(ok bool, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case ok:
		return "true"
	}
	return "false"
}

func newDevice(t *testing.T, cfg androidtest.Config) *androidtest.Device {
	t.Helper()
	d, err := androidtest.New(cfg)
	require.NoError(t, err)
	return d
}

const (
	noProfile  = "SecurityException: You can not reset the password for a managed profile. "
	noClear    = "SecurityException: You can not clear the active password for a managed profile. "
	deprecated = "SecurityException: resetPassword() is deprecated for DPC targeting O or later"
	noNull     = "SecurityException: Cannot call with null password"
	overOld    = "SecurityException: Admin cannot change current password"
	overOld29  = "SecurityException: Cannot change current password"
	hasProfile = "IllegalStateException: Cannot reset password on user has managed profile"
	locked     = "IllegalStateException: Cannot reset password when user is locked"
	dead       = "SecurityException: Device admin can no longer call resetPassword()"
	noAdmin    = "SecurityException: No active admin owned by uid"
	short      = "IllegalArgumentException: password must not be null and at least of length 4"
)

// resetRow is a row of the decision order of resetPassword.
type resetRow struct {
	name   string
	cfg    androidtest.Config
	locked bool // before the first unlock
	code   string
	want   string
}

func (r resetRow) run(t *testing.T) {
	d := newDevice(t, r.cfg)
	if r.locked {
		d.Reboot()
	}
	before := d.Passcode() + d.WorkPasscode()
	require.Equal(t, r.want, said(d.ResetPassword(r.code, 0)))
	switch {
	case r.want != "true":
		assert.Equal(t, before, d.Passcode()+d.WorkPasscode(), "the passcode is the one of before")
	case r.cfg.Mode == profile || r.cfg.Mode == company:
		assert.Equal(t, r.code, d.WorkPasscode())
		assert.Equal(t, r.cfg.Passcode, d.Passcode(), "the passcode of the device is not the profile owner's to reset")
	default:
		assert.Equal(t, r.code, d.Passcode())
	}
}

func TestResetPasswordByVersionAndMode(t *testing.T) {
	for _, r := range []resetRow{
		{"up to 6, admin, over an existing passcode", androidtest.Config{APILevel: 23, Mode: admin, Passcode: old}, false, code, "true"},
		{"up to 6, admin, sets the first", androidtest.Config{APILevel: 22, Mode: admin}, false, code, "true"},
		{"up to 6, admin, clears", androidtest.Config{APILevel: 22, Mode: admin, Passcode: old}, false, "", "true"},
		{"up to 6, profile owner", androidtest.Config{APILevel: 23, Mode: profile}, false, code, noProfile},
		{"up to 6, device owner as an admin", androidtest.Config{APILevel: 23, Mode: owner, Passcode: old}, false, code, "true"},
		{"7, admin, no secure lock", androidtest.Config{APILevel: 24, Mode: admin}, false, code, "true"},
		{"7, admin, secure lock", androidtest.Config{APILevel: 25, Mode: admin, Passcode: old}, false, code, overOld},
		{"7, admin, empty", androidtest.Config{APILevel: 24, Mode: admin}, false, "", noNull},
		{"7, profile owner, profile challenge", androidtest.Config{APILevel: 24, Mode: profile, WorkPasscode: old}, false, code, "true"},
		{"7, profile owner, profile locked", androidtest.Config{APILevel: 24, Mode: profile, WorkPasscode: old}, true, code, locked},
		{"7, profile owner, empty", androidtest.Config{APILevel: 25, Mode: profile, WorkPasscode: old}, false, "", noClear},
		{"7, device owner, over an existing passcode", androidtest.Config{APILevel: 24, Mode: owner, Passcode: old}, false, code, "true"},
		{"7, device owner, user 0 locked", androidtest.Config{APILevel: 25, Mode: owner, Passcode: old}, true, code, locked},
		{"7, device owner, managed profile", androidtest.Config{APILevel: 24, Mode: owner, ManagedProfile: true}, false, code, hasProfile},
		{"8 to 10, admin as 7, no secure lock", androidtest.Config{APILevel: 26, Mode: admin}, false, code, "true"},
		{"8 to 10, admin as 7, secure lock", androidtest.Config{APILevel: 28, Mode: admin, Passcode: old}, false, code, overOld},
		{"10, admin, secure lock", androidtest.Config{APILevel: 29, Mode: admin, Passcode: old}, false, code, overOld29},
		{"8 to 10, profile owner", androidtest.Config{APILevel: 26, Mode: profile}, false, code, deprecated},
		{"8 to 10, company profile owner", androidtest.Config{APILevel: 29, Mode: company}, false, code, deprecated},
		{"8 to 10, device owner", androidtest.Config{APILevel: 28, Mode: owner}, false, code, deprecated},
		{"8 to 10, target below 26, profile owner as in 7", androidtest.Config{APILevel: 26, TargetSDK: 25, Mode: profile, WorkPasscode: old}, false, code, "true"},
		{"8 to 10, target below 26, device owner as in 7", androidtest.Config{APILevel: 29, TargetSDK: 25, Mode: owner, Passcode: old}, false, code, "true"},
		{"11, admin", androidtest.Config{APILevel: 30, Mode: admin}, false, code, dead},
		{"11, profile owner", androidtest.Config{APILevel: 30, Mode: profile}, false, code, dead},
		{"14, device owner", androidtest.Config{APILevel: 34, Mode: owner}, false, code, dead},
		{"10, RESET_PASSWORD permission is like an admin, first", androidtest.Config{APILevel: 29, Mode: admin, ResetPermission: true}, false, code, "true"},
		{"11, RESET_PASSWORD permission, no secure lock", androidtest.Config{APILevel: 30, Mode: admin, ResetPermission: true}, false, code, "true"},
		{"11, RESET_PASSWORD permission, secure lock", androidtest.Config{APILevel: 34, Mode: admin, ResetPermission: true, Passcode: old}, false, code, overOld29},
	} {
		t.Run(r.name, r.run)
	}
}

// TestResetPasswordDecisionOrder has two reasons to refuse in each row where an order can show.
func TestResetPasswordDecisionOrder(t *testing.T) {
	numeric := androidtest.Policy{Quality: androidtest.QualityNumericComplex, MinLength: 6}
	for _, r := range []resetRow{
		{"no secure lock screen, 28: not asked", androidtest.Config{APILevel: 28, Mode: admin, NoSecureLock: true}, false, code, "true"},
		{"no secure lock screen, 29, before the owner", androidtest.Config{APILevel: 29, Mode: owner, NoSecureLock: true}, false, code, "false"},
		{"no secure lock screen, 34, before the owner", androidtest.Config{APILevel: 34, Mode: owner, NoSecureLock: true}, false, code, "false"},
		{"managed profile, 22: always", androidtest.Config{APILevel: 22, Mode: profile}, false, "", noProfile},
		{"managed profile, 26, empty, before the owner", androidtest.Config{APILevel: 26, Mode: profile}, false, "", noClear},
		{"managed profile, 24, empty, target 23 too", androidtest.Config{APILevel: 24, TargetSDK: 23, Mode: profile}, false, "", noClear},
		{"owner, 26, before managed profile", androidtest.Config{APILevel: 26, Mode: owner, ManagedProfile: true}, false, code, deprecated},
		{"owner, 26, target 23: goes on", androidtest.Config{APILevel: 26, TargetSDK: 23, Mode: owner, Passcode: old}, false, code, "true"},
		{"owner, 30, target below 26", androidtest.Config{APILevel: 30, TargetSDK: 25, Mode: owner}, false, code, "false"},
		{"admin without the policy, 23", androidtest.Config{APILevel: 23, Mode: admin, NoResetPolicy: true}, false, code, noAdmin},
		{"admin without the policy, 24, before empty", androidtest.Config{APILevel: 24, Mode: admin, NoResetPolicy: true}, false, "", noAdmin},
		{"admin without the policy, 24, target 23 too", androidtest.Config{APILevel: 24, TargetSDK: 23, Mode: admin, NoResetPolicy: true}, false, "", noAdmin},
		{"admin without the policy, 31", androidtest.Config{APILevel: 31, TargetSDK: 23, Mode: admin, NoResetPolicy: true}, false, code, noAdmin},
		{"admin, empty, before secure lock, 25", androidtest.Config{APILevel: 25, Mode: admin, Passcode: old}, false, "", noNull},
		{"admin, empty, 25, target 23", androidtest.Config{APILevel: 25, TargetSDK: 23, Mode: admin}, false, "", "false"},
		{"admin, empty, 30, target 23", androidtest.Config{APILevel: 30, TargetSDK: 23, Mode: admin}, false, "", "false"},
		{"admin, empty, 30", androidtest.Config{APILevel: 30, Mode: admin}, false, "", dead},
		{"admin, secure lock, before managed profile", androidtest.Config{APILevel: 24, Mode: admin, Passcode: old, ManagedProfile: true}, false, code, overOld},
		{"admin, secure lock, target 23", androidtest.Config{APILevel: 29, TargetSDK: 23, Mode: admin, Passcode: old}, false, code, "false"},
		{"admin, 30, target 23", androidtest.Config{APILevel: 30, TargetSDK: 23, Mode: admin, Passcode: old}, false, code, "false"},
		{"managed profile of user 0, 23: allowed", androidtest.Config{APILevel: 23, Mode: admin, ManagedProfile: true}, false, code, "true"},
		{"managed profile of user 0, before locked", androidtest.Config{APILevel: 24, Mode: owner, Passcode: old, ManagedProfile: true}, true, code, hasProfile},
		{"managed profile of user 0, target 23", androidtest.Config{APILevel: 24, TargetSDK: 23, Mode: owner, ManagedProfile: true}, false, code, "false"},
		{"user locked, before policy", androidtest.Config{APILevel: 24, Mode: owner, Passcode: old, Policy: numeric}, true, "1234", locked},
		{"user locked, target 23", androidtest.Config{APILevel: 24, TargetSDK: 23, Mode: owner, Passcode: old}, true, code, "false"},
		{"policy, 23", androidtest.Config{APILevel: 23, Mode: owner, Policy: numeric}, false, "123456", "false"},
		{"policy, 24, before another owner", androidtest.Config{APILevel: 24, Mode: owner, Policy: numeric}, false, "7391", "false"},
		{"policy, 29, target 23", androidtest.Config{APILevel: 29, TargetSDK: 23, Mode: owner, Policy: numeric}, false, "7391", "false"},
		{"policy, 30, permission", androidtest.Config{APILevel: 30, Mode: admin, ResetPermission: true, Policy: numeric}, false, "7391", "false"},
		{"three characters, 24", androidtest.Config{APILevel: 24, Mode: owner}, false, "739", short},
		{"three characters, 30, permission", androidtest.Config{APILevel: 30, Mode: admin, ResetPermission: true}, false, "739", "false"},
		{"another admin's REQUIRE_ENTRY, 23", androidtest.Config{APILevel: 23, Mode: admin, OtherOwner: true}, false, code, "false"},
		{"another admin's REQUIRE_ENTRY, 24", androidtest.Config{APILevel: 24, Mode: owner, OtherOwner: true}, false, code, "false"},
		{"another admin's REQUIRE_ENTRY, 30, permission", androidtest.Config{APILevel: 30, Mode: admin, ResetPermission: true, OtherOwner: true}, false, code, "false"},
		{"otherwise, 22", androidtest.Config{APILevel: 22, Mode: owner, Passcode: old}, false, code, "true"},
		{"otherwise, 25", androidtest.Config{APILevel: 25, Mode: owner, Passcode: old}, false, code, "true"},
		{"otherwise, 25, target 23", androidtest.Config{APILevel: 25, TargetSDK: 23, Mode: owner, Passcode: old}, false, code, "true"},
		{"otherwise, 25, owner clears", androidtest.Config{APILevel: 25, Mode: owner, Passcode: old}, false, "", "true"},
	} {
		t.Run(r.name, r.run)
	}
}

func TestRequireEntry(t *testing.T) {
	d := newDevice(t, androidtest.Config{APILevel: 25, Mode: owner, OtherOwner: true, Passcode: old})
	require.Equal(t, "false", said(d.ResetPassword(code, 0)), "another admin's reset waits")
	require.True(t, d.Type(old))
	require.Equal(t, "true", said(d.ResetPassword(code, androidtest.RequireEntry|androidtest.DoNotAskCredentialsOnBoot)))
	s := d.State()
	assert.True(t, s.MustType)
	assert.True(t, s.StrongAuth, "biometrics are off")
	assert.True(t, s.DoNotAsk)
	assert.True(t, s.ScreenOn, "the flag neither switches the screen off")
	assert.False(t, s.Locked, "nor shows the lock screen")
	assert.Equal(t, "true", said(d.ResetPassword("9034517", androidtest.RequireEntry)), "the same admin may reset again")
	require.True(t, d.Type("9034517"))
	assert.False(t, d.State().MustType)
	assert.False(t, d.State().StrongAuth)
}

func TestDoNotAskIsTheDeviceOwners(t *testing.T) {
	d := newDevice(t, androidtest.Config{APILevel: 24, Mode: profile})
	require.Equal(t, "true", said(d.ResetPassword(code, androidtest.DoNotAskCredentialsOnBoot)))
	assert.False(t, d.State().DoNotAsk)
}

func TestConfigIsChecked(t *testing.T) {
	for name, cfg := range map[string]androidtest.Config{
		"level":                        {APILevel: 19},
		"mode":                         {Mode: "owner"},
		"work passcode without one":    {WorkPasscode: old},
		"two profiles":                 {Mode: profile, ManagedProfile: true},
		"passcode without lock screen": {NoSecureLock: true, Passcode: old},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := androidtest.New(cfg)
			require.Error(t, err)
		})
	}
}
