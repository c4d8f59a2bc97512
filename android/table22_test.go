package android_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/android"
)

// resetPassword in the order of its checks. An exception and false are the same to who asks beforehand: it fails.
func TestTable22(t *testing.T) {
	for _, c := range []struct {
		column string
		level  int
		change func(*android.Facts)
	}{
		{"API 24 to 29, target 24 or later", 24, old}, {"API 24 to 29, target 24 or later", 29, old},
		{"API 24 to 29, target 23 or earlier", 24, older}, {"API 24 to 29, target 23 or earlier", 29, older},
	} {
		t.Run(fmt.Sprintf("%s (%d)", c.column, c.level), func(t *testing.T) {
			requireRows(t, []row{
				{"managed profile, empty password", remove, device(c.level, po, c.change), android.CodeProfileClear},
				{"managed profile, a password", reset, device(c.level, po, c.change), android.CodeDirect},
				{"owner, target below 26", reset, device(c.level, do, c.change), android.CodeDirect},
				{"plain admin, empty password", remove, device(c.level, admin, c.change), android.CodeAdminClear},
				{"plain admin, secure lock set", reset, device(c.level, admin, c.change), android.CodeAdminOver},
				{"user 0 has a managed profile, admin", reset, device(c.level, admin, c.change, open, managed), android.CodeManagedProfile},
				{"user 0 has a managed profile, device owner", reset, device(c.level, do, c.change, managed), android.CodeManagedProfile},
				{"user locked, device owner", reset, device(c.level, do, c.change, locked), android.CodeUserLocked},
				{"user locked, admin", reset, device(c.level, admin, c.change, open, locked), android.CodeUserLocked},
				{"policy asks for a password", remove, device(c.level, do, c.change, strict), android.CodePolicy},
				{"otherwise", reset, device(c.level, admin, c.change, open), android.CodeDirect},
			})
		})
	}
}

func TestTable22Apart(t *testing.T) {
	t.Run("API 22 to 23", func(t *testing.T) {
		requireRows(t, []row{
			{"caller in a managed profile", reset, device(23, po), android.CodeProfileBefore7},
			{"caller in a managed profile, empty password", remove, device(23, po), android.CodeProfileBefore7},
			{"owner is no special case", reset, device(23, do), android.CodeDirect},
			{"plain admin, empty password", remove, device(23, admin), android.CodeDirect},
			{"plain admin, secure lock set", reset, device(23, admin), android.CodeDirect},
			{"user 0 has a managed profile", reset, device(23, admin, managed), android.CodeDirect},
			{"user locked is no state", reset, device(23, admin, locked), android.CodeDirect},
			{"policy asks for a password", remove, device(23, admin, strict), android.CodePolicy},
		})
	})
	t.Run("no secure lock screen", func(t *testing.T) {
		requireRows(t, []row{
			{"API 28 does not ask", reset, device(28, admin, open, unfit), android.CodeDirect},
			{"API 29", reset, device(29, admin, open, unfit), android.CodeNoLockScreen},
			{"API 29, owner of an old agent", reset, device(29, do, open, unfit, old), android.CodeNoLockScreen},
			{"API 29, before the other reasons", reset, device(29, admin, unfit, managed, locked), android.CodeNoLockScreen},
		})
	})
	t.Run("owner, target 26 or later", func(t *testing.T) {
		for level := 26; level <= 29; level++ {
			requireRows(t, []row{
				{fmt.Sprint("device owner, ", level), reset, device(level, do), android.CodeTokenNone},
				{fmt.Sprint("profile owner, ", level), reset, device(level, po), android.CodeTokenNone},
			})
		}
	})
	t.Run("API 30 and later", func(t *testing.T) {
		requireRows(t, []row{
			{"owner, target below 26", reset, device(30, do, old), android.CodeTokenNone},
			{"owner, target 26 or later", reset, device(30, do), android.CodeTokenNone},
			{"admin, empty password, target below 24", remove, device(30, admin, older), android.CodeAdminReset},
			{"admin, empty password", remove, device(30, admin), android.CodeAdminReset},
			{"admin, secure lock set", reset, device(30, admin), android.CodeAdminReset},
			{"admin, otherwise", reset, device(30, admin, open), android.CodeAdminReset},
		})
	})
}

// The first check that fails is the reason.
func TestTable22Order(t *testing.T) {
	requireRows(t, []row{
		{"empty before set", remove, device(24, admin, managed, locked), android.CodeAdminClear},
		{"set before a profile", reset, device(24, admin, managed, locked), android.CodeAdminOver},
		{"a profile before locked", reset, device(24, do, managed, locked), android.CodeManagedProfile},
		{"locked before the policy", remove, device(24, do, locked, strict), android.CodeUserLocked},
		{"the policy last", remove, device(24, do, strict), android.CodePolicy},
	})
}

// The last rows are about the password: what the device would refuse is refused here.
func TestTable22Passwords(t *testing.T) {
	numeric := android.Policy{Quality: android.QualityNumericComplex, MinLength: 6}
	for _, level := range []int{22, 24, 29} {
		assert.Equal(t, []android.Reason{android.TooShort}, android.Validate(code(t, "4829"), level, numeric))
		assert.Equal(t, []android.Reason{android.ContainsSequence}, android.Validate(code(t, "123499"), level, numeric))
		assert.Empty(t, android.Validate(code(t, "482915"), level, numeric))
	}
}
