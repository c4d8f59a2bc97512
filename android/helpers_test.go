package android_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/pin"
)

var (
	acts    = []android.Act{android.ActLock, android.ActReset, android.ActClear, android.ActProvision, "wipe"}
	modes   = []android.Mode{"", android.ModeDeviceAdmin, android.ModeProfileOwner, android.ModeCompanyProfileOwner, android.ModeDeviceOwner}
	answers = []android.Answer{android.Unknown, android.No, android.Yes}
	tokens  = []android.TokenState{"", android.TokenNone, android.TokenPending, android.TokenActive, android.TokenUnsupported}
	asking  = android.Policy{Quality: android.QualityNumeric}
)

// everyFacts goes through all facts that make a difference, on those levels, or on one of each kind.
func everyFacts(see func(android.Facts), levels ...int) {
	if len(levels) == 0 {
		levels = []int{0, 23, 24, 28, 29, 30}
	}
	for _, level := range levels {
		everyOwner(level, see)
	}
}

func everyOwner(level int, see func(android.Facts)) {
	f := android.Facts{APILevel: level}
	for _, f.Mode = range modes {
		for _, f.TargetSDK = range []int{0, 25, 26} {
			for _, f.Token = range tokens {
				for _, f.Policy = range []android.Policy{{}, asking} {
					everyAnswer(f, see)
				}
			}
		}
	}
}

func everyAnswer(f android.Facts, see func(android.Facts)) {
	for _, f.SecureLock = range answers {
		for _, f.UserUnlocked = range answers {
			for _, f.ManagedProfile = range answers {
				for _, f.SeparateChallenge = range answers {
					for _, f.SecureLockFeature = range answers {
						see(f)
					}
				}
			}
		}
	}
}

// device is one with nothing in the way: unlocked, with a passcode, no work profile, no token.
func device(level int, mode android.Mode, change ...func(*android.Facts)) android.Facts {
	f := android.Facts{
		APILevel: level, Mode: mode, TargetSDK: level, SecureLock: android.Yes, UserUnlocked: android.Yes, ManagedProfile: android.No,
		SeparateChallenge: android.No, SecureLockFeature: android.Yes, Token: android.TokenNone,
	}
	for _, c := range change {
		c(&f)
	}
	return f
}

func open(f *android.Facts)        { f.SecureLock = android.No }
func passcode(f *android.Facts)    { f.SecureLock = android.Yes }
func locked(f *android.Facts)      { f.UserUnlocked = android.No }
func managed(f *android.Facts)     { f.ManagedProfile = android.Yes }
func separate(f *android.Facts)    { f.SeparateChallenge = android.Yes }
func unfit(f *android.Facts)       { f.SecureLock, f.SecureLockFeature = android.No, android.No }
func old(f *android.Facts)         { f.TargetSDK = 25 }
func older(f *android.Facts)       { f.TargetSDK = 23 }
func none(f *android.Facts)        { f.Token = android.TokenNone }
func pending(f *android.Facts)     { f.Token = android.TokenPending }
func active(f *android.Facts)      { f.Token, f.TokenID = android.TokenActive, token }
func unnamed(f *android.Facts)     { f.TokenID = "" }
func unsupported(f *android.Facts) { f.Token = android.TokenUnsupported }
func strict(f *android.Facts)      { f.Policy = asking }

const token = "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10"

// own is the scope whose passcode the mode may change.
func own(m android.Mode) android.Scope {
	if m == android.ModeProfileOwner || m == android.ModeCompanyProfileOwner {
		return android.ScopeProfile
	}
	return android.ScopeDevice
}

// row is a case of a table: what an act does on a device.
type row struct {
	name string
	act  android.Act
	f    android.Facts
	want android.Code
}

// works are the codes of what works.
var works = map[android.Code]bool{
	android.CodeLocks: true, android.CodeLocksProfile: true, android.CodeLocksWhole: true, android.CodeDirect: true, android.CodeToken: true,
	android.CodeTokenAtOnce: true, android.CodeTokenAfter: true, android.CodeTokenSet: true,
}

// requireRows judges what the agent may change by itself.
func requireRows(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			v := android.Judge(r.f, r.act, own(r.f.Mode))
			require.Equal(t, r.want, v.Code, v.Text)
			effect := android.EffectFails
			if works[r.want] {
				effect = android.EffectWorks
			}
			assert.Equal(t, effect, v.Effect)
		})
	}
}

func code(t require.TestingT, s string) pin.PIN {
	if s == "" {
		return pin.PIN{}
	}
	p, err := pin.Bytes([]byte(s))
	require.NoError(t, err)
	return p
}
