package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// The ways of choosing a PIN, as the dialog calls them.
const (
	modeRotate   = "rotate"
	modeKeep     = "keep"
	modeSupplied = "supplied"
)

// keepChoice says whether the PIN that is in use can be kept.
type keepChoice struct {
	NoPIN     bool      // a lock of this device carries none, so there is nothing to choose
	Blocked   string    // why it cannot
	Seen      bool      // it can only with a reason, because somebody has seen it
	Made      time.Time // since when it is in use; zero: there is none
	Confirmed time.Time // when the device confirmed it last
}

// ownPIN is what is said of a PIN that somebody chose. The PIN is not in it.
type ownPIN struct {
	Typed    bool
	Again    bool // it has to be typed again
	Findings []lock.Finding
}

// saidFindings is how many rules a page says that a PIN breaks: one that breaks more is not mended by the fourth.
const saidFindings = 3

// Rules are the first of the rules that it breaks, to be read after "it must".
func (p ownPIN) Rules() []string {
	var rules []string
	for _, f := range p.Findings[:min(saidFindings, len(p.Findings))] {
		rule := f.Text
		for _, subject := range []string{"The PIN must ", "A PIN must "} {
			rule = strings.TrimPrefix(rule, subject)
		}
		rules = append(rules, rule)
	}
	return rules
}

// Flaws are the first of what a phone has against it, as sentences.
func (p ownPIN) Flaws() []string {
	var flaws []string
	for _, f := range p.Findings[:min(saidFindings, len(p.Findings))] {
		text := strings.TrimPrefix(f.Text, "The device would refuse this passcode: ")
		flaws = append(flaws, sentence(strings.Replace(text, "The PIN must", "It must", 1)))
	}
	return flaws
}

// More is how many others it breaks.
func (p ownPIN) More() int { return max(0, len(p.Findings)-saidFindings) }

// keepable asks whether the PIN in use can be kept. Of one that somebody has seen the answer depends on the reason.
func (c *console) keepable(ctx context.Context, a lock.Actor, d lock.Device) (keepChoice, error) {
	var k keepChoice
	findings, err := c.Service.Preflight(ctx, a, lock.Request{Device: d, Keep: true})
	if errors.Is(err, lock.ErrSealed) {
		k.Blocked = "The PIN in use cannot be opened now: check the keyring. It is safe in the ledger."
		return k, nil
	}
	if err != nil {
		return k, err
	}
	if !slices.ContainsFunc(findings, func(f lock.Finding) bool { return f.Field == "keep" }) {
		k.NoPIN, k.Blocked = true, "A lock of this device carries no PIN."
	}
	k.limit(findings)
	candidates, err := c.Service.Candidates(ctx, a, d)
	if err != nil {
		return k, err
	}
	last := inUse(candidates, d.ID)
	k.Made, k.Confirmed = last.PINMade, last.Confirmed
	if k.Made.IsZero() {
		k.Made = last.Created
	}
	return k, nil
}

// limit takes over what the findings say against keeping the PIN.
func (k *keepChoice) limit(findings []lock.Finding) {
	for _, f := range findings {
		switch {
		case f.Field != "keep" || f.Level != lock.LevelBlock:
		case f.Code == "pin_"+string(pin.ReasonDisclosed):
			k.Seen = true
		default:
			k.Blocked = f.Text
		}
	}
}

// inUse is the lock whose PIN the device confirmed last, and the zero Action when it confirmed none.
func inUse(candidates []lock.Candidate, device string) (last lock.Action) {
	for _, c := range candidates {
		a := c.Action
		confirmed := a.Answers > 0 && (a.State == lock.StateConfirmed || a.State == lock.StateReleased)
		if a.Kind == lock.KindLock && a.Device.ID == device && confirmed && (last.ID == "" || a.Delivered.After(last.Delivered)) {
			last = a
		}
	}
	return last
}

// judgePIN says what speaks against a PIN of one's own, as one types it: an HTML fragment for the dialog. The PIN comes in the body and is
// neither kept nor sent back. It is not compared with the PINs that the device had, because that would be a way to guess them.
func (c *console) judgePIN(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	d, err := c.Devices.FindFor(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	f := &lockForm{Device: d, Errors: map[string]string{}}
	f.fill(r)
	says, err := c.judge(r.Context(), a, f, r.PostFormValue("pin"))
	if err != nil {
		return err
	}
	var body bytes.Buffer
	if err := c.pages["lock"].ExecuteTemplate(&body, "own-pin", says); err != nil {
		return fmt.Errorf("console: findings of a PIN: %w", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = body.WriteTo(w) // the browser went away: nobody is left to tell
	return nil
}

// judge collects what speaks against a PIN of one's own, in the order of a form.
func (c *console) judge(ctx context.Context, a lock.Actor, f *lockForm, digits string) (ownPIN, error) {
	if digits == "" {
		return ownPIN{}, nil
	}
	says := ownPIN{Typed: true}
	against := func(text string) {
		says.Findings = append(says.Findings, lock.Finding{Level: lock.LevelBlock, Field: "pin", Text: text})
	}
	code, err := pin.Parse(digits)
	if err != nil {
		against(pinRule(err))
		return says, nil
	}
	req := lock.Request{Device: f.Device.Device, Kind: f.Kind, PIN: code}
	phone := f.Phone.text()
	if _, found := mask(phone, digits); !found {
		req.PhoneNumber = phone
	}
	findings, err := c.Service.Preflight(ctx, a, req)
	var input *lock.InputError
	if errors.As(err, &input) { // a field that is not filled in well yet; the order will say so
		return says, nil
	}
	for _, finding := range findings {
		if finding.Field == "pin" && finding.Level == lock.LevelBlock {
			says.Findings = append(says.Findings, finding)
		}
	}
	for _, text := range f.texts() {
		if _, found := mask(*text.value, digits); found && len(says.Findings) == 0 { // not of half a PIN
			against("The PIN must not be in the " + text.name + ", which is shown or kept in clear.")
		}
	}
	return says, err
}

// text is a text of the form that leaves it in clear.
type text struct {
	field, name string
	value       *string
}

func (f *lockForm) texts() []text {
	return []text{
		{"message", "message", &f.Message.Value}, {"phone_number", "phone number", &f.Phone.Value}, {"reason", "reason", &f.Reason},
		{"ticket", "ticket", &f.Ticket}, {"reuse", "reason to use it all the same", &f.Reuse},
	}
}

// keepOut takes the PIN which was chosen out of the texts: they are kept in clear, and come back in the form.
func (f *lockForm) keepOut(digits string) {
	for _, text := range f.texts() {
		if masked, found := mask(*text.value, digits); found {
			*text.value = masked
			f.Errors[text.field] = "Must not contain the PIN: it would be kept, or shown, in clear. Dots stand where it was."
		}
	}
}

// choose puts the PIN of the order into the request, or says at its field why it cannot.
func (f *lockForm) choose(req *lock.Request, digits string) {
	switch f.Mode {
	case modeKeep:
		req.Keep = true
		if f.Keep.Seen && strings.TrimSpace(f.Reuse) == "" {
			f.Errors["reuse"] = "Say why: somebody has seen this PIN, and that it is used all the same is put on record."
		}
	case modeSupplied:
		code, err := pin.Parse(digits)
		switch {
		case digits == "":
			f.Errors["pin"] = "Type the PIN of your choice."
		case err != nil:
			f.Errors["pin"] = pinRule(err)
		}
		req.PIN = code
	default:
		return
	}
	req.Reuse = strings.TrimSpace(f.Reuse)
}

// refusePIN shows at the field what speaks against the PIN. One that was used before or shown to somebody may be used for a reason.
func (f *lockForm) refusePIN(err error) {
	f.Errors["pin"] = pinRule(err)
	f.Used = f.Used || errors.Is(err, pin.ReasonHistory) || errors.Is(err, pin.ReasonDisclosed)
}

func pinRule(err error) string {
	var broken *pin.Error
	if errors.As(err, &broken) {
		return sentence(broken.Rule)
	}
	return "This is not a PIN."
}
