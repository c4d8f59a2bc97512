package androidtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

func TestLockNow(t *testing.T) {
	both := androidtest.Config{Mode: profile, Passcode: old, WorkPasscode: code}
	for name, c := range map[string]struct {
		cfg           androidtest.Config
		parent, evict bool
		want          string
		locked, work  bool
		screenOn      bool
	}{
		"owner":                           {cfg: androidtest.Config{Passcode: old}, locked: true},
		"no passcode: screen off alone":   {cfg: androidtest.Config{}},
		"admin":                           {cfg: androidtest.Config{Mode: admin, Passcode: old}, locked: true},
		"admin without the policy":        {cfg: androidtest.Config{Mode: admin, Passcode: old, NoForceLock: true}, want: noAdmin, screenOn: true},
		"profile of its own: only that":   {cfg: both, work: true, screenOn: true},
		"profile of its own, on parent":   {cfg: both, parent: true, locked: true, work: true},
		"profile that shares: all":        {cfg: androidtest.Config{Mode: profile, Passcode: old}, locked: true},
		"evict":                           {cfg: both, evict: true, work: true, screenOn: true},
		"evict, not a profile":            {cfg: androidtest.Config{Passcode: old}, evict: true, screenOn: true, want: "SecurityException: Only profile owner admins can set FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY"},
		"evict, on parent":                {cfg: both, parent: true, evict: true, screenOn: true, want: "IllegalArgumentException: Cannot set FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY for the parent"},
		"evict, no file-based encryption": {cfg: androidtest.Config{Mode: profile, NoFileEncrypt: true}, evict: true, screenOn: true, want: "UnsupportedOperationException: FLAG_EVICT_CREDENTIAL_ENCRYPTION_KEY only applies to FBE devices"},
		"evict, Android 7":                {cfg: androidtest.Config{Mode: profile, APILevel: 25}, evict: true, screenOn: true, want: "NoSuchMethodError: lockNow(int)"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, c.cfg)
			got := ""
			if err := d.LockNow(c.parent, c.evict); err != nil {
				got = err.Error()
			}
			s := d.State()
			assert.Equal(t, c.want, got)
			assert.Equal(t, []bool{c.locked, c.work, c.screenOn}, []bool{s.Locked, s.WorkLocked, s.ScreenOn}, "device, profile, screen")
		})
	}
}

func TestLockEndsWithThePasscode(t *testing.T) {
	d := newDevice(t, androidtest.Config{Passcode: old})
	require.NoError(t, d.LockNow(false, false))
	require.True(t, d.State().StrongAuth)
	require.False(t, d.Type(code))
	require.False(t, d.SetPasscode(old, ""), "nobody gets at the settings")
	require.True(t, d.Type(old))
	s := d.State()
	assert.False(t, s.Locked)
	assert.False(t, s.StrongAuth)
	assert.True(t, s.ScreenOn)
}

func TestLockScreenMessage(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  androidtest.Config
		want string
	}{
		"owner":         {androidtest.Config{}, ""},
		"company":       {androidtest.Config{Mode: company}, ""},
		"profile owner": {androidtest.Config{Mode: profile}, "SecurityException: Admin does not own the profile or the device"},
		"Android 6":     {androidtest.Config{APILevel: 23}, "NoSuchMethodError: setDeviceOwnerLockScreenInfo"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, c.cfg)
			err := d.SetLockScreenInfo("Please call us")
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, "Please call us", d.State().Message)
				return
			}
			require.EqualError(t, err, c.want)
			assert.Empty(t, d.State().Message)
		})
	}
}

func TestPersonIsHeldToThePolicy(t *testing.T) {
	d := newDevice(t, androidtest.Config{Policy: androidtest.Policy{Quality: androidtest.QualityNumericComplex, MinLength: 6}})
	assert.False(t, d.SetPasscode("", "123456"))
	assert.True(t, d.SetPasscode("", old))
	assert.False(t, d.SetPasscode(code, "905172"), "the current one is wrong")
	assert.False(t, d.SetPasscode(old, ""), "the policy wants one")
}

func TestWorkProfileLock(t *testing.T) {
	d := newDevice(t, androidtest.Config{Mode: profile, Passcode: old})
	require.True(t, d.SetWorkPasscode(old, code))
	require.True(t, d.State().Separate)
	d.Reboot()
	require.False(t, d.Type(code), "the device comes first")
	require.True(t, d.Type(old))
	require.False(t, d.State().Unlocked, "and the profile has a lock of its own")
	require.True(t, d.Type(code))
	require.True(t, d.State().Unlocked)
	require.True(t, d.SetWorkPasscode(code, ""))
	assert.False(t, d.State().Separate)
}

// TestWorkProfileWithoutAPasscode: a lock of the profile's own that asks for nothing is none, and opens with that of the device.
func TestWorkProfileWithoutAPasscode(t *testing.T) {
	d := newDevice(t, androidtest.Config{Mode: profile, Passcode: old})
	prepare(t, d, active)
	require.Equal(t, "true", said(d.ResetPasswordWithToken("", token, 0)))
	require.NoError(t, d.LockNow(false, false))
	s := d.State()
	assert.Equal(t, []bool{true, true, false, false}, []bool{s.Separate, s.ScreenOn, s.Locked, s.WorkLocked}, "separate, screen, device, profile")
	d.Reboot()
	require.False(t, d.State().Unlocked)
	require.True(t, d.Type(old))
	assert.True(t, d.State().Unlocked)
}

func TestPausedProfileDoesNotRun(t *testing.T) {
	d := newDevice(t, androidtest.Config{Mode: profile})
	d.Pause(true)
	_, err := d.Poll(t.Context(), 0)
	assert.ErrorIs(t, err, androidtest.ErrOffline)
}

func TestValidate(t *testing.T) {
	numericComplex := androidtest.Policy{Quality: androidtest.QualityNumericComplex, MinLength: 6}
	seventeen := androidtest.Policy{Quality: androidtest.QualityNumeric, MinLength: 17}
	alphanumeric := androidtest.Policy{Quality: androidtest.QualityAlphanumeric}
	complexPolicy := androidtest.Policy{Quality: androidtest.QualityComplex, Letters: 1, Numeric: 1, Symbols: 1}
	for _, c := range []struct {
		name  string
		code  string
		level int
		p     androidtest.Policy
		want  []string
	}{
		{"nothing is asked for", "1234", 34, androidtest.Policy{}, nil},
		{"sequence of four", "123490", 34, numericComplex, []string{"CONTAINS_SEQUENCE"}},
		{"sequence of three", "123095", 34, numericComplex, nil},
		{"no wrap-around", "890189", 34, numericComplex, nil},
		{"letters too, 30", "abcd9x", 30, numericComplex, []string{"CONTAINS_SEQUENCE"}},
		{"any non-digit will do, 29", "abcd9x", 29, numericComplex, nil},
		{"short and a sequence", "1234", 34, numericComplex, []string{"TOO_SHORT", "CONTAINS_SEQUENCE"}},
		{"digits for complex, 31", "73915280", 31, complexPolicy, []string{"WEAK_CREDENTIAL_TYPE"}},
		{"digits for complex, 30", "73915280", 30, complexPolicy, []string{"NOT_ENOUGH_LETTERS", "NOT_ENOUGH_SYMBOLS"}},
		{"complexity high, PIN of 7", "7391528", 31, androidtest.Policy{Complexity: androidtest.ComplexityHigh}, []string{"TOO_SHORT"}},
		{"complexity high, password of 6", "garden", 31, androidtest.Policy{Complexity: androidtest.ComplexityHigh}, nil},
		{"complexity high, not yet on 30", "7391", 30, androidtest.Policy{Complexity: androidtest.ComplexityHigh}, nil},
		{"complexity medium, sequence", "abcd99", 34, androidtest.Policy{Complexity: androidtest.ComplexityMedium}, []string{"CONTAINS_SEQUENCE"}},
		{"complexity low, sequence", "1234", 34, androidtest.Policy{Complexity: androidtest.ComplexityLow}, nil},
		{"complexity low, none", "", 34, androidtest.Policy{Complexity: androidtest.ComplexityLow}, []string{"WEAK_CREDENTIAL_TYPE"}},
		{"cut to one byte, 34", "gar\u2122den", 34, androidtest.Policy{}, nil},
		{"not cut, 35", "gar\u2122den", 35, androidtest.Policy{}, []string{"CONTAINS_INVALID_CHARACTERS"}},
		{"seventeen", "73915280394615720", 30, androidtest.Policy{}, []string{"TOO_LONG"}},
		{"17 asked for, 16 typed, 29", "0000000000000000", 29, seventeen, []string{"TOO_SHORT"}},
		{"17 asked for, 16 typed, 30", "0000000000000000", 30, seventeen, nil},
		{"17 asked for, 15 typed, 34", "000000000000000", 34, seventeen, []string{"TOO_SHORT"}},
		{"17 asked for and typed, 29", "00000000000000000", 29, seventeen, nil},
		{"17 asked for and typed, 34", "00000000000000000", 34, seventeen, []string{"TOO_LONG"}},
		{"not cut to a digit, 28", "kwob\u0130", 28, alphanumeric, []string{"WEAK_CREDENTIAL_TYPE"}},
		{"cut to a digit, 29", "kwob\u0130", 29, alphanumeric, nil},
		{"cut to a digit, 30", "kwob\u0130", 30, alphanumeric, nil},
		{"cut to a digit, 34", "kwob\u0130", 34, alphanumeric, nil},
		{"digits by their low bytes are no PIN, 34", "\u0130\u0131\u0130\u0135", 34, androidtest.Policy{Quality: androidtest.QualityAlphabetic}, []string{"NOT_ENOUGH_NON_DIGITS"}},
		{"managed is unspecified", "", 28, androidtest.Policy{Quality: androidtest.QualityManaged}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, androidtest.Validate(c.code, c.level, c.p))
		})
	}
}

// TestSequenceVectors: a PIN passes numeric complex exactly when its longest sequence is three or less.
func TestSequenceVectors(t *testing.T) {
	for passcode, longest := range map[string]int{
		"1234": 4, "13579": 5, "4444": 4, "4321": 4, "2468": 4, "1357": 4, "0369": 4, "9630": 4, "2580": 3, "1112": 3, "1122": 2, "1212": 2,
		"8901": 2, "123123": 3, "111222": 3, "147258": 3, "1590": 3, "12345678": 8, "13572468": 4, "00000000": 8, "482915": 2,
		"1234abc": 4, "aabc": 3, "qwertyuio": 1, "@ABC": 3, ";;;;": 4, ":;<=>": 1, "abcdEF": 4, "aaaa": 4, "abab": 2, "1a1a1a1a": 1,
	} {
		reasons := androidtest.Validate(passcode, 34, androidtest.Policy{Complexity: androidtest.ComplexityMedium})
		assert.Equal(t, longest > 3, len(reasons) > 0, passcode)
	}
}
