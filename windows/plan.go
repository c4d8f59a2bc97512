package windows

import (
	"fmt"
	"maps"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// PlatformName is lock.Device.Platform of the devices that this package speaks to.
const PlatformName = "windows"

// Platform is how package lock reaches Windows devices, which come by themselves, and sooner when the waker can wake them (package
// windows/wns; nil: none). The body of its commands is a Part.
func Platform(w lock.Waker) lock.Platform {
	return lock.Platform{Name: PlatformName, Codec: codec{}, Waker: w, MaxDeliveries: 10}
}

// The options of orders, and the values of the method.
const (
	optionMethod  = "method"  // of a lock
	optionRecover = "recover" // of a reset: "true" keeps the keys of Windows Hello

	methodScreen = "screen"
	methodSignIn = "sign_in"
)

// codec implements lock.Codec.
type codec struct{}

// Plan implements lock.Codec.
func (codec) Plan(d lock.Device, r lock.Request) lock.Plan {
	p := planner{Facts: FromDevice(d)}
	plan := lock.Plan{NoPIN: true}
	switch r.Kind {
	case lock.KindLock, "":
		p.options(r.Options, optionMethod)
		if p.method(r) == methodSignIn {
			plan.Holds, plan.Talks = true, true
			p.lockOut(r)
			break
		}
		p.judge(ActLock)
		p.silent(r)
	case lock.KindResetPasscode:
		plan.Returns = true
		p.options(r.Options, optionRecover)
		p.reset(r)
		p.silent(r)
	case lock.KindUnlock:
		p.options(r.Options)
		p.unlock()
		p.silent(r)
	default:
		p.block(string(CodeUnsupported), "", "Windows has no "+string(r.Kind)+" command.")
	}
	plan.Findings = p.findings
	return plan
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

// forceable are reasons to fail that follow from the class of the device alone, or from what it said once: it may be tried, and the device
// says no by itself.
var forceable = map[Code]bool{CodeDesktopLock: true, CodeLockOnly: true, CodePolicyAbsent: true}

// judge adds a verdict, and reports whether the act can be ordered.
func (p *planner) judge(act Act) bool {
	v := Judge(p.Facts, act)
	f := lock.Finding{Code: string(v.Code), Level: lock.LevelInfo, Text: v.Text}
	switch v.Effect {
	case EffectFails:
		f.Level, f.Forceable = lock.LevelBlock, forceable[v.Code]
	case EffectUnproven, EffectUnknown:
		f.Level = lock.LevelWarn
	}
	p.findings = append(p.findings, f)
	return v.Effect != EffectFails
}

// options blocks those that are not among the allowed, and values that mean nothing.
func (p *planner) options(options map[string]string, allowed ...string) {
	for _, name := range slices.Sorted(maps.Keys(options)) {
		value := options[name]
		switch {
		case !slices.Contains(allowed, name):
			p.block("option_unknown", "options", "This command has no option of that name.")
		case name == optionMethod && value != methodScreen && value != methodSignIn:
			p.block("option_value", "options."+name, "The method must be "+methodScreen+" or "+methodSignIn+".")
		case name == optionRecover && value != "true" && value != "false":
			p.block("option_value", "options."+name, "The option "+name+" must be true or false.")
		}
	}
}

// method is how the device is locked: as the caller says, else by its screen unless it is a desktop, or nothing that has one.
func (p *planner) method(r lock.Request) string {
	if chosen := r.Options[optionMethod]; chosen != "" {
		return chosen
	}
	signIn := p.Class == ClassDesktop || p.Class == ""
	if signIn && Judge(p.Facts, ActLock).Effect == EffectFails {
		return methodSignIn
	}
	return methodScreen
}

// silent warns of texts that nothing shows.
func (p *planner) silent(r lock.Request) {
	for _, said := range []struct{ field, text string }{{"message", r.Message}, {"phone_number", r.PhoneNumber}} {
		if said.text != "" {
			p.add(lock.LevelWarn, said.field+"_not_shown", said.field, "This command puts no text on the screen: it is not shown.")
		}
	}
}

func (p *planner) reset(r lock.Request) {
	if !r.PIN.IsZero() {
		p.block("device_makes_pin", "pin", "The device makes its new PIN itself: none can be chosen.")
	}
	if r.Keep {
		p.block("device_makes_pin", "keep", "The device makes its new PIN itself: none can be kept.")
	}
	act, step := ActReset, stepReset
	if r.Options[optionRecover] == "true" {
		act, step = ActRecover, stepRecover
	}
	if !p.judge(act) {
		return
	}
	p.add(lock.LevelWarn, "old_pin_ends", "",
		"The old PIN is gone as soon as the device has done it. The new one is returned once: if its answer is lost, the device must be reset again.")
	p.size(Part{Step: step, Commands: resetCommands(step)})
}

func (p *planner) lockOut(r lock.Request) {
	if v := Judge(p.Facts, ActLockOut); v.Effect != EffectUnproven && !p.judge(ActLockOut) && !forceable[v.Code] {
		return
	}
	p.findings = append(p.findings, lock.Finding{
		Code: string(CodeLockOutUnproven), Level: lock.LevelBlock, Forceable: true, Text: CodeLockOutUnproven.sentence(),
	})
	p.add(lock.LevelWarn, "denies_everybody", "",
		"Nobody can sign in at the device, with any account, until it is unlocked from here.")
	p.add(lock.LevelWarn, "needs_network", "",
		"Only a device that reaches this server can be unlocked: one that is offline, or needs somebody to sign in for its network, stays locked.")
	p.add(lock.LevelWarn, "restarts", "", "The device restarts within five minutes, and what is not saved is lost.")
	p.text(r)
	p.size(Part{Step: stepDeny, Commands: denyCommands(r.Message, r.PhoneNumber)})
}

// unlock never blocks: that the device was locked says more than what is known of its class.
func (p *planner) unlock() {
	v := Judge(p.Facts, ActUnlock)
	level := lock.LevelInfo
	if v.Effect == EffectFails {
		level = lock.LevelWarn
	}
	p.add(level, string(v.Code), "", v.Text)
	p.add(lock.LevelInfo, "needs_network", "", "The device is unlocked when it reaches this server.")
}

// text refuses what XML cannot carry.
func (p *planner) text(r lock.Request) {
	for _, said := range []struct{ field, text string }{{"message", r.Message}, {"phone_number", r.PhoneNumber}} {
		if _, err := need(denyCommands(said.text, "")); err != nil {
			p.block(said.field+"_characters", said.field, "This text has characters that cannot be sent to a Windows device.")
		}
	}
}

// size refuses a command that would not fit into a message of this device.
func (p *planner) size(part Part) {
	n, err := need(part.Commands)
	if err == nil && p.MaxMsgSize > 0 && n > p.MaxMsgSize {
		p.block(reasonTooLarge, "", fmt.Sprintf(
			"The device takes messages of %d bytes, and this command needs one of about %d: it cannot be divided.", p.MaxMsgSize, n))
	}
}
