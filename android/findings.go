package android

import (
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Option is the name of an option in lock.Request.Options. The values are "true" and "false", and for OptionScope a Scope.
type Option string

// The options of a lock, and those of a reset or a removal.
const (
	OptionScope      Option = "scope"        // of a lock: ScopeDevice, unless a profile owner is to lock its profile
	OptionEvictCEKey Option = "evict_ce_key" // of a lock: the keys of the work profile leave the memory; implies ScopeProfile (flag of lockNow)

	OptionRequireEntry Option = "require_entry" // of a reset: no fingerprint nor face until the passcode was entered (RESET_PASSWORD_REQUIRE_ENTRY)
	OptionLockNow      Option = "lock_now"      // of a reset: and lock, so that the new passcode is needed at once
	OptionDoNotAsk     Option = "do_not_ask_credentials_on_boot"
)

// Findings says what an order will do on a device of these facts, as far as that does not depend on how it is reached: kinds lock,
// reset-passcode, clear-passcode, provision-token and revoke-token, others block. The first is the verdict of Judge under its code: it
// blocks what will fail, and warns where that is not known. What the device may outgrow before the command arrives can be forced, and so
// can a new token where one is active, which replaces it.
func Findings(f Facts, r lock.Request) []lock.Finding {
	p := planner{Facts: f}
	switch r.Kind {
	case lock.KindLock, "":
		p.options(r.Options, OptionScope, OptionEvictCEKey)
		p.lockNow(r)
	case lock.KindResetPasscode:
		p.judge(ActReset, f.Mode.own())
		p.options(r.Options, OptionRequireEntry, OptionLockNow, OptionDoNotAsk)
		p.reset(r)
	case lock.KindClearPasscode:
		p.judge(ActClear, f.Mode.own())
		p.options(r.Options, OptionRequireEntry, OptionLockNow, OptionDoNotAsk)
		p.separate()
	case lock.KindProvisionToken:
		p.judge(ActProvision, f.Mode.own())
		p.options(r.Options)
	case lock.KindRevokeToken:
		p.options(r.Options)
		p.revoke()
	default:
		p.block("unsupported", "", "This platform has no "+string(r.Kind)+" command.")
		return p.findings
	}
	p.screen(r)
	return p.findings
}

// planner collects the findings of one order.
type planner struct {
	Facts
	findings []lock.Finding
}

func (p *planner) add(level lock.Level, code, field, text string) {
	p.findings = append(p.findings, lock.Finding{Code: code, Level: level, Field: field, Text: text})
}

func (p *planner) block(code, field, text string) { p.add(lock.LevelBlock, code, field, text) }

// passing are reasons to fail that may be gone when the command arrives, and a token that may be replaced.
var passing = map[Code]bool{
	CodeTokenActive: true, CodeTokenPending: true, CodeUserLocked: true, CodeAdminOver: true, CodeManagedProfile: true, CodePolicy: true,
	CodeProfileOpen: true,
}

// judge adds a verdict.
func (p *planner) judge(act Act, scope Scope) {
	v := Judge(p.Facts, act, scope)
	level := lock.LevelInfo
	switch v.Effect {
	case EffectFails:
		level = lock.LevelBlock
	case EffectScreenOff, EffectUnknown:
		level = lock.LevelWarn
	}
	p.findings = append(p.findings, lock.Finding{
		Code: string(v.Code), Level: level, Text: v.Text, Forceable: level == lock.LevelBlock && passing[v.Code],
	})
}

func option(r lock.Request, name Option) string { return r.Options[string(name)] }

func optionField(name Option) string { return "options." + string(name) }

// options blocks those that are not among the allowed, and values that mean nothing.
func (p *planner) options(options map[string]string, allowed ...Option) {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		option, value := Option(name), options[name]
		switch {
		case !slices.Contains(allowed, option):
			p.block("option_unknown", "options", "This command has no option of that name.")
		case option == OptionScope && value != string(ScopeDevice) && value != string(ScopeProfile):
			p.block("option_value", optionField(option), "The scope must be device or profile.")
		case option != OptionScope && value != "true" && value != "false":
			p.block("option_value", optionField(option), "The option "+name+" must be true or false.")
		case value == "true" && option == OptionDoNotAsk:
			p.doNotAsk()
		}
	}
}

func (p *planner) doNotAsk() {
	if p.Mode != ModeDeviceOwner {
		p.add(lock.LevelWarn, "do_not_ask_ignored", optionField(OptionDoNotAsk),
			"Only a device owner can have the start without a passcode: it is ignored.")
		return
	}
	p.add(lock.LevelWarn, "do_not_ask_sticky", optionField(OptionDoNotAsk),
		"From now on, devices with full-disk encryption start without a passcode, and only a factory reset ends that.")
}

func (p *planner) lockNow(r lock.Request) {
	evict := option(r, OptionEvictCEKey) == "true"
	scope := ScopeDevice
	if evict || option(r, OptionScope) == string(ScopeProfile) {
		scope = ScopeProfile
	}
	p.judge(ActLock, scope)
	if !evict {
		return
	}
	field := optionField(OptionEvictCEKey)
	if option(r, OptionScope) == string(ScopeDevice) {
		p.block("evict_needs_profile", field, "Keys are evicted of the work profile alone: choose that scope, or lock the device by an order of its own.")
	}
	if p.APILevel > 0 && p.APILevel < android8 {
		p.block("evict_needs_8", field, "The keys of a work profile can be evicted on Android 8 and later.")
	}
	p.add(lock.LevelInfo, "evict_needs_file_encryption", field,
		"The work profile is stopped until its passcode is entered; a device without file-based encryption refuses that.")
}

// reset adds what beside the verdict matters to a new passcode.
func (p *planner) reset(r lock.Request) {
	if p.SecureLock == No {
		p.add(lock.LevelWarn, "no_passcode", "", "No passcode is set now: the new one is the first, and its user will need it.")
	}
	if p.Policy == (Policy{}) {
		p.add(lock.LevelWarn, "no_password_policy", "",
			"No password policy is known of this device: whoever has the new passcode can remove it, or choose a weak one.")
	}
	if p.Mode.profile() {
		p.add(lock.LevelInfo, "profile_passcode", "", "The passcode of the work profile changes, and not that of the device.")
	}
	p.separate()
	if option(r, OptionLockNow) != "true" {
		p.add(lock.LevelInfo, "stays_open", optionField(OptionLockNow), "A reset does not lock: what is open now stays open until the screen locks.")
	}
	policy, against := Passcode(p.Facts, r.PIN)
	p.findings = append(p.findings, against...)
	if r.PIN.IsZero() && policy.Alphabet == numerals && p.APILevel == android11 {
		p.add(lock.LevelInfo, "text_keyboard", "", "Android 11 asks for this passcode with its text keyboard instead of the number pad.")
	}
}

// separate warns of what any change of a work profile's passcode does, its removal too.
func (p *planner) separate() {
	if p.Mode.profile() && p.SeparateChallenge != Yes {
		p.add(lock.LevelWarn, "separate_lock", "", "The work profile gets a lock of its own, where it may have shared that of the device.")
	}
}

// Passcode gives the policy of the passcode that a reset sets, and what the device has against it, which blocks. The zero PIN stands for one
// that is made, or kept: it obeys the policy of the device (see Policy.PIN). One of the caller's own must have pin.RuleAll and no characters
// but 33 to 126 of ASCII, and the device has against it what Validate says.
func Passcode(f Facts, own pin.PIN) (pin.Policy, []lock.Finding) {
	p := planner{Facts: f}
	if own.IsZero() {
		policy := f.Policy.PIN(f.APILevel)
		if policy.Length == 0 {
			p.block("policy_not_met", "pin", "The password policy of this device asks for more than a passcode can have that is made here: choose one.")
		}
		return policy, p.findings
	}
	for _, reason := range Validate(own, f.APILevel, f.Policy) {
		p.block("passcode_"+reason.code(), "pin", "The device would refuse this passcode: "+reason.words()+".")
	}
	return chosen(own), p.findings
}

func (p *planner) revoke() {
	if p.Token == TokenNone || p.Token == TokenUnsupported {
		p.add(lock.LevelWarn, "no_token", "", "The device says that it has no reset token, so there may be nothing to take back.")
	}
}

const maxScreen = 1024 // bytes of what a locked screen shows

// screen looks at the text for the locked screen (setDeviceOwnerLockScreenInfo), of which the telephone number is a part.
func (p *planner) screen(r lock.Request) {
	for _, said := range []struct{ field, text string }{{"message", r.Message}, {"phone_number", r.PhoneNumber}} {
		if said.text != "" {
			p.text(said.field, r)
		}
	}
	if n := len(r.Message) + len(r.PhoneNumber); n > 0 && n+1 > maxScreen {
		p.block("message_too_long", "message", fmt.Sprintf("Message and telephone number must have at most %d bytes together.", maxScreen-1))
	}
}

func (p *planner) text(field string, r lock.Request) {
	since := android7
	if p.Mode == ModeCompanyProfileOwner {
		since = android11
	}
	switch {
	case r.Kind != lock.KindLock && r.Kind != "":
		p.block(field+"_unsupported", field, "Only a lock can put a text on the locked screen.")
	case p.Mode == ModeDeviceAdmin || p.Mode == ModeProfileOwner, p.APILevel > 0 && p.APILevel < since:
		p.block(field+"_unsupported", field,
			"A text on the locked screen takes a device owner on Android 7 or later, or the owner of the work profile of a company's device on 11 or later.")
	case p.Mode == "" || p.APILevel == 0:
		p.add(lock.LevelWarn, field+"_unknown", field, "It is not known whether this device can show a text on its locked screen.")
	default:
		p.add(lock.LevelInfo, field+"_stays", field, "The text stays on the locked screen, also when the device was opened again.")
	}
}
