package android_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

const (
	oldPasscode = "482915"
	newPasscode = "73915280"
)

var resetToken = bytes.Repeat([]byte{7}, 32)

// situation is a device, and what became of its token, from which every trial starts anew.
type situation struct {
	cfg   androidtest.Config
	token android.TokenState // TokenNone when empty
	boot  bool               // before the first unlock
	clear bool               // the passcode was removed by the token, which is active
}

// device brings a simulated device into the situation; false: it cannot be brought there.
func (s situation) device(t testing.TB) (*androidtest.Device, bool) {
	t.Helper()
	d, err := androidtest.New(s.cfg)
	if err != nil {
		return nil, false
	}
	switch s.token {
	case android.TokenPending, android.TokenActive:
		if ok, err := d.SetResetPasswordToken(resetToken); err != nil || !ok {
			return nil, false
		}
		if s.token == android.TokenActive {
			d.Type(s.cfg.Passcode)
			d.Type(s.cfg.WorkPasscode)
		}
	}
	if s.clear {
		if ok, err := d.ResetPasswordWithToken("", resetToken, 0); err != nil || !ok {
			return nil, false
		}
	}
	if s.boot {
		d.Reboot()
	}
	got := android.TokenState(d.State().Token)
	return d, s.token == "" || got == s.token
}

// facts are what such a device tells of itself.
func facts(d *androidtest.Device) android.Facts {
	c, s := d.Config(), d.State()
	answer := func(yes bool) android.Answer {
		if yes {
			return android.Yes
		}
		return android.No
	}
	return android.Facts{
		APILevel: c.APILevel, Mode: android.Mode(c.Mode), TargetSDK: c.TargetSDK, SecureLock: answer(s.Secure), UserUnlocked: answer(s.Unlocked),
		ManagedProfile: answer(c.ManagedProfile || inProfile(c)), SeparateChallenge: answer(s.Separate), SecureLockFeature: answer(!c.NoSecureLock && c.APILevel >= 29),
		Token: android.TokenState(s.Token), TokenID: s.TokenID, Policy: android.Policy{Quality: android.Quality(c.Policy.Quality)},
	}
}

func inProfile(c androidtest.Config) bool {
	return c.Mode == androidtest.ProfileOwner || c.Mode == androidtest.CompanyProfileOwner
}

// trial does an act on a device in the situation, and says what came of it.
func (s situation) trial(t testing.TB, act android.Act, scope android.Scope, method android.Method) android.Effect {
	t.Helper()
	d, _ := s.device(t)
	var ok bool
	var err error
	passcode := newPasscode
	if act == android.ActClear {
		passcode = ""
	}
	switch {
	case act == android.ActLock:
		if d.LockNow(inProfile(s.cfg) && scope == android.ScopeDevice, false) != nil {
			return android.EffectFails
		}
		now := d.State()
		own := scope == android.ScopeProfile && now.Separate // the device may be locked by itself
		switch {
		case own && now.WorkLocked, !own && now.Locked && !now.ScreenOn:
			return android.EffectWorks
		case now.ScreenOn:
			return android.EffectFails
		}
		return android.EffectScreenOff
	case act == android.ActProvision:
		ok, err = d.SetResetPasswordToken(resetToken)
	case method == android.MethodDirect:
		ok, err = d.ResetPassword(passcode, 0)
	default:
		ok, err = d.ResetPasswordWithToken(passcode, resetToken, 0)
	}
	if err != nil || !ok {
		return android.EffectFails
	}
	return android.EffectWorks
}

// agree holds a verdict against the device: what works does by the method that is named, and what fails does by every method.
func (s situation) agree(t testing.TB, v android.Verdict) error {
	t.Helper()
	methods := []android.Method{v.Method}
	if v.Effect == android.EffectFails && (v.Act == android.ActReset || v.Act == android.ActClear) {
		methods = []android.Method{android.MethodDirect, android.MethodToken}
	}
	for _, m := range methods {
		if got := s.trial(t, v.Act, v.Scope, m); got != v.Effect {
			return fmt.Errorf("%s %s of %+v (%+v): the rules say %s (%s), by %q the device says %s", v.Act, v.Scope, s.cfg, s, v.Effect, v.Code, m, got)
		}
	}
	return nil
}

// certain tells whether the device has an answer: not when the rules are uncertain, and not where an agent refuses what Android
// would do, so as not to lose an active token.
func certain(v android.Verdict) bool {
	return v.Effect != android.EffectUnknown && v.Code != android.CodeTokenActive
}

// TestRulesAgreeWithDevices holds the rules against the simulated device in every situation that the tables tell apart.
func TestRulesAgreeWithDevices(t *testing.T) {
	compared, unknown := 0, 0
	everySituation(func(s situation) {
		d, possible := s.device(t)
		if !possible || s.cfg.NoSecureLock && s.cfg.APILevel < 29 { // where every device has a lock screen, and none the feature
			return
		}
		scope := android.ScopeDevice
		if inProfile(s.cfg) {
			scope = android.ScopeProfile
		}
		for _, v := range []android.Verdict{
			android.Judge(facts(d), android.ActLock, android.ScopeDevice), android.Judge(facts(d), android.ActLock, scope),
			android.Judge(facts(d), android.ActReset, scope), android.Judge(facts(d), android.ActClear, scope),
			android.Judge(facts(d), android.ActProvision, scope),
		} {
			if !certain(v) {
				unknown++
				continue
			}
			compared++
			if err := s.agree(t, v); err != nil {
				assert.NoError(t, err)
			}
		}
	})
	assert.Greater(t, compared, 10_000)
	assert.Less(t, unknown, compared/5)
}

func everySituation(visit func(situation)) {
	for level := 22; level <= 36; level++ {
		for _, mode := range []androidtest.Mode{adminMode, profileMode, companyMode, ownerMode} {
			everyAgent(func(s situation) {
				everyLock(func(passcode, work string, managed, featureless bool) {
					s.cfg = androidtest.Config{
						APILevel: level, Mode: mode, TargetSDK: s.cfg.TargetSDK, Passcode: passcode, WorkPasscode: work, ManagedProfile: managed,
						NoSecureLock: featureless,
					}
					visit(s)
				})
			})
		}
	}
}

func everyAgent(visit func(situation)) {
	for _, target := range []int{23, 25, 0} {
		cfg := androidtest.Config{TargetSDK: target}
		for _, boot := range []bool{false, true} {
			for _, token := range []android.TokenState{"", android.TokenPending, android.TokenActive} {
				visit(situation{cfg: cfg, token: token, boot: boot})
			}
			visit(situation{cfg: cfg, token: android.TokenActive, boot: boot, clear: true})
		}
	}
}

func everyLock(visit func(passcode, work string, managed, featureless bool)) {
	for _, passcode := range []string{"", oldPasscode} {
		for _, work := range []string{"", "905172"} {
			for _, managed := range []bool{false, true} {
				for _, featureless := range []bool{false, true} {
					visit(passcode, work, managed, featureless)
				}
			}
		}
	}
}

func TestTokenUnsupportedAgrees(t *testing.T) {
	s := situation{cfg: androidtest.Config{APILevel: 34, EscrowDisabled: true}}
	d, _ := s.device(t)
	_, err := d.SetResetPasswordToken(resetToken)
	require.Error(t, err)
	f := facts(d)
	f.Token = android.TokenUnsupported // what the agent says after this exception
	require.NoError(t, s.agree(t, android.Judge(f, android.ActReset, android.ScopeDevice)))
	require.NoError(t, s.agree(t, android.Judge(f, android.ActProvision, android.ScopeDevice)))
}
