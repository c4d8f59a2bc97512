package android

import (
	"fmt"
	"slices"
	"strings"
)

// Table is what Judge says of each act: by Android version, management and situation. It is part of the documentation of this package. The
// two kinds of profile owners share their columns. Where something works the cell says how, and otherwise it has the code, whose sentence
// follows below.
func Table() string {
	var b strings.Builder
	for i, block := range [...]struct {
		act   Act
		title string
		rows  []situation
	}{
		{ActLock, "Lock", lockRows()},
		{ActReset, "Reset: set a passcode", passcodeRows()},
		{ActClear, "Clear: remove the passcode", passcodeRows()},
		{ActProvision, "Provision: set a reset token", provisionRows()},
	} {
		if i > 0 {
			b.WriteString("\n")
		}
		row(&b, block.title, "device admin", "profile owner", "profile owner", "device owner")
		row(&b, "", "", "of its profile", "of the device", "")
		for _, s := range block.rows {
			s.write(&b, block.act)
		}
	}
	b.WriteString("\n")
	for _, s := range sentences {
		fmt.Fprintf(&b, "%-23s %s\n", s.code, s.text)
	}
	return b.String()
}

// row writes a line of the table; the columns have room for the longest code.
func row(b *strings.Builder, title string, cells ...string) {
	line := fmt.Sprintf("%-40s", title)
	for _, cell := range cells {
		line += fmt.Sprintf(" %-22s", cell)
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// situation is a row: its facts but for the mode. One without a level is a heading.
type situation struct {
	title string
	facts Facts
}

func (s situation) write(b *strings.Builder, act Act) {
	if s.facts.APILevel == 0 {
		row(b, s.title)
		return
	}
	cells := make([]string, 0, 4)
	for _, column := range [...]struct {
		scope Scope
		modes []Mode
	}{
		{ScopeDevice, []Mode{ModeDeviceAdmin}}, {ScopeProfile, []Mode{ModeProfileOwner, ModeCompanyProfileOwner}},
		{ScopeDevice, []Mode{ModeProfileOwner, ModeCompanyProfileOwner}}, {ScopeDevice, []Mode{ModeDeviceOwner}},
	} {
		var said []string
		for _, mode := range column.modes {
			f := s.facts
			f.Mode = mode
			said = append(said, Judge(f, act, column.scope).cell())
		}
		cells = append(cells, strings.Join(slices.Compact(said), " / "))
	}
	row(b, "  "+s.title, cells...)
}

// cell marks what works.
func (v Verdict) cell() string {
	if v.Effect == EffectWorks {
		return "+ " + string(v.Code)
	}
	return "- " + string(v.Code)
}

func lockRows() []situation {
	f := Facts{APILevel: android7, SeparateChallenge: No}
	separate := f
	separate.SeparateChallenge = Yes
	return []situation{
		{title: "Any Android"},
		{"no passcode set", with(f, No, Yes, TokenNone)},
		{"passcode set", with(f, Yes, Yes, TokenNone)},
		{"passcode set, the profile has its own", with(separate, Yes, Yes, TokenNone)},
		{"none set, the profile has its own lock", with(separate, No, Yes, TokenNone)},
	}
}

// with is f with a passcode, an unlocked user and a token.
func with(f Facts, secure, unlocked Answer, token TokenState) Facts {
	f.SecureLock, f.UserUnlocked, f.Token = secure, unlocked, token
	f.SecureLockFeature = Yes
	if f.ManagedProfile == Unknown {
		f.ManagedProfile = No
	}
	return f
}

func passcodeRows() []situation {
	old, new8 := Facts{APILevel: android10, TargetSDK: android8 - 1}, Facts{APILevel: android10, TargetSDK: android8}
	return slices.Concat(
		[]situation{{title: "Android 6 and earlier"}}, directRows(Facts{APILevel: android7 - 1})[:2],
		[]situation{{title: "Android 7"}}, directRows(Facts{APILevel: android7}),
		[]situation{{title: "Android 8 to 10, agent for 7 or earlier"}}, directRows(old), tokenRows(old)[3:],
		[]situation{{title: "Android 8 to 10, agent for 8 or later"}}, tokenRows(new8),
		[]situation{{title: "Android 11 and later"}}, tokenRows(Facts{APILevel: android11, TargetSDK: android8}),
	)
}

// directRows are what matters without a token.
func directRows(f Facts) []situation {
	managed := f
	managed.ManagedProfile = Yes
	return []situation{
		{"no passcode set", with(f, No, Yes, TokenNone)},
		{"passcode set", with(f, Yes, Yes, TokenNone)},
		{"passcode set, before the first unlock", with(f, Yes, No, TokenNone)},
		{"no passcode set, with a work profile", with(managed, No, Yes, TokenNone)},
		{"passcode set, with a work profile", with(managed, Yes, Yes, TokenNone)},
	}
}

func tokenRows(f Facts) []situation {
	return []situation{
		{"no passcode set, no token", with(f, No, Yes, TokenNone)},
		{"passcode set, no token", with(f, Yes, Yes, TokenNone)},
		{"passcode set, token pending", with(f, Yes, Yes, TokenPending)},
		{"passcode set, token active", with(f, Yes, Yes, TokenActive)},
		{"the same, before the first unlock", with(f, Yes, No, TokenActive)},
	}
}

func provisionRows() []situation {
	f := Facts{APILevel: android8, TargetSDK: android8}
	return []situation{
		{title: "Android 7 and earlier"},
		{"any", with(Facts{APILevel: android7}, No, Yes, TokenNone)},
		{title: "Android 8 and later"},
		{"no passcode set, no token", with(f, No, Yes, TokenNone)},
		{"passcode set, no token", with(f, Yes, Yes, TokenNone)},
		{"token pending", with(f, Yes, Yes, TokenPending)},
		{"token active", with(f, Yes, Yes, TokenActive)},
		{"tokens disabled", with(f, Yes, Yes, TokenUnsupported)},
	}
}
