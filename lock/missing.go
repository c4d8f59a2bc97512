package lock

import "slices"

// The findings of an action whose PIN a device made, and that has none in the ledger.
const (
	codeLost      = "pin_lost"
	codeMayBeLost = "pin_may_be_lost"
	codeFull      = "answers_full"
	maxFindings   = 32 // of one action, those of its preflight among them; but a lost PIN is never one too many
)

// missing is what people must know of an event after which the device may have a PIN that it made, and the ledger has not: once for each
// action, and until the PIN comes.
func (a Action) missing(e Event) []Finding {
	f := Finding{Level: LevelWarn}
	switch {
	case !a.Returns || a.hasSecret(SecretPIN) || bringsPIN(e):
		return nil
	case e.Type == EventAcknowledged:
		f.Code, f.Text = codeLost, "The device did this and has a PIN that it made itself, and its answer brought none: the ledger does not have that PIN."
	case (e.Type == EventLapsed || e.Type == EventCancelled) && a.Deliveries > a.Deferrals:
		f.Code, f.Text = codeMayBeLost, "The command left and no PIN came back: the device may have a PIN that it made itself, and the ledger has not."
	default:
		return nil
	}
	if slices.ContainsFunc(a.Findings, func(known Finding) bool { return known.Code == f.Code }) {
		return nil
	}
	if a.bodies() > 0 {
		f.Text += " What the device said since is kept, and the PIN may be in it: reveal the answer."
	}
	f.Text += " Earlier PINs may open it still. If none does, order another reset: the device makes a new PIN then."
	return []Finding{f}
}

// bringsPIN reports whether an event adds a PIN to its action.
func bringsPIN(e Event) bool {
	return e.Type != EventResealed && slices.ContainsFunc(e.Secrets, func(s Secret) bool { return s.Name == SecretPIN && !s.Purged() })
}

// noted are an action's findings after an event. A PIN that came ends what was said of its loss; a refusal, that it may be lost.
func noted(have []Finding, e Event) []Finding {
	has := func(code string) func(Finding) bool { return func(f Finding) bool { return f.Code == code } }
	came := bringsPIN(e)
	over := func(f Finding) bool {
		return (f.Code == codeLost || f.Code == codeFull) && came ||
			f.Code == codeMayBeLost && (came || e.Type == EventRefused || slices.ContainsFunc(e.Findings, has(codeLost)))
	}
	if slices.ContainsFunc(have, over) {
		have = slices.DeleteFunc(slices.Clone(have), over)
	}
	for _, f := range e.Findings {
		lost := f.Code == codeLost || f.Code == codeMayBeLost
		if !slices.ContainsFunc(have, has(f.Code)) && (lost || len(have) < maxFindings) {
			have = append(slices.Clip(have), f)
		}
	}
	return have
}

// withLoss adds to a change the alarm that a PIN is lost, or may be, when its last event says so.
func (s *Service) withLoss(c Change, e Event) (Change, error) {
	for _, f := range e.Findings {
		if f.Code != codeLost && f.Code != codeMayBeLost {
			continue
		}
		alarm, err := s.noticeChange(Event{
			Type: EventAlarm, Actor: e.Actor, Scope: e.Scope, Device: e.Device, Other: e.Action, Reason: f.Text, Facts: map[string]string{"code": f.Code},
		})
		c.Events = append(c.Events, alarm.Events...)
		return c, err
	}
	return c, nil
}
