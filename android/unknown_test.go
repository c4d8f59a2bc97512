package android_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
)

// Each fact that is not known, where the outcome depends on it, has its reason.
func TestUnknownFacts(t *testing.T) {
	unknown := func(field func(*android.Facts) *android.Answer) func(*android.Facts) {
		return func(f *android.Facts) { *field(f) = android.Unknown }
	}
	secure := unknown(func(f *android.Facts) *android.Answer { return &f.SecureLock })
	unlocked := unknown(func(f *android.Facts) *android.Answer { return &f.UserUnlocked })
	profile := unknown(func(f *android.Facts) *android.Answer { return &f.ManagedProfile })
	feature := unknown(func(f *android.Facts) *android.Answer { return &f.SecureLockFeature })
	target := func(f *android.Facts) { f.TargetSDK = 0 }
	state := func(f *android.Facts) { f.Token = "" }
	low := func(f *android.Facts) { f.Policy = complexity(android.ComplexityLow) }

	cases := map[string]struct {
		act    android.Act
		f      android.Facts
		effect android.Effect
		method android.Method
		code   android.Code
	}{
		"mode":                                 {reset, device(34, ""), android.EffectUnknown, "", android.CodeMode},
		"version":                              {reset, device(0, do), android.EffectUnknown, "", android.CodeAPILevel},
		"version, with an active token":        {reset, device(0, do, active), android.EffectWorks, android.MethodToken, android.CodeToken},
		"version of an admin":                  {reset, device(0, admin, active), android.EffectUnknown, "", android.CodeAPILevel},
		"version, policy":                      {remove, device(0, do, active, low), android.EffectFails, android.MethodToken, android.CodePolicy},
		"version that takes no heed of policy": {remove, device(30, do, active, low), android.EffectWorks, android.MethodToken, android.CodeToken},
		"token":                                {reset, device(34, do, state), android.EffectUnknown, android.MethodToken, android.CodeTokenUnknown},
		"token, and a policy that is":          {remove, device(34, do, state, strict), android.EffectFails, android.MethodToken, android.CodePolicy},
		"token of an old agent":                {reset, device(28, do, state, old), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"token of an old agent, locked":        {reset, device(28, do, state, old, locked), android.EffectUnknown, android.MethodToken, android.CodeTokenUnknown},
		"passcode of an admin":                 {reset, device(24, admin, secure), android.EffectUnknown, android.MethodDirect, android.CodeSecureLock},
		"passcode of an owner":                 {reset, device(24, do, secure), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"work profile":                         {reset, device(24, do, profile), android.EffectUnknown, android.MethodDirect, android.CodeManaged},
		"work profile of a work profile":       {reset, device(24, po, profile), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"unlocked":                             {reset, device(24, do, unlocked), android.EffectUnknown, android.MethodDirect, android.CodeUserUnlocked},
		"unlocked, with nothing to unlock":     {reset, device(24, do, unlocked, open), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"unlocked, by token":                   {reset, device(34, do, unlocked, active), android.EffectWorks, android.MethodToken, android.CodeToken},
		"target":                               {reset, device(28, do, target), android.EffectUnknown, android.MethodDirect, android.CodeTarget},
		"target, locked: it fails either way":  {reset, device(28, do, target, locked), android.EffectFails, android.MethodToken, android.CodeTokenNone},
		"target, with an active token":         {reset, device(28, do, target, active), android.EffectWorks, android.MethodToken, android.CodeToken},
		"target of Android 11":                 {reset, device(30, do, target), android.EffectFails, android.MethodToken, android.CodeTokenNone},
		"lock screen":                          {reset, device(29, admin, feature, open), android.EffectUnknown, android.MethodDirect, android.CodeFeature},
		"lock screen, with a passcode":         {reset, device(29, do, feature, old), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"lock screen before Android 10":        {reset, device(28, admin, feature, open), android.EffectWorks, android.MethodDirect, android.CodeDirect},
		"lock screen, for a token":             {provision, device(34, do, feature, open), android.EffectUnknown, "", android.CodeFeature},
		"token, for another":                   {provision, device(34, do, state), android.EffectUnknown, "", android.CodeTokenUnknown},
		"version, for a token":                 {provision, device(0, do), android.EffectUnknown, "", android.CodeAPILevel},
		"mode, for a token":                    {provision, device(34, ""), android.EffectUnknown, "", android.CodeMode},
		"mode, for a token that is active":     {provision, device(34, "", active), android.EffectFails, "", android.CodeTokenActive},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			v := android.Judge(c.f, c.act, own(c.f.Mode))
			assert.Equal(t, c.effect, v.Effect)
			assert.Equal(t, c.method, v.Method)
			assert.Equal(t, c.code, v.Code)
		})
	}
}

// What works or fails for certain does so whatever becomes known, as long as that can be.
func TestUnknownFactsPromiseNothing(t *testing.T) {
	everyFacts(func(f android.Facts) {
		if f.Mode == "" || !possible(f) {
			return
		}
		for _, act := range acts {
			if v := android.Judge(f, act, own(f.Mode)); v.Effect != android.EffectUnknown {
				requireKept(t, f, v)
			}
		}
	})
}

// requireKept asks that a verdict stays when one more fact is known.
func requireKept(t *testing.T, f android.Facts, v android.Verdict) {
	t.Helper()
	for _, g := range learnt(f) {
		if w := android.Judge(g, v.Act, v.Scope); possible(g) && w.Effect != v.Effect {
			require.Equal(t, v, w, "%+v becomes %+v", f, g)
		}
	}
}

// learnt are the facts with one more of them known.
func learnt(f android.Facts) (more []android.Facts) {
	for _, field := range []func(*android.Facts) *android.Answer{
		func(f *android.Facts) *android.Answer { return &f.SecureLock },
		func(f *android.Facts) *android.Answer { return &f.UserUnlocked },
		func(f *android.Facts) *android.Answer { return &f.ManagedProfile },
		func(f *android.Facts) *android.Answer { return &f.SeparateChallenge },
		func(f *android.Facts) *android.Answer { return &f.SecureLockFeature },
	} {
		if *field(&f) == android.Unknown {
			for _, answer := range answers[1:] {
				g := f
				*field(&g) = answer
				more = append(more, g)
			}
		}
	}
	if f.TargetSDK == 0 {
		for _, target := range []int{25, 26} {
			g := f
			g.TargetSDK = target
			more = append(more, g)
		}
	}
	if f.Token == "" {
		for _, state := range tokens[1:] {
			g := f
			g.Token = state
			more = append(more, g)
		}
	}
	if f.APILevel == 0 {
		for _, level := range []int{23, 24, 28, 29, 30, 34} {
			g := f
			g.APILevel = level
			more = append(more, g)
		}
	}
	return more
}

// possible leaves out what no device can be.
func possible(f android.Facts) bool {
	token := f.Token == android.TokenActive || f.Token == android.TokenPending
	switch {
	case f.SecureLock == android.No && f.UserUnlocked == android.No, // nothing to unlock
		f.SecureLockFeature == android.No && f.APILevel >= 29 && (f.SecureLock == android.Yes || token), // before, no device has the feature
		f.SeparateChallenge == android.Yes && f.APILevel > 0 && f.APILevel < 24,
		token && (f.APILevel > 0 && f.APILevel < 26 || f.Mode == admin),
		f.Token == android.TokenPending && f.SecureLock == android.No:
		return false
	}
	return true
}
