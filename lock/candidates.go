package lock

import (
	"cmp"
	"context"
	"slices"
)

// Candidate is a PIN that may open the device now. The PIN itself comes from Reveal.
type Candidate struct {
	Action Action // without the boxes of its secrets
	Reason string // why it is here, in words
}

// Candidates lists every PIN that may open the device, the most likely first: acknowledged ones (last acknowledged first), those that
// may be on the device (last delivered first), released (newest first), refused, and those that never left. Nothing is left out: a
// device is found by its ID and, when d.Serial is set, by its serial number, so that the PINs of an earlier enrolment are listed too.
func (s *Service) Candidates(ctx context.Context, actor Actor, d Device) ([]Candidate, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	filters := []Filter{{Scope: d.Scope, Devices: []string{d.ID}}}
	if d.Serial != "" {
		filters = append(filters, Filter{Scope: d.Scope, Serial: d.snapshot().Serial})
	}
	var actions []Action
	for _, f := range filters {
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
	actions = slices.DeleteFunc(actions, func(a Action) bool { return !a.hasSecret(SecretPIN) })
	slices.SortStableFunc(actions, func(a, b Action) int { return cmp.Compare(b.ID, a.ID) })
	actions = slices.CompactFunc(actions, func(a, b Action) bool { return a.ID == b.ID })
	return rankCandidates(actions), nil
}

// rankCandidates orders actions, given newest first, by how likely their PIN opens the device.
func rankCandidates(actions []Action) []Candidate {
	slices.SortStableFunc(actions, func(a, b Action) int {
		if order := cmp.Compare(likelihood(a), likelihood(b)); order != 0 {
			return order
		}
		switch {
		case a.State == StateConfirmed:
			return b.Confirmed.Compare(a.Confirmed)
		case a.MayBeOnDevice():
			return b.Delivered.Compare(a.Delivered)
		case a.State == StateReleased:
			return b.Released.Compare(a.Released)
		default:
			return 0
		}
	})
	candidates := make([]Candidate, len(actions))
	for i, a := range actions {
		candidates[i] = Candidate{Action: a.withoutBoxes(), Reason: [...]string{
			"the device acknowledged this lock",
			"the command left, and the device did not say that it refused it",
			"the device acted on it or may have, and was seen open again since",
			"the device said that it did not do this",
			"the command never left",
		}[likelihood(a)]}
	}
	return candidates
}

func likelihood(a Action) int {
	switch {
	case a.State == StateConfirmed:
		return 0
	case a.MayBeOnDevice():
		return 1
	case a.State == StateReleased:
		return 2
	case a.State == StateRefused:
		return 3
	default:
		return 4
	}
}
