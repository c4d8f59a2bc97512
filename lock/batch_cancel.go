package lock

import (
	"context"
	"errors"
	"slices"
	"time"
)

// CancelBatch cancels what is left of a batch: it takes no further orders (ErrCancelled), and those of its actions that are queued or held
// are withdrawn. What has left stays: its PIN may be on the device. So does a queued action that somebody else's order joined, because it
// is theirs too. After an error, call again; to cancel twice is the same as once.
func (s *Service) CancelBatch(ctx context.Context, actor Actor, scope, batch, reason string) error {
	if err := checkText("reason", reason, 1024, false); err != nil {
		return err
	}
	b, err := s.findBatch(ctx, scope, batch)
	if err != nil {
		return err
	}
	if err := s.allow(ctx, actor, VerbCancel, Target{Device: Device{Scope: scope}, Size: b.size}); err != nil {
		return err
	}
	if b.ended.ID == "" {
		e := Event{Type: EventBatchCancelled, Actor: actor, Scope: scope, Reason: s.maskAll(Device{}, reason), Facts: b.facts()}
		if err := s.notice(ctx, e); err != nil {
			return err
		}
	}
	return s.withdraw(ctx, actor, scope, batch)
}

// withdraw cancels what a batch has queued or held, until nothing of that is left.
func (s *Service) withdraw(ctx context.Context, actor Actor, scope, name string) error {
	return retry(ctx, func() error {
		lost := error(nil)
		f := Filter{Scope: scope, Batch: name, States: []State{StateHeld, StateQueued}, Limit: 1000}
		for {
			page, err := s.cfg.Store.List(ctx, f)
			if err != nil {
				return err
			}
			switch err := s.withdrawPage(ctx, actor, batchCancelled, page); {
			case errors.Is(err, ErrConflict):
				lost = err
			case err != nil:
				return err
			}
			if len(page) < f.PageSize() {
				return lost
			}
			f.Before = page[len(page)-1].ID
		}
	})
}

const batchCancelled = "its batch was cancelled"

// withdrawPage returns ErrConflict when something moved one of the actions meanwhile.
func (s *Service) withdrawPage(ctx context.Context, actor Actor, why string, page []Action) error {
	var changes []Change
	for _, a := range page {
		shared, err := s.joinedByOthers(ctx, a)
		if err != nil {
			return err
		}
		if shared {
			continue
		}
		c, err := s.act(a, Event{Type: EventCancelled, Actor: actor, Reason: why})
		if err != nil {
			return err
		}
		changes = append(changes, c.rest(time.Time{}))
	}
	if len(changes) == 0 {
		return nil
	}
	errs, err := s.commitAll(ctx, changes)
	if err != nil {
		return err
	}
	return errors.Join(errs...)
}

// joinedByOthers reports whether an order that is no part of its batch was answered with the action.
func (s *Service) joinedByOthers(ctx context.Context, a Action) (bool, error) {
	if a.Version == 1 {
		return false, nil
	}
	events, err := s.cfg.Store.Events(ctx, EventFilter{Action: a.ID})
	return slices.ContainsFunc(events, func(e Event) bool { return e.Type == EventJoined && e.Key != a.Key }), err
}
