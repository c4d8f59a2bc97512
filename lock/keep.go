package lock

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/pin"
)

// keep finds the PIN that the device confirmed last. When it may not be used again, the findings block and say why.
func (s *Service) keep(ctx context.Context, kind Kind, plan Plan, r Request) (choice, error) {
	c, err := s.kept(ctx, kind, plan, r)
	if err != nil || blocked(c.findings, false) {
		return c, err
	}
	// Texts are not compared with the PIN: whoever may order would find it out by what is refused. They must not say any such number.
	texts := []struct{ field, text string }{{"message", r.Message}, {"reason", r.Reason}, {"ticket", r.Ticket}, {"reuse", r.Reuse}}
	for name, value := range r.Options {
		texts = append(texts, struct{ field, text string }{"options", name}, struct{ field, text string }{"options", value})
	}
	size, numeric := sizeOf(c.code)
	for _, f := range texts {
		if numeric && maskDigits(f.text, size) != f.text {
			return c, &InputError{Field: f.field, Rule: "must not contain as many digits as a PIN has when the PIN is kept: they might be it. " +
				"A phone number has a field of its own"}
		}
	}
	return c, nil
}

func (s *Service) kept(ctx context.Context, kind Kind, plan Plan, r Request) (choice, error) {
	known, err := s.all(ctx, Filter{Scope: r.Device.Scope, Devices: []string{r.Device.ID}, Kinds: pinKinds()})
	if err != nil {
		return choice{}, err
	}
	last := lastConfirmed(known, kind)
	wiped := lastWiped(known)
	switch {
	case last.ID == "":
		return notKept("pin_nothing_to_keep", "The device has confirmed no PIN yet, so there is none to keep: choose a new one."), nil
	case !wiped.IsZero() && !last.Delivered.After(wiped):
		return notKept("pin_re_enrolled", "The device was enrolled anew since it confirmed its PIN, so that one is not kept: choose a new one."), nil
	case last.purged():
		return notKept("pin_purged", "The PIN that the device confirmed last was purged, so it cannot be kept: choose a new one."), nil
	case last.Supplied && last.Batch != "":
		return notKept("pin_shared", "The PIN that the device confirmed last was shared with others, so it is not kept: choose a new one."), nil
	}
	used, err := s.past(ctx, r.Device)
	if err != nil {
		return choice{}, err
	}
	if last, err = s.cfg.Store.Get(ctx, last.ID); err != nil {
		return choice{}, err
	}
	c := choice{from: last, earlier: used.codes}
	if c.code, _, err = s.open(ctx, last, SecretPIN); err != nil {
		return choice{}, err
	}
	if used.pins[last.ID].disclosed { // also when the box that says so does not open
		used.disclosed = append(used.disclosed, c.code)
	}
	rules := plan.Policy
	rules.Avoid = nil // who can rename the device would find out its PIN by what is not kept
	err = s.cfg.Rotation.Keep(c.code, rules, s.now().Sub(c.made()), used.disclosed)
	if r.Reuse != "" && errors.Is(err, pin.ReasonDisclosed) {
		c.reused, err = true, nil
		c.findings = append(c.findings, reuseFinding())
	}
	if err != nil {
		return notKept(keepCode(err), "The PIN is not kept: "+sentence(err)), nil
	}
	c.findings = slices.Concat(used.findings, c.findings, []Finding{{
		Code: "pin_kept", Level: LevelInfo, Field: "keep", Text: "The PIN that the device confirmed last is used again.",
	}})
	return c, nil
}

// lastConfirmed is the action of that kind whose PIN the device had last for certain. A late answer does not change which that is.
func lastConfirmed(actions []Action, kind Kind) (last Action) {
	for _, a := range actions {
		if a.Kind == kind && a.hasSecret(SecretPIN) && (a.State == StateConfirmed || a.State == StateReleased) && a.Answers > 0 &&
			(last.ID == "" || a.Delivered.After(last.Delivered)) {
			last = a
		}
	}
	return last
}

func notKept(code, text string) choice {
	return choice{findings: []Finding{{Code: code, Level: LevelBlock, Field: "keep", Text: text}}}
}

// keepCode is the code of the finding for what rotation says: pin_age, pin_disclosed, or the rule that the PIN breaks today.
func keepCode(err error) string {
	var broken *pin.Error
	if errors.As(err, &broken) {
		return "pin_" + string(broken.Reason)
	}
	return "pin_policy"
}

// sentence is what a policy says, for people to read.
func sentence(err error) string {
	return strings.TrimPrefix(err.Error(), "pin: ") + "."
}

func reuseFinding() Finding {
	return Finding{
		Code: "pin_reused", Level: LevelWarn, Field: "pin",
		Text: "The PIN was used before, or somebody has seen it. It is used again for the reason on record.",
	}
}

// shared says that other devices have the same PIN: a batch carries one.
func shared(r Request) []Finding {
	if r.Batch == "" || r.PIN.IsZero() {
		return nil
	}
	return []Finding{{
		Code: "pin_shared", Level: LevelWarn, Field: "pin",
		Text: "All devices of this batch get the same PIN: whoever learns it can open each of them.",
	}}
}

// judge says beforehand what choose would say, but for what only an order may tell.
func (s *Service) judge(ctx context.Context, kind Kind, plan Plan, r Request) ([]Finding, error) {
	if plan.NoPIN {
		return nil, nil
	}
	if r.Keep {
		c, err := s.kept(ctx, kind, plan, r)
		return c.findings, err
	}
	if r.PIN.IsZero() {
		return nil, nil
	}
	var about []Finding
	for _, broken := range plan.Policy.Findings(r.PIN) {
		about = append(about, Finding{
			Code: "pin_" + string(broken.Reason), Level: LevelBlock, Field: "pin", Text: capital(sentence(broken)),
		})
	}
	return append(about, shared(r)...), nil
}

// capital begins a sentence.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
