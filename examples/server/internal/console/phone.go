package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/handset"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// androidPlatform is the platform of phones and tablets with an agent.
const androidPlatform = inventory.AgentPlatform

// phoneData is what the page of a phone has beside that of every device.
type phoneData struct {
	Manages string         // in words: how it is managed
	Acts    []capability   // what orders do on this very device
	Token   tokenData      // the reset token
	Newest  *lock.Action   // the newest order for the passcode, which was carried out, is under way, or failed; nil: none
	Steps   []step         // how far it has come
	Sent    []sentPasscode // who gets the passcode by mail
	Resets  bool           // the passcode can be reset
	Clears  bool           // the passcode can be removed
	Busy    bool           // an order for the passcode is under way: there is one at a time
	Set     string         // "yes": there is a passcode, says the device; "no"; empty: not known
	SetAt   time.Time      // when it said so; zero: never
}

// step is one station of an order on its way.
type step struct {
	Name  string
	At    time.Time // zero: not there yet
	Class string    // done, now, failed or todo
	Note  string
}

// capability is a verdict in words.
type capability struct {
	Name, Short, Class string
	Why                string
}

var modes = map[android.Mode]string{
	android.ModeDeviceAdmin: "Device administrator (legacy)", android.ModeProfileOwner: "Work profile",
	android.ModeCompanyProfileOwner: "Work profile on a company-owned device", android.ModeDeviceOwner: "Fully managed (device owner)",
}

func modeWords(m android.Mode) string { return cmp.Or(modes[m], "Not known yet") }

// capabilities say what orders do on this very device.
func capabilities(f android.Facts, verdicts []android.Verdict) []capability {
	names := map[android.Act]string{
		android.ActLock: "Lock", android.ActReset: "Reset the passcode", android.ActClear: "Remove the passcode", android.ActProvision: "Get a reset token",
	}
	var all []capability
	for _, v := range verdicts {
		c := capability{Name: names[v.Act], Why: v.Text}
		if v.Scope == android.ScopeProfile {
			c.Name += ": work profile"
		} else if ownScope(f.Mode) == android.ScopeProfile {
			c.Name += ": whole device"
		}
		switch v.Effect {
		case android.EffectWorks:
			c.Class, c.Short = "works", "Works"
		case android.EffectFails:
			c.Class, c.Short = "fails", "Does not work"
		case android.EffectScreenOff:
			c.Class, c.Short = "half", "Screen off only"
		default:
			c.Class, c.Short = "unsure", "Not known"
		}
		if v.Code == android.CodeTokenActive {
			c.Class, c.Short = "works", "Has one"
		}
		all = append(all, c)
	}
	return all
}

// tokenData is the reset token of a phone, as it says.
type tokenData struct {
	State  android.TokenState
	Text   string // a few words
	Class  string // of a pill
	Means  string
	Next   string    // what to do about it; empty: nothing
	At     time.Time // when the device said so; zero: never
	ID     lock.ID   // the action that provided it; empty: not known
	Live   *lock.Action
	Can    bool // it can get one
	Rotate bool // it has an active one, which another one would replace
}

var tokens = map[android.TokenState]tokenData{
	android.TokenActive: {
		Class: "open", Text: "Active", Means: "A passcode reset works at any time, also after a restart, before anybody has unlocked the device.",
	},
	android.TokenPending: {
		Class: "waiting", Text: "Pending", Means: "The device has the token, and a reset does not work with it yet. A restart loses it.",
		Next: "The user must unlock the device once with its present passcode. Then the token is active by itself.",
	},
	android.TokenNone: {
		Class: "doubt", Text: "None", Means: "Without a token the passcode cannot be reset on Android 8 and later.", Next: "Give the device one.",
	},
	android.TokenUnsupported: {
		Class: "failed", Text: "Not possible", Means: "This device can have no reset token, so its passcode cannot be reset by one.",
	},
	"": {Class: "none", Text: "Not known yet", Means: "The device has not said whether it has a reset token."},
}

// foreignToken is a token that is on the device and not in the ledger. It is not replaced before somebody asks for that: another server may
// use it.
var foreignToken = tokenData{
	Class: "failed", Text: "Not of this server", Means: "The device has a token that this server cannot use, so its passcode cannot be reset.",
	Next: "Rotate it: the device gets another one.",
}

func tokenOf(d inventory.Device, f android.Facts, foreign bool) tokenData {
	t := tokens[f.Token]
	if foreign {
		t, f.TokenID = foreignToken, "" // it cannot be revoked from here either
	}
	t.State, t.ID, t.At = f.Token, lock.ID(f.TokenID), d.Facts[string(android.FactTokenState)].At
	verdicts := android.Capabilities(f)
	if t.Can = possible(verdicts, android.ActProvision); !t.Can && f.Token != android.TokenActive {
		t.Means, t.Next = android.Judge(f, android.ActProvision, ownScope(f.Mode)).Text, ""
		if possible(verdicts, android.ActReset) {
			t.Means += " A reset needs none here."
		}
	}
	t.Rotate = f.Token == android.TokenActive
	t.Can = t.Can || t.Rotate
	return t
}

// ownScope is the scope whose passcode an agent may change.
func ownScope(m android.Mode) android.Scope {
	if m == android.ModeProfileOwner || m == android.ModeCompanyProfileOwner {
		return android.ScopeProfile
	}
	return android.ScopeDevice
}

// phoneOf collects what the page of a phone shows. Actions are those of the device, newest first.
func (c *console) phoneOf(r *http.Request, a lock.Actor, d inventory.Device, actions []lock.Action) (*phoneData, error) {
	foreign, err := handset.Foreign(r.Context(), c.Service, a, d.Device)
	if err != nil {
		return nil, err
	}
	f := android.FromDevice(d.Device)
	verdicts := handset.Capabilities(f, foreign)
	p := &phoneData{
		Manages: modeWords(f.Mode), Acts: capabilities(f, verdicts), Token: tokenOf(d, f, foreign), Resets: possible(verdicts, android.ActReset),
		Clears: possible(verdicts, android.ActClear), Set: map[android.Answer]string{android.Yes: "yes", android.No: "no"}[f.SecureLock],
		SetAt: d.Facts[string(android.FactSecureLock)].At,
	}
	p.take(actions)
	if p.Newest == nil {
		return p, nil
	}
	p.Steps = stepsOf(*p.Newest)
	p.Sent, err = c.sentFor(r.Context(), *p.Newest)
	return p, err
}

// possible reports whether an act may work in one of the scopes.
func possible(verdicts []android.Verdict, act android.Act) bool {
	return slices.ContainsFunc(verdicts, func(v android.Verdict) bool { return v.Act == act && v.Effect != android.EffectFails })
}

// take finds the orders that say how passcode and token stand. One that is held is behind the others.
func (p *phoneData) take(actions []lock.Action) {
	for i, a := range actions {
		under := a.Lane != "" && a.State != lock.StateHeld
		switch a.Kind {
		case lock.KindResetPasscode, lock.KindClearPasscode:
			if p.Newest == nil || p.Newest.State == lock.StateHeld {
				p.Newest = &actions[i]
			}
			p.Busy = p.Busy || under
		case lock.KindProvisionToken, lock.KindRevokeToken:
			if under && p.Token.Live == nil {
				p.Token.Live = &actions[i]
			}
		}
	}
}

// stepsOf are the stations of an order for a passcode.
func stepsOf(a lock.Action) []step {
	ordered := step{Name: "Ordered", At: a.Created, Class: "done", Note: "by " + who(a.By)}
	sent := step{Name: "Delivered", At: a.Delivered, Class: "todo"}
	end := step{Name: "Confirmed by the device", At: a.Confirmed, Class: "todo"}
	if !sent.At.IsZero() {
		sent.Class = "done"
	}
	switch a.State {
	case lock.StateHeld:
		sent.Note = "after somebody else has approved it"
		ordered.Class = "now"
	case lock.StateQueued:
		sent.Class, sent.Note = "now", "when the device comes online"
	case lock.StateIssued:
		end.Class = "now"
	case lock.StateConfirmed:
		end.Class = "done"
	case lock.StateReleased:
		end.Class = "done"
		return []step{ordered, sent, end, {Name: "Over", At: a.Released, Class: "done", Note: phoneOver(a)}}
	case lock.StateRefused:
		end = step{Name: "Refused by the device", At: a.Changed, Class: "failed"}
	case lock.StateCancelled:
		end = step{Name: "Cancelled", At: a.Changed, Class: "failed"}
	case lock.StateExpired:
		end = step{Name: "Expired", At: a.Changed, Class: "failed", Note: "the device did not come in time"}
	default:
		end = step{Name: "No answer", At: a.Changed, Class: "failed"}
	}
	if a.State == lock.StateConfirmed && a.Confirmed.IsZero() {
		end.At = a.Changed
	}
	if a.Returns {
		end = returned(a, end)
	}
	steps := []step{ordered, sent, end}
	if a.State == lock.StateConfirmed && outlived(a) {
		steps = append(steps, step{Name: "Enrolled anew", At: a.Reenrolled, Class: "done", Note: "if it was wiped, the passcode is gone"})
	}
	return steps
}

// returned adds to the end of an order whether the PIN came that the device made.
func returned(a lock.Action, end step) step {
	switch {
	case retention.HasPIN(a):
		end.Note = "it returned its PIN, which is kept"
	case a.State == lock.StateConfirmed:
		end.Class, end.Note = "failed", "without its PIN"
	}
	return end
}

// Deliveries sends new passcodes by mail (delivery.Deliveries). All methods are safe for concurrent use.
type Deliveries interface {
	// Order sees to it that people get the passcode of an action once its device has confirmed it.
	Order(ctx context.Context, o delivery.Order) error
	// Of are the deliveries of an action.
	Of(ctx context.Context, action lock.ID) ([]delivery.Delivery, error)
}

// sentPasscode is a delivery in words.
type sentPasscode struct {
	delivery.Delivery
	Class, Text, Detail string
	When                time.Time
}

func (c *console) sentFor(ctx context.Context, a lock.Action) ([]sentPasscode, error) {
	if c.Deliveries == nil || a.Kind != lock.KindResetPasscode {
		return nil, nil
	}
	found, err := c.Deliveries.Of(ctx, a.ID)
	var all []sentPasscode
	for _, d := range found {
		all = append(all, sentWords(d))
	}
	return all, err
}

func sentWords(d delivery.Delivery) sentPasscode {
	s := sentPasscode{Delivery: d, When: d.Ordered}
	what := "A one-time link"
	if d.Mode == delivery.PasscodeClear {
		what = "The passcode"
	}
	switch d.State {
	case delivery.Waiting:
		s.Class, s.Text, s.Detail = "waiting", "Waits", "It is mailed once the device has confirmed the passcode."
		switch {
		case d.Attempts == 0 && d.Cause != "":
			s.Class, s.Text, s.Detail = "failed", "Nothing to mail yet", sentence(d.Cause)
		case d.Attempts > 0:
			s.Text, s.Detail, s.When = "Will be tried again", sentence(d.Cause), d.Next
		}
	case delivery.Sent:
		s.Class, s.Text, s.When, s.Detail = "sent", "Mailed", d.Sent, what+" was mailed, and not opened yet."
		if d.Mode == delivery.PasscodeClear {
			s.Class, s.Detail = "open", what+" was mailed."
		}
	case delivery.Opened:
		s.Class, s.Text, s.When, s.Detail = "open", "Opened", d.Opened, "The link was used, and is used up."
	case delivery.Expired:
		s.Class, s.Text, s.When, s.Detail = "doubt", "Link expired", d.Expires, "Nobody opened it in time. Reveal the passcode, or reset it again."
	case delivery.Failed:
		s.Class, s.Text, s.Detail = "failed", "Not mailed", sentence(d.Cause)
		if !d.Sent.IsZero() {
			s.Text = "Link ended"
		}
	default:
		s.Class, s.Text, s.Detail = "none", "Nothing to mail", sentence(d.Cause)
	}
	return s
}

// passcodeWords say what a drawn passcode is like.
func passcodeWords(p pin.Policy) string {
	const digits = "0123456789"
	kind := "characters"
	if p.Alphabet == "" || strings.Trim(p.Alphabet, digits) == "" {
		kind = "digits"
	}
	return strconv.Itoa(p.Length) + " " + kind
}
