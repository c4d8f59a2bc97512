package lock

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Candidate is a PIN that may open the device now. The PIN itself comes from Reveal.
type Candidate struct {
	Action Action // without the boxes of its secrets
	Reason string // why it is here, in words
}

// Candidates lists every PIN that may open the device, the most likely first: those that the device acknowledged or somebody opened it
// with (the last first), those that may be on the device (last delivered first), released (newest first), refused, those that never left,
// and at the end those that somebody tried in vain. Nothing is left out: a device is found by its ID and, when d.Serial is set, by its
// serial number, so that the PINs of an earlier enrolment are listed too.
func (s *Service) Candidates(ctx context.Context, actor Actor, d Device) ([]Candidate, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	var actions []Action
	for _, f := range ledgerOf(d) {
		f, err := s.visible(ctx, actor, VerbView, f)
		if err != nil {
			return nil, err
		}
		found, err := s.all(ctx, f)
		if err != nil {
			return nil, err
		}
		actions = append(actions, found...)
	}
	return rankCandidates(withPIN(actions)), nil
}

// ledgerOf finds all that the ledger has of a device: by its ID, and by its serial number what it was called in an earlier enrolment.
func ledgerOf(d Device) []Filter {
	filters := []Filter{{Scope: d.Scope, Devices: []string{d.ID}}}
	if serial := d.snapshot().Serial; serial != "" {
		filters = append(filters, Filter{Scope: d.Scope, Serial: serial})
	}
	return filters
}

// withPIN keeps the actions that have a PIN, each once, newest first.
func withPIN(actions []Action) []Action {
	actions = slices.DeleteFunc(actions, func(a Action) bool { return !a.hasSecret(SecretPIN) })
	slices.SortStableFunc(actions, func(a, b Action) int { return cmp.Compare(b.ID, a.ID) })
	return slices.CompactFunc(actions, func(a, b Action) bool { return a.ID == b.ID })
}

// rankCandidates orders actions, given newest first, by how likely their PIN opens the device.
func rankCandidates(actions []Action) []Candidate {
	slices.SortStableFunc(actions, func(a, b Action) int {
		if order := cmp.Compare(likelihood(a), likelihood(b)); order != 0 {
			return order
		}
		switch likelihood(a) {
		case known:
			return b.proven().Compare(a.proven())
		case possible:
			return b.Delivered.Compare(a.Delivered)
		case opened:
			return b.Released.Compare(a.Released)
		default:
			return 0
		}
	})
	candidates := make([]Candidate, len(actions))
	for i, a := range actions {
		candidates[i] = Candidate{Action: a.withoutBoxes(), Reason: why(a)}
	}
	return candidates
}

// The places of a candidate, the most likely first.
const (
	known = iota
	possible
	opened
	refused
	unsent
	wrong
)

func likelihood(a Action) int {
	switch opinion := a.opinion(); {
	case opinion == FeedbackWrongPIN:
		return wrong
	case opinion == FeedbackWorked, a.State == StateConfirmed:
		return known
	case a.MayBeOnDevice():
		return possible
	case a.State == StateReleased:
		return opened
	case a.State == StateRefused:
		return refused
	default:
		return unsent
	}
}

// why says in words what puts the candidate where it is.
func why(a Action) string {
	if a.opinion() == FeedbackWorked {
		return "somebody opened the device with it"
	}
	return [...]string{
		"the device acknowledged this lock",
		"the command left, and the device did not say that it refused it",
		"the device acted on it or may have, and was seen open again since",
		"the device said that it did not do this",
		"the command never left",
		"somebody tried it, and it did not open the device",
	}[likelihood(a)]
}

// opinion is what a person said of the PIN, for as long as that holds. A later delivery may put the PIN on the device again; and that it
// worked is the past once the device was seen open.
func (a Action) opinion() Feedback {
	if a.Delivered.After(a.FeedbackAt) || a.Feedback == FeedbackWorked && a.Released.After(a.FeedbackAt) {
		return ""
	}
	return a.Feedback
}

// proven is when the device is known to have had this PIN last. A device acts on a command when it gets it, however late it says so: of
// two acknowledged locks the one that was delivered last is on it, even if the other's answer came in after.
func (a Action) proven() time.Time {
	switch {
	case a.opinion() == FeedbackWorked:
		return a.FeedbackAt
	case a.Delivered.IsZero():
		return a.Confirmed
	default:
		return a.Delivered
	}
}
