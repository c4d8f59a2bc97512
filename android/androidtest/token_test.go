package androidtest_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

var (
	token = bytes.Repeat([]byte{7}, 32)
	wrong = bytes.Repeat([]byte{8}, 32)
)

// The ways to bring a device to where a row begins.
const (
	noToken  = iota
	pending  // set: over a passcode that is pending, else active
	lost     // pending, then a reboot
	active   // set, and somebody typed the passcode
	obsolete // active, then an untrusted reset
	orphaned // active, then the escrow data was destroyed
)

const noEscrow = "SecurityException: Escrow token is disabled on the current user"

func prepare(t *testing.T, d *androidtest.Device, stage int) {
	t.Helper()
	if stage == noToken {
		return
	}
	require.Equal(t, "true", said(d.SetResetPasswordToken(token)))
	switch stage {
	case lost:
		d.Reboot()
	case active, obsolete, orphaned:
		require.True(t, d.Type(d.Passcode()))
		require.Equal(t, androidtest.TokenActive, d.State().Token)
	}
	if stage == obsolete {
		d.UntrustedReset(old)
	}
	if stage == orphaned {
		d.DestroyEscrow()
	}
}

func TestResetPasswordWithToken(t *testing.T) {
	alphabetic := androidtest.Policy{Quality: androidtest.QualityAlphabetic}
	long := "739152803946157208"
	for _, r := range []struct {
		name  string
		cfg   androidtest.Config
		stage int
		token []byte
		code  string
		want  string
	}{
		{"not an owner", androidtest.Config{APILevel: 34, Mode: admin}, noToken, token, code, "SecurityException: Admin does not own the profile or the device"},
		{"no such method, 25", androidtest.Config{APILevel: 25}, noToken, token, code, "NoSuchMethodError: resetPasswordWithToken"},
		{"token is null", androidtest.Config{APILevel: 34}, active, nil, code, "NullPointerException"},
		{"no token ever set", androidtest.Config{APILevel: 34, Passcode: old}, noToken, token, code, "false"},
		{"token not active, 34", androidtest.Config{APILevel: 34, Passcode: old}, pending, token, code, "false"},
		{"token not active, 33", androidtest.Config{APILevel: 33, Passcode: old}, pending, token, code, "false"},
		{"token not active, 31", androidtest.Config{APILevel: 31, Passcode: old}, pending, token, code, "NullPointerException"},
		{"token not active, 26", androidtest.Config{APILevel: 26, Passcode: old}, pending, token, code, "NullPointerException"},
		{"token lost at reboot, 34", androidtest.Config{APILevel: 34, Passcode: old}, lost, token, code, "false"},
		{"wrong token bytes", androidtest.Config{APILevel: 34, Passcode: old}, active, wrong, code, "false"},
		{"obsolete token", androidtest.Config{APILevel: 34, Passcode: old}, obsolete, token, code, "false"},
		{"obsolete token, 26: not replaced", androidtest.Config{APILevel: 26, Passcode: old}, obsolete, token, code, "true"},
		{"escrow disabled on the user", androidtest.Config{APILevel: 34, Passcode: old}, orphaned, token, code, noEscrow},
		{"policy, before the token", androidtest.Config{APILevel: 31, Passcode: "garden", Policy: alphabetic}, pending, token, code, "false"},
		{"policy", androidtest.Config{APILevel: 34, Passcode: "garden", Policy: alphabetic}, active, token, code, "false"},
		{"shorter than 4, 26", androidtest.Config{APILevel: 26}, active, token, "739", short},
		{"shorter than 4, 29, wrong token too", androidtest.Config{APILevel: 29}, active, wrong, "739", short},
		{"shorter than 4, 30", androidtest.Config{APILevel: 30}, active, token, "739", "false"},
		{"longer than 16, 29", androidtest.Config{APILevel: 29}, active, token, long, "true"},
		{"longer than 16, 30", androidtest.Config{APILevel: 30}, active, token, long, "false"},
		{"characters, 29", androidtest.Config{APILevel: 29}, active, token, "pässword1", "true"},
		{"characters, 30", androidtest.Config{APILevel: 30}, active, token, "pässword1", "false"},
		{"another admin's REQUIRE_ENTRY", androidtest.Config{APILevel: 34, OtherOwner: true}, pending, token, code, "false"},
		{"empty clears", androidtest.Config{APILevel: 34, Passcode: old}, active, token, "", "true"},
		{"empty clears, 26", androidtest.Config{APILevel: 26, Passcode: old}, active, token, "", "true"},
		{"empty, policy wants one", androidtest.Config{APILevel: 34, Passcode: "garden", Policy: alphabetic}, active, token, "", "false"},
		{"no secure lock screen", androidtest.Config{APILevel: 34, NoSecureLock: true}, noToken, token, code, "false"},
		{"otherwise, 26", androidtest.Config{APILevel: 26, Passcode: old}, active, token, code, "true"},
		{"otherwise, 30", androidtest.Config{APILevel: 30, Passcode: old}, active, token, code, "true"},
		{"otherwise, 34", androidtest.Config{APILevel: 34, Passcode: old}, active, token, code, "true"},
		{"otherwise, profile owner", androidtest.Config{APILevel: 34, Mode: profile, Passcode: old}, active, token, code, "true"},
	} {
		t.Run(r.name, func(t *testing.T) {
			d := newDevice(t, r.cfg)
			prepare(t, d, r.stage)
			before := d.Passcode() + d.WorkPasscode()
			assert.Equal(t, r.want, said(d.ResetPasswordWithToken(r.code, r.token, 0)))
			switch {
			case r.want != "true":
				assert.Equal(t, before, d.Passcode()+d.WorkPasscode())
			case r.cfg.Mode == profile:
				assert.Equal(t, []string{r.cfg.Passcode, r.code}, []string{d.Passcode(), d.WorkPasscode()})
				assert.True(t, d.State().Separate, "a shared lock became a separate one")
			default:
				assert.Equal(t, r.code, d.Passcode())
			}
		})
	}
}

func TestEscrowDisabled(t *testing.T) {
	d := newDevice(t, androidtest.Config{APILevel: 34, EscrowDisabled: true})
	assert.Equal(t, noEscrow, said(d.SetResetPasswordToken(token)))
	assert.Equal(t, "false", said(d.IsResetPasswordTokenActive()))
}

func TestTokenLife(t *testing.T) {
	t.Run("active at once without a passcode", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{})
		prepare(t, d, pending)
		assert.Equal(t, androidtest.TokenActive, d.State().Token)
	})
	t.Run("pending with a passcode, active when it is typed", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{Passcode: old})
		prepare(t, d, pending)
		require.Equal(t, androidtest.TokenPending, d.State().Token)
		require.False(t, d.Type("000000"))
		require.Equal(t, androidtest.TokenPending, d.State().Token, "a wrong passcode confirms nothing")
		require.True(t, d.Type(old))
		assert.Equal(t, androidtest.TokenActive, d.State().Token)
	})
	t.Run("pending is lost at a reboot, active is not", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{Passcode: old})
		prepare(t, d, lost)
		require.Equal(t, androidtest.TokenNone, d.State().Token)
		require.True(t, d.Type(old))
		require.Equal(t, androidtest.TokenNone, d.State().Token, "nothing is left to activate")
		prepare(t, d, active)
		d.Reboot()
		assert.Equal(t, androidtest.TokenActive, d.State().Token)
	})
	t.Run("works before the first unlock", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{Passcode: old})
		prepare(t, d, active)
		d.Reboot()
		require.False(t, d.State().Unlocked)
		require.Equal(t, "true", said(d.ResetPasswordWithToken(code, token, 0)))
		require.False(t, d.State().Unlocked, "a new passcode must be typed")
		assert.False(t, d.Type(old))
		assert.True(t, d.Type(code))
	})
	t.Run("a change of the passcode leaves it active", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{Passcode: old})
		prepare(t, d, active)
		require.True(t, d.SetPasscode(old, "90817263"))
		require.True(t, d.SetPasscode("90817263", ""))
		assert.Equal(t, androidtest.TokenActive, d.State().Token)
	})
	t.Run("a new one removes the active one at once", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{Passcode: old})
		prepare(t, d, active)
		require.Equal(t, "true", said(d.SetResetPasswordToken(wrong)))
		require.Equal(t, androidtest.TokenPending, d.State().Token)
		assert.Equal(t, "false", said(d.ResetPasswordWithToken(code, token, 0)))
	})
	t.Run("cleared", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{})
		require.Equal(t, "true", said(d.SetResetPasswordToken(token)))
		require.Equal(t, "true", said(d.ClearResetPasswordToken()))
		require.Equal(t, "false", said(d.ClearResetPasswordToken()))
		assert.Equal(t, androidtest.TokenNone, d.State().Token)
	})
}

func TestTokenNeedsBytesAndAnOwner(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   androidtest.Config
		token []byte
		want  string
	}{
		"31 bytes":              {androidtest.Config{}, token[:31], "IllegalArgumentException: token must be at least 32-byte long"},
		"device admin":          {androidtest.Config{Mode: admin}, token, "SecurityException: Admin does not own the profile or the device"},
		"before Android 8":      {androidtest.Config{APILevel: 25}, token, "NoSuchMethodError: setResetPasswordToken"},
		"no secure lock screen": {androidtest.Config{NoSecureLock: true}, token, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, c.cfg)
			assert.Equal(t, c.want, said(d.SetResetPasswordToken(c.token)))
			assert.NotEqual(t, androidtest.TokenActive, d.State().Token)
		})
	}
}

func TestClearedByToken(t *testing.T) {
	for _, c := range []struct {
		name     string
		level    int
		unlocked bool
	}{{"29 stays locked", 29, false}, {"30 unlocks the user", 30, true}, {"34 unlocks the user", 34, true}} {
		t.Run(c.name, func(t *testing.T) {
			d := newDevice(t, androidtest.Config{APILevel: c.level, Passcode: old})
			prepare(t, d, active)
			d.Reboot()
			require.Equal(t, "true", said(d.ResetPasswordWithToken("", token, 0)))
			assert.Equal(t, c.unlocked, d.State().Unlocked)
			assert.True(t, d.Type(""), "a swipe opens it")
		})
	}
}

func TestCredentialType(t *testing.T) {
	for level, want := range map[int]androidtest.Credential{29: androidtest.PIN, 30: androidtest.Password, 31: androidtest.PIN} {
		d := newDevice(t, androidtest.Config{APILevel: level})
		prepare(t, d, pending)
		require.Equal(t, "true", said(d.ResetPasswordWithToken(code, token, 0)))
		assert.Equal(t, want, d.State().Credential, "level %d", level)
	}
}

func TestWeaverRunsOut(t *testing.T) {
	t.Run("while nobody is locked out", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{WeaverSlots: 3, WeaverLeaks: true})
		for range 3 {
			require.Equal(t, "true", said(d.SetResetPasswordToken(token)))
		}
		assert.Equal(t, "IllegalStateException: Run out of weaver slots.", said(d.SetResetPasswordToken(token)))
	})
	t.Run("at an unlock, for good", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{WeaverSlots: 2, WeaverLeaks: true, Passcode: old})
		for range 2 {
			prepare(t, d, active)
		}
		require.Equal(t, "true", said(d.SetResetPasswordToken(token)))
		require.False(t, d.Type(old))
		d.Reboot()
		require.False(t, d.Type(old))
		assert.True(t, d.State().Broken)
	})
	t.Run("never where slots are freed", func(t *testing.T) {
		d := newDevice(t, androidtest.Config{WeaverSlots: 1, Passcode: old})
		for range 5 {
			prepare(t, d, active)
		}
		assert.Equal(t, 1, d.State().Weaver)
	})
}

func TestUnifiedProfileActivatesWithTheDevice(t *testing.T) {
	d := newDevice(t, androidtest.Config{Mode: profile, Passcode: old})
	require.Equal(t, "true", said(d.SetResetPasswordToken(token)))
	require.Equal(t, androidtest.TokenPending, d.State().Token)
	require.True(t, d.Type(old))
	assert.Equal(t, androidtest.TokenActive, d.State().Token)
}
