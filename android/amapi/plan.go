package amapi

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

const maxText = 4096 // characters, of what lost mode shows

// Plan implements lock.Codec. It reads the facts that package android names: mode, api_level, secure_lock and those of the policy.
func (codec) Plan(d lock.Device, r lock.Request) lock.Plan {
	p := planner{facts: android.FromDevice(d)}
	switch r.Kind {
	case lock.KindLock, "":
		p.lock(r)
	case lock.KindResetPasscode:
		p.reset(r)
	case lock.KindClearPasscode:
		p.clear(r)
	case lock.KindLostMode:
		p.companyOnly()
		p.lostMode(r)
	case lock.KindUnlock:
		p.companyOnly()
		p.options(r)
		p.warn("lost_mode_only", "Only lost mode can be ended from here. A lock is opened with the passcode of the device.")
	default:
		p.block("unsupported", "", "The Android Management API has no command for "+string(r.Kind)+".")
	}
	return lock.Plan{
		Findings: p.findings, NoPIN: r.Kind != lock.KindResetPasscode, Holds: r.Kind == lock.KindLostMode, Policy: p.policy,
	}
}

type planner struct {
	facts    android.Facts
	findings []lock.Finding
	policy   pin.Policy // of the passcode
}

func (p *planner) add(level lock.Level, code, field, text string) {
	p.findings = append(p.findings, lock.Finding{Code: code, Level: level, Field: field, Text: text})
}

func (p *planner) block(code, field, text string) { p.add(lock.LevelBlock, code, field, text) }

func (p *planner) warn(code, text string) { p.add(lock.LevelWarn, code, "", text) }

const receiptText = "When Google says that this is done, the device has received it. That is no proof of its effect."

func (p *planner) lock(r lock.Request) {
	p.options(r)
	p.mode("This works for a device or a work profile that Google manages; whether this is one is not known.")
	if r.Message != "" || r.PhoneNumber != "" {
		p.add(lock.LevelWarn, "text_not_shown", "message", "The lock screen shows neither message nor phone number after a lock. Lost mode does.")
	}
	if p.facts.SecureLock == android.No {
		p.warn("no_secure_lock", "No passcode is set: the screen turns off, and anybody can turn it on again.")
	}
	if p.locksProfile() {
		p.warn("work_profile_only", "Where the work profile has a lock of its own, only the work profile is locked, and the device stays as it is.")
	}
	p.add(lock.LevelInfo, "proves_receipt", "", receiptText)
}

// locksProfile reports whether a lock may be one of the work profile alone. On a company's device, Android 8 to 10 lock all of it.
func (p *planner) locksProfile() bool {
	level := p.facts.APILevel
	switch p.facts.Mode {
	case android.ModeProfileOwner:
		return p.facts.SeparateChallenge != android.No
	case android.ModeCompanyProfileOwner:
		return p.facts.SeparateChallenge != android.No && (level < 26 || level > 29)
	}
	return false
}

func (p *planner) reset(r lock.Request) {
	p.options(r, optionRequireEntry, optionLockNow, optionDoNotAsk)
	p.mode("Whether the passcode of the device or that of the work profile is set depends on how it is managed, which is not known.")
	switch p.facts.Mode {
	case android.ModeProfileOwner, android.ModeCompanyProfileOwner:
		p.warn("work_profile_only", "The new passcode is that of the work profile. The passcode of the device stays as it is.")
	case android.ModeDeviceOwner, android.ModeDeviceAdmin:
	}
	if p.facts.Policy == (android.Policy{}) {
		p.warn("no_password_policy", "It is not known that a passcode is required. Without a requirement the user can remove the new one.")
	}
	p.passcode(r.PIN)
	p.recently()
	p.add(lock.LevelInfo, "proves_receipt", "", receiptText+" A device that was not unlocked since Android 8 may ignore it without a word.")
}

// passcode looks at the passcode as the device does. From this API, Android 14 takes none of digits alone with fewer than six; so it may be
// with a device whose level is not known.
func (p *planner) passcode(own pin.PIN) {
	policy, against := android.Passcode(p.facts, own)
	p.policy, p.findings = policy, append(p.findings, against...)
	const tooShort = "passcode_too_short"
	code, level := own.Expose(), p.facts.APILevel
	said := slices.ContainsFunc(against, func(f lock.Finding) bool { return f.Code == tooShort })
	if code != "" && len(code) < 6 && strings.Trim(code, "0123456789") == "" && (level == 0 || level >= 34) && !said {
		p.block(tooShort, "pin", "From Android 14 on, a passcode of digits alone that comes from Google must have at least six of them.")
	}
}

func (p *planner) clear(r lock.Request) {
	p.options(r, optionRequireEntry, optionLockNow, optionDoNotAsk)
	p.mode("A fully managed device loses its passcode, another one that of its work profile; how this one is managed is not known.")
	switch p.facts.Mode {
	case android.ModeDeviceOwner:
		p.warn("passcode_removed", "The device has no passcode afterwards: whoever has it can use it.")
	case android.ModeProfileOwner, android.ModeCompanyProfileOwner:
		p.warn("work_profile_only", "Only the passcode of the work profile is removed. The passcode of the device stays as it is.")
	case android.ModeDeviceAdmin:
	}
	if !p.facts.Policy.AllowsNone(p.facts.APILevel) {
		p.findings = append(p.findings, lock.Finding{
			Code: string(android.CodePolicy), Level: lock.LevelBlock, Forceable: true, // its policy may be another one by then
			Text: "The password policy of this device asks for a passcode, so it cannot be removed.",
		})
	}
	p.recently()
	p.add(lock.LevelInfo, "proves_receipt", "", receiptText)
}

// recently says what a reset costs.
func (p *planner) recently() {
	p.add(lock.LevelInfo, "no_lost_mode_after", "", "For 12 hours afterwards lost mode is not possible. Start lost mode first if it is wanted.")
}

// mode looks at who manages the device.
func (p *planner) mode(unknown string) {
	switch p.facts.Mode {
	case "":
		p.warn("mode_unknown", unknown)
	case android.ModeDeviceAdmin:
		p.block("unsupported_mode", "", "A legacy device administrator is not managed by Google.")
	case android.ModeProfileOwner, android.ModeCompanyProfileOwner, android.ModeDeviceOwner:
	}
}

// companyOnly refuses lost mode where Google reports it as done and the device ignores it.
func (p *planner) companyOnly() {
	level := p.facts.APILevel
	p.mode("Lost mode is for devices of the company, and is ignored by others; whose this is is not known.")
	switch {
	case p.facts.Mode == android.ModeProfileOwner:
		p.block("company_only", "", "Lost mode is for devices of the company: a person's own device ignores it, and Google reports it as done.")
	case p.facts.Mode == "" || p.facts.Mode == android.ModeDeviceAdmin:
	case level == 0:
		p.warn("api_level_unknown", "Lost mode needs Android 11 on a fully managed device, and Android 13 with a work profile.")
	case p.facts.Mode == android.ModeDeviceOwner && level < 30:
		p.block("needs_android_11", "", "Lost mode needs Android 11 (API level 30) on a fully managed device.")
	case p.facts.Mode == android.ModeCompanyProfileOwner && level < 33:
		p.block("needs_android_13", "", "Lost mode needs Android 13 (API level 33) on a company's device with a work profile.")
	}
}

func (p *planner) lostMode(r lock.Request) {
	p.options(r, optionEmail, optionAddress, optionOrganization)
	shown := lostModeOf(r.Message, r.PhoneNumber, r.Options)
	for _, t := range []struct{ field, text string }{
		{"message", shown.Message}, {"phone_number", shown.PhoneNumber}, {"options.email", shown.EmailAddress},
		{"options.street_address", shown.StreetAddress}, {"options.organization", shown.Organization},
	} {
		if utf8.RuneCountInString(t.text) > maxText || !utf8.ValidString(t.text) {
			p.block("text_invalid", t.field, fmt.Sprintf("A text of lost mode has at most %d characters.", maxText))
		}
	}
	shown.Organization = ""
	if shown == (LostMode{}) {
		p.block("text_missing", "message", "Lost mode needs a message, a phone number, an email address or a street address to show.")
	}
	p.warn("not_within_12_hours", "The device refuses if its passcode was reset, or its user left lost mode, within 12 hours, and while a work "+
		"profile is paused.")
	p.add(lock.LevelInfo, "user_can_leave", "", "The user can leave lost mode with the passcode of the device. It rings for five minutes, then "+
		"reports where it is.")
}

// options refuses what this platform does not know.
func (p *planner) options(r lock.Request, known ...string) {
	for _, name := range slices.Sorted(maps.Keys(r.Options)) {
		value := r.Options[name]
		flag := r.Kind != lock.KindLostMode
		switch {
		case !slices.Contains(known, name):
			p.block("unknown_option", "options", "This order has no such option; it takes: "+strings.Join(append([]string{}, known...), ", ")+".")
		case flag && value != "true" && value != "false":
			p.block("option_invalid", "options."+name, "The option must be true or false.")
		}
	}
}
