package windows

import (
	"fmt"
	"strings"
)

// table is what Judge says of each act, by what is known of the device; the package documentation has it.
func table() string {
	var b strings.Builder
	row(&b, "", "lock", "reset", "recover", "sign-in lock-out", "unlock")
	for _, s := range situations() {
		cells := make([]string, 0, len(acts()))
		for _, act := range acts() {
			cells = append(cells, Judge(s.facts, act).cell())
		}
		row(&b, s.title, cells...)
	}
	b.WriteString("\n")
	for _, s := range sentences {
		fmt.Fprintf(&b, "%-24s %s\n", s.code, s.text)
	}
	return b.String()
}

// row writes a line of the table; the columns have room for their longest code.
func row(b *strings.Builder, title string, cells ...string) {
	line := fmt.Sprintf("%-32s", title)
	for i, cell := range cells {
		line += fmt.Sprintf(" %-*s", [...]int{21, 21, 22, 26, 21}[i], cell)
	}
	b.WriteString(strings.TrimRight(line, " ") + "\n")
}

// cell marks the effect.
func (v Verdict) cell() string {
	marks := map[Effect]string{EffectWorks: "+ ", EffectFails: "- ", EffectUnproven: "! ", EffectUnknown: "? "}
	return marks[v.Effect] + string(v.Code)
}

// situation is a row of the table.
type situation struct {
	title string
	facts Facts
}

func situations() []situation {
	phone := Facts{Class: ClassPhone, Build: "10.0.15254.603"}
	holo := Facts{Class: ClassHoloLens, Edition: 0x88, Build: "10.0.22621.1399"}
	desktop := Facts{Class: ClassDesktop, Edition: 0x30, Build: "10.0.22631.4460"}
	return []situation{
		{"phone, PIN recovery enabled", with(phone, func(f *Facts) { f.PINRecovery = Yes })},
		{"phone", phone},
		{"phone before 1703", with(phone, func(f *Facts) { f.Build = "10.0.14393.1066" })},
		{"phone that lists no remote lock", with(phone, func(f *Facts) { f.RemoteLock = No })},
		{"HoloLens, 20H2 and later", holo},
		{"HoloLens before 20H2", with(holo, func(f *Facts) { f.Build = "10.0.18362.1079" })},
		{"HoloLens that lists a reset", with(holo, func(f *Facts) { f.RemoteLock, f.Reset = Yes, Yes })},
		{"desktop, 1803 and later", desktop},
		{"desktop that lists a remote lock", with(desktop, func(f *Facts) { f.RemoteLock, f.Reset = Yes, Yes })},
		{"desktop that lists none", with(desktop, func(f *Facts) { f.RemoteLock = No })},
		{"desktop before 1803", with(desktop, func(f *Facts) { f.Build = "10.0.16299.15" })},
		{"desktop with Windows Home", with(desktop, func(f *Facts) { f.Edition = 101 })},
		{"desktop, only a user enrolled", with(desktop, func(f *Facts) { f.UserEnrolled = Yes })},
		{"desktop that refused the policy", with(desktop, func(f *Facts) { f.SignInPolicy = No })},
		{"edition and build alone known", Facts{Edition: 0x30, Build: "10.0.22631.4460"}},
		{"class unknown, lists a reset", Facts{RemoteLock: Yes, Reset: Yes}},
		{"nothing known", Facts{}},
	}
}

func with(f Facts, change func(*Facts)) Facts {
	change(&f)
	return f
}
