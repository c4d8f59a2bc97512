package lock

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Candidate is a PIN that may open the device now. The PIN itself comes from Reveal.
type Candidate struct {
	Action    Action   // without the boxes of its secrets
	Reason    string   // why it is here, in words
	Disclosed bool     // somebody has seen this PIN, as that of this action or of another one that kept it
	Feedback  Feedback // what a person said of this PIN, for as long as that holds; empty: nothing
}

// Candidates lists every PIN that may open the device, the most likely first: those that the device acknowledged or somebody opened it
// with (the last first), those that may be on the device (last delivered first), released (newest first), refused, those that never left,
// and at the end those that somebody tried in vain. Nothing is left out but what was purged, which opens nothing any more, and what the
// actor may not see. Where the device may have made a PIN since that the ledger has not, the reasons say so. A device is found by its ID, by
// its serial number, and by all IDs and serial numbers that the ledger has in common with these, so that the PINs of an earlier enrolment are
// listed too, and those that were ordered before its serial number was known.
//
// A device that nobody has in an inventory any more is found by what its label says: with no ID, d needs only Scope and Serial. Where many
// machines share a placeholder as their serial number, the PINs of all of them are listed: Action.Device tells them apart.
func (s *Service) Candidates(ctx context.Context, actor Actor, d Device) ([]Candidate, error) {
	if err := d.validateKnown(); err != nil {
		return nil, err
	}
	actions, err := wholeLedger(d, func(f Filter) ([]Action, error) {
		f, err := s.visible(ctx, actor, VerbView, f)
		if err != nil {
			return nil, err
		}
		return s.all(ctx, f)
	})
	if err != nil {
		return nil, err
	}
	return rankCandidates(withPIN(actions)), nil
}

// withPIN keeps the actions that have a PIN, or put one on the device that the ledger may not have, each once, newest first.
func withPIN(actions []Action) []Action {
	actions = slices.DeleteFunc(actions, func(a Action) bool { return !a.hasSecret(SecretPIN) && !a.Returns })
	slices.SortStableFunc(actions, func(a, b Action) int { return cmp.Compare(b.ID, a.ID) })
	return slices.CompactFunc(actions, func(a, b Action) bool { return a.ID == b.ID })
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

// ranked is an action among the candidates.
type ranked struct {
	Action
	pin *sharedPIN
}

// sharedPIN is what is known of a PIN that several actions may have, because it was used again.
type sharedPIN struct {
	actions                   []Action // that have it, the oldest first
	said                      Feedback // what a person said of it last
	saidAt, delivered, opened time.Time
	disclosed                 bool
	followed                  bool // another PIN was delivered since
}

// sharedPINs finds out which of some actions, given newest first, have the same PIN.
func sharedPINs(actions []Action) map[ID]*sharedPIN {
	pins := map[ID]*sharedPIN{}
	for _, a := range slices.Backward(actions) { // an action comes before those that use its PIN again
		first := cmp.Or(a.Kept, a.ID)
		p := pins[first]
		if p == nil {
			p = &sharedPIN{}
			pins[first] = p
		}
		p.learn(a)
		pins[a.ID] = p
	}
	var last, before *sharedPIN // the two that were delivered last
	for _, p := range pins {
		switch {
		case p == last || p == before:
		case last == nil || p.delivered.After(last.delivered):
			last, before = p, last
		case before == nil || p.delivered.After(before.delivered):
			before = p
		}
	}
	for _, p := range pins {
		other := last
		if p == last {
			other = before
		}
		p.followed = other != nil && other.delivered.After(p.saidAt)
	}
	return pins
}

func (p *sharedPIN) learn(a Action) {
	p.actions = append(p.actions, a)
	if a.Feedback != "" && !a.FeedbackAt.Before(p.saidAt) && (a.Feedback != FeedbackOther || p.said == "") {
		p.said, p.saidAt = a.Feedback, a.FeedbackAt
	}
	p.delivered, p.opened = later(p.delivered, a.Delivered), later(p.opened, a.Released)
	p.disclosed = p.disclosed || a.Disclosures > 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// rankCandidates orders actions, given newest first, by how likely their PIN opens the device. What was purged is no candidate; what is
// known of its PIN still counts for others that have the same.
func rankCandidates(actions []Action) []Candidate {
	var places []ranked
	pins := sharedPINs(actions)
	var unknown time.Time // when the device last had a command for a PIN of its own making that never came
	for _, a := range actions {
		switch {
		case a.Returns && !a.hasSecret(SecretPIN):
			if a.MayBeOnDevice() {
				unknown = later(unknown, a.Delivered)
			}
		case !a.purged():
			places = append(places, ranked{a, pins[a.ID]})
		}
	}
	slices.SortStableFunc(places, func(a, b ranked) int {
		if order := cmp.Compare(a.likelihood(), b.likelihood()); order != 0 {
			return order
		}
		switch a.likelihood() {
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
	candidates := make([]Candidate, len(places))
	for i, r := range places {
		candidates[i] = Candidate{Action: r.withoutBoxes(), Reason: r.why(unknown), Disclosed: r.pin.disclosed, Feedback: r.pin.opinion()}
	}
	return candidates
}

// opinion is what a person said of the PIN, for as long as that holds. A later delivery may put the PIN on the device again. That it
// worked is the past once the device was seen open, or another PIN left for it: it was open then, and if it is locked, not by this one.
func (p *sharedPIN) opinion() Feedback {
	if p.delivered.After(p.saidAt) || p.said == FeedbackWorked && (p.followed || p.opened.After(p.saidAt)) {
		return ""
	}
	return p.said
}

func (r ranked) likelihood() int {
	switch opinion := r.pin.opinion(); {
	case opinion == FeedbackWrongPIN:
		return wrong
	case opinion == FeedbackWorked, r.State == StateConfirmed:
		return known
	case r.MayBeOnDevice():
		return possible
	case r.State == StateReleased:
		return opened
	case r.State == StateRefused:
		return refused
	default:
		return unsent
	}
}

// why says in words what puts the candidate where it is, and that a PIN which the device made and nobody has may have taken its place.
func (r ranked) why(unknown time.Time) string {
	why, likelihood := r.place(), r.likelihood()
	if r.pin.delivered.Before(unknown) && likelihood <= opened && r.pin.opinion() != FeedbackWorked {
		why += "; the device may have made a PIN of its own since, which is not in the ledger"
	}
	return why
}

// place is why without what came after.
func (r ranked) place() string {
	switch likelihood := r.likelihood(); {
	case r.pin.opinion() == FeedbackWorked:
		return "somebody opened the device with it"
	case likelihood == known && r.outlived():
		return "confirmed before it was enrolled anew: it opens the device if that was not wiped"
	case likelihood == possible && r.State == StateRefused:
		return "the device returned this PIN, though it said that it did not do this"
	}
	return [...]string{
		"the device acknowledged this lock",
		"the command left, and the device did not say that it refused it",
		"the device acted on it or may have, and was seen open again since",
		"the device said that it did not do this",
		"the command never left",
		"somebody tried it, and it did not open the device",
	}[r.likelihood()]
}

// proven is when the device is known to have had this PIN last. A device acts on a command when it gets it, however late it says so: of
// two acknowledged locks the one that was delivered last is on it, even if the other's answer came in after.
func (r ranked) proven() time.Time {
	switch {
	case r.pin.opinion() == FeedbackWorked:
		return r.pin.saidAt
	case r.Delivered.IsZero():
		return r.Confirmed
	default:
		return r.Delivered
	}
}
