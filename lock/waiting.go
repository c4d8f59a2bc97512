package lock

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// waiting is something that waits for a second person.
type waiting struct {
	at    ID    // its place: of the action for a held order, else of the event
	event Event // which asks; for a held order it is not read yet: see asks
	by    string
}

// span is how many are wanted, and at how many held orders to look for them.
type span struct{ most, look int }

// RequestsPage is Requests page by page: at most limit of them, from 1 to 1,000, by the time at which they were asked, newest first. It
// begins after the cursor before; empty, with the newest. Next is the cursor of the next page, empty when there is none; a cursor stays good
// when what it stands for is decided. Only the page's own orders are read.
func (s *Service) RequestsPage(ctx context.Context, actor Actor, scope string, before ID, limit int) (page []Event, next ID, err error) {
	limit = min(max(limit, 1), 1000)
	found, err := s.waitingFor(ctx, actor, scope, before, span{limit + 1, math.MaxInt}, func(waiting) bool { return true })
	if err != nil {
		return nil, "", err
	}
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].at
	}
	page, err = s.asks(ctx, found)
	return page, next, err
}

// CountRequests counts what Requests lists and somebody else asked for, up to most. It is for a number on every page, so it reads no event
// of an order, and looks at the newest held orders only: at twice as many as it counts.
func (s *Service) CountRequests(ctx context.Context, actor Actor, scope string, most int) (int, error) {
	found, err := s.waitingFor(ctx, actor, scope, "", span{most, 2 * most}, func(w waiting) bool { return w.by != actor.ID })
	return len(found), err
}

// waitingFor are the first of what waits and the actor may see, newest first.
func (s *Service) waitingFor(ctx context.Context, actor Actor, scope string, before ID, n span, wanted func(waiting) bool) ([]waiting, error) {
	if err := checkText("scope", scope, 64, true); err != nil {
		return nil, err
	}
	f, err := s.visibleEvents(ctx, actor, VerbApprove, EventFilter{Scope: scope})
	if err != nil {
		return nil, err
	}
	if err := s.sequence(ctx); err != nil {
		return nil, err
	}
	found, err := s.heldOrders(ctx, f, before, n, wanted)
	if err != nil {
		return nil, err
	}
	reveals, err := s.openReveals(ctx, f)
	if err != nil {
		return nil, err
	}
	batches, err := s.heldBatches(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Concat(reveals, batches) {
		if w := (waiting{at: e.ID, event: e, by: e.Actor.ID}); (before == "" || w.at < before) && wanted(w) {
			found = append(found, w)
		}
	}
	slices.SortFunc(found, func(a, b waiting) int { return cmp.Compare(b.at, a.at) })
	return found[:min(n.most, len(found))], nil
}

// heldOrders are orders that were found to need a second person.
func (s *Service) heldOrders(ctx context.Context, of EventFilter, before ID, n span, wanted func(waiting) bool) (found []waiting, err error) {
	f := Filter{Scope: of.Scope, Devices: of.Devices, States: []State{StateHeld}, Live: true, Before: before, Limit: min(n.most, n.look, 1000)}
	for {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		for _, a := range page {
			w := waiting{at: a.ID, by: a.By.ID}
			if a.HeldBy == "" || !s.now().Before(s.heldUntil(a)) || !wanted(w) {
				continue
			}
			if found = append(found, w); len(found) == n.most {
				return found, nil
			}
		}
		if n.look -= len(page); len(page) < f.PageSize() || n.look <= 0 {
			return found, nil
		}
		f.Before, f.Limit = page[len(page)-1].ID, min(n.look, 1000)
	}
}

// asks are the events that ask.
func (s *Service) asks(ctx context.Context, found []waiting) ([]Event, error) {
	events := make([]Event, 0, len(found))
	for _, w := range found {
		if w.event.ID == "" {
			var err error
			if w.event, err = s.orderedEvent(ctx, w.at); err != nil {
				return nil, err
			}
		}
		events = append(events, w.event)
	}
	return events, nil
}
