package lock

import (
	"context"
	"errors"
)

// Resume returns the next part of a command that its device does step by step, after a report of Progress has made durable what the next
// part builds on: Encode gets the order with Resumed and the action's facts. It belongs to the delivery that is under way, so nothing is
// claimed and nothing recorded; when the part gets lost, the next delivery begins with what the facts say.
//
// It is the zero Command when nothing may follow: the action is not issued any more, its deadline passed, what an unlock was to end is over,
// or it is not one of this device. The caller has authenticated the device. Errors are those of Next.
func (s *Service) Resume(ctx context.Context, d Device, id ID) (Command, error) {
	if err := d.validate(); err != nil {
		return Command{}, err
	}
	a, err := s.cfg.Store.Get(ctx, id) // with its boxes
	if errors.Is(err, ErrNotFound) {
		return Command{}, nil
	}
	if err != nil {
		return Command{}, err
	}
	p, known := s.platforms[a.Device.Platform]
	own := a.Device.Scope == d.Scope && a.Device.ID == d.ID && a.Device.Platform == d.Platform
	if !known || p.Sender != nil || !own || a.State != StateIssued || s.late(a) {
		return Command{}, nil
	}
	if idle, err := s.idle(ctx, a); err != nil || idle {
		return Command{}, err
	}
	body, err := s.encode(ctx, a, &Order{Device: d, Resumed: true})
	if err != nil {
		return Command{}, err
	}
	return Command{ID: a.ID, Body: body}, nil
}
