package lock

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// asked is an open request to reveal a PIN: nobody rejected it, it was not used, and it is not too old.
type asked struct {
	Event
	approved bool
}

// revealRequests are the open requests to reveal the PIN of an action, newest first. One waits for Patience, and once it is approved as
// long for its use.
func (s *Service) revealRequests(ctx context.Context, id ID) (open []asked, err error) {
	oldest := s.now().Add(-2*s.cfg.Patience - skew)
	closed, approved := map[ID]bool{}, map[ID]time.Time{}
	f := EventFilter{Action: id, Types: revealTypes(), Newest: true, Limit: 1000}
	for {
		page, err := s.cfg.Store.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			switch {
			case e.Type == EventRevealApproved:
				approved[e.Request] = e.Time
			case e.Type != EventRevealRequested:
				closed[e.Request] = true
			case !closed[e.ID] && s.now().Before(later(e.Time, approved[e.ID]).Add(s.cfg.Patience)):
				open = append(open, asked{Event: e, approved: !approved[e.ID].IsZero()})
			}
		}
		if len(page) < f.PageSize() || page[len(page)-1].Time.Before(oldest) || page[len(page)-1].Seq <= 1 {
			return open, nil
		}
		f.From = int64(page[len(page)-1].Seq)
	}
}

// revealTypes are the events that decide about a request to reveal a PIN.
func revealTypes() []EventType {
	return []EventType{EventRevealRequested, EventRevealApproved, EventRevealRejected, EventRevealed}
}

// Requests lists what waits for a second person and the actor may see with the right to approve, newest first, as the events that ask: an
// ordered event for each held order, a reveal-requested event, a batch-opened notice. Approve and Reject take Action and ID of the first
// two, ApproveBatch and RejectBatch the fact "batch" of the last.
func (s *Service) Requests(ctx context.Context, actor Actor, scope string) ([]Event, error) {
	found, err := s.waitingFor(ctx, actor, scope, "", span{math.MaxInt, math.MaxInt}, func(waiting) bool { return true })
	if err != nil {
		return nil, err
	}
	waiting, err := s.asks(ctx, found)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(waiting, func(a, b Event) int { return cmp.Compare(uint64(b.Position), uint64(a.Position)) }) // -1 is newer than all
	return waiting, nil
}

// openReveals are the requests to reveal that are open and not approved. One that is within its limits was used at once, or is about to be.
func (s *Service) openReveals(ctx context.Context, f EventFilter) (waiting []Event, err error) {
	oldest := s.now().Add(-s.cfg.Patience)
	decided := map[ID]bool{}
	f.Types = revealTypes()
	err = s.backwards(ctx, f, oldest.Add(-skew), func(e Event) bool {
		switch {
		case e.Type != EventRevealRequested:
			decided[e.Request] = true
		case !decided[e.ID] && e.Time.After(oldest):
			waiting = append(waiting, e)
		}
		return true
	})
	return waiting, err
}

// heldBatches are the batches that were found to need a second person. Whoever may see some devices only sees none.
func (s *Service) heldBatches(ctx context.Context, f EventFilter) (waiting []Event, err error) {
	if len(f.Devices) > 0 {
		return nil, nil
	}
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	of := s.batches.of(f.Scope)
	if err := of.readOn(ctx, s.cfg.Store, f.Scope, s.cfg.Patience); err != nil {
		return nil, err
	}
	for _, b := range of.named {
		if b.heldBy != "" && b.state(s.now(), s.cfg.Patience) == StateHeld {
			waiting = append(waiting, b.opened)
		}
	}
	return waiting, nil
}

// request finds what Approve, Reject and BreakGlass are about: the order itself, as an ordered event, or an open request to reveal.
func (s *Service) request(ctx context.Context, a Action, id ID) (asked, error) {
	ordered, err := s.orderedEvent(ctx, a.ID)
	if err != nil {
		return asked{}, err
	}
	if id == ordered.ID || id == "" && a.State == StateHeld {
		return asked{Event: ordered}, nil
	}
	open, err := s.revealRequests(ctx, a.ID)
	if err != nil {
		return asked{}, err
	}
	i := slices.IndexFunc(open, func(r asked) bool { return r.ID == id })
	switch {
	case i >= 0:
		return open[i], nil
	case id == "" && len(open) == 1:
		return open[0], nil
	case id == "" && len(open) == 0: // the lifecycle says why not
		return asked{Event: ordered}, nil
	case id == "":
		return asked{}, &InputError{Field: "request", Rule: fmt.Sprintf("must name one of the %d requests that wait for this action", len(open))}
	default:
		return asked{}, fmt.Errorf("%w: nothing waits here for a decision: it was decided or used, or is too old", ErrNotFound)
	}
}
