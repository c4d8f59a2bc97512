package android_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
)

const (
	admin = android.ModeDeviceAdmin
	po    = android.ModeProfileOwner
	cope  = android.ModeCompanyProfileOwner
	do    = android.ModeDeviceOwner

	reset     = android.ActReset
	remove    = android.ActClear
	provision = android.ActProvision
)

// What works, by version and mode.
func TestTable21(t *testing.T) {
	for _, level := range []int{22, 23} {
		t.Run(fmt.Sprintf("6 and earlier (%d)", level), func(t *testing.T) {
			requireRows(t, []row{
				{"admin sets", reset, device(level, admin, open), android.CodeDirect},
				{"admin changes", reset, device(level, admin), android.CodeDirect},
				{"admin clears", remove, device(level, admin), android.CodeDirect},
				{"profile owner", reset, device(level, po), android.CodeProfileBefore7},
				{"device owner changes", reset, device(level, do), android.CodeDirect},
				{"device owner clears", remove, device(level, do), android.CodeDirect},
			})
		})
	}
	for _, level := range []int{24, 25} {
		t.Run(fmt.Sprintf("7 (%d)", level), func(t *testing.T) { requireRows(t, seven(level, 25)) })
	}
	for level := 26; level <= 29; level++ {
		t.Run(fmt.Sprintf("8 to 10 (%d), agent for 8 or later", level), func(t *testing.T) {
			requireRows(t, append(tokenOnly(level),
				row{"admin sets where none is set", reset, device(level, admin, open), android.CodeDirect},
				row{"admin over a passcode", reset, device(level, admin), android.CodeAdminOver},
				row{"admin clears", remove, device(level, admin), android.CodeAdminClear},
			))
		})
		t.Run(fmt.Sprintf("8 to 10 (%d), agent for 7 or earlier", level), func(t *testing.T) {
			requireRows(t, append(seven(level, 25),
				row{"device owner by token", reset, device(level, do, old, active), android.CodeToken},
				row{"device owner by token, with a work profile", reset, device(level, do, old, active, managed), android.CodeToken},
				row{"profile owner by token", reset, device(level, po, old, active, locked), android.CodeToken},
				row{"profile owner clears by token", remove, device(level, po, old, active), android.CodeToken},
			))
		})
	}
	for _, level := range []int{30, 31, 33, 34, 35, 36} {
		t.Run(fmt.Sprintf("11 and later (%d)", level), func(t *testing.T) {
			requireRows(t, append(tokenOnly(level),
				row{"admin where none is set", reset, device(level, admin, open), android.CodeAdminReset},
				row{"admin over a passcode", reset, device(level, admin), android.CodeAdminReset},
				row{"admin of an old agent", reset, device(level, admin, open, old), android.CodeAdminReset},
				row{"device owner of an old agent", reset, device(level, do, old), android.CodeTokenNone},
				row{"profile owner of an old agent", reset, device(level, po, old), android.CodeTokenNone},
			))
		})
	}
}

// seven are the rules of Android 7, which an agent that was built for it keeps up to Android 10.
func seven(level, target int) []row {
	rows := []row{
		{"admin sets where none is set", reset, device(level, admin, open), android.CodeDirect},
		{"admin over a passcode", reset, device(level, admin), android.CodeAdminOver},
		{"admin clears", remove, device(level, admin), android.CodeAdminClear},
		{"admin clears where none is set", remove, device(level, admin, open), android.CodeAdminClear},
		{"profile owner resets its profile", reset, device(level, po), android.CodeDirect},
		{"profile owner before the first unlock", reset, device(level, po, locked), android.CodeUserLocked},
		{"profile owner, though the device has a profile", reset, device(level, po, managed), android.CodeDirect},
		{"profile owner clears", remove, device(level, po), android.CodeProfileClear},
		{"company profile owner resets its profile", reset, device(level, cope), android.CodeDirect},
		{"device owner over a passcode", reset, device(level, do), android.CodeDirect},
		{"device owner sets", reset, device(level, do, open), android.CodeDirect},
		{"device owner clears", remove, device(level, do), android.CodeDirect},
		{"device owner before the first unlock", reset, device(level, do, locked), android.CodeUserLocked},
		{"device owner with a work profile", reset, device(level, do, managed), android.CodeManagedProfile},
	}
	for i := range rows {
		rows[i].f.TargetSDK = target
	}
	return rows
}

// tokenOnly are the rules for owners that cannot do without a token.
func tokenOnly(level int) []row {
	var rows []row
	for _, mode := range []android.Mode{po, cope, do} {
		for _, act := range []android.Act{reset, remove} {
			name := fmt.Sprint(mode, " ", act, " ")
			rows = append(rows,
				row{name + "without a token", act, device(level, mode, none), android.CodeTokenNone},
				row{name + "with a pending token", act, device(level, mode, pending), android.CodeTokenPending},
				row{name + "with an active token", act, device(level, mode, active), android.CodeToken},
				row{name + "over none", act, device(level, mode, active, open), android.CodeToken},
				row{name + "before the first unlock", act, device(level, mode, active, locked), android.CodeToken},
				row{name + "with a work profile", act, device(level, mode, active, managed), android.CodeToken},
			)
		}
	}
	return rows
}

// The consequences that the table draws.
func TestTable21Consequences(t *testing.T) {
	for _, mode := range []android.Mode{po, cope} {
		for _, act := range []android.Act{reset, remove, provision} {
			for _, level := range []int{23, 24, 28, 30, 35} {
				t.Run(fmt.Sprintf("%s, %s the device's, %d", mode, act, level), func(t *testing.T) {
					v := android.Judge(device(level, mode, active), act, android.ScopeDevice)
					assert.Equal(t, android.EffectFails, v.Effect)
					assert.Equal(t, android.CodeProfileDevice, v.Code)
				})
			}
		}
	}
	t.Run("a device administrator can only lock", func(t *testing.T) {
		f := device(34, admin)
		v := android.Judge(f, android.ActLock, android.ScopeDevice)
		assert.Equal(t, android.EffectWorks, v.Effect)
		requireRows(t, []row{
			{"reset", reset, f, android.CodeAdminReset}, {"clear", remove, f, android.CodeAdminReset}, {"provision", provision, f, android.CodeTokenNotByAdmin},
		})
	})
	t.Run("the portable way", func(t *testing.T) {
		for level := 26; level <= 35; level++ {
			for _, mode := range []android.Mode{po, cope, do} {
				v := android.Judge(device(level, mode, active, locked, managed), reset, own(mode))
				require.Equal(t, android.EffectWorks, v.Effect)
				require.Equal(t, android.MethodToken, v.Method)
			}
		}
	})
}

// The kinds of profile owners do not differ, but for the text of the locked screen.
func TestProfileOwnersAreJudgedAlike(t *testing.T) {
	everyFacts(func(f android.Facts) {
		if f.Mode != po {
			return
		}
		g := f
		g.Mode = cope
		for _, act := range acts {
			for _, scope := range []android.Scope{android.ScopeDevice, android.ScopeProfile} {
				if android.Judge(f, act, scope) != android.Judge(g, act, scope) {
					require.Equal(t, android.Judge(f, act, scope), android.Judge(g, act, scope), f)
				}
			}
		}
	})
}
