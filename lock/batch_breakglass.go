package lock

import (
	"context"
	"fmt"
)

// BreakGlassBatch lets a batch that waits for a second person take its orders without one, in an emergency: also one's own. It is
// ApproveBatch, and has its errors, with a right of its own and with a reason, which is required. In the same commit it raises an alarm and
// leaves a break-glass notice (facts: batch), which Reviews lists until another person has called Review.
func (s *Service) BreakGlassBatch(ctx context.Context, actor Actor, scope, batch, reason string) error {
	if err := checkText("reason", reason, 1024, true); err != nil {
		return err
	}
	b, state, err := s.batchNow(ctx, scope, batch)
	if err != nil {
		return err
	}
	if err := s.allow(ctx, actor, VerbBreakGlass, Target{Device: Device{Scope: scope}, Size: b.size}); err != nil {
		return err
	}
	if b.decidedBy(actor, EventBatchApproved) { // a repetition, after an answer that was lost
		return nil
	}
	if state == StateHeld {
		c, err := s.brokenGlass(b, actor, s.maskAll(Device{}, reason))
		if err != nil {
			return err
		}
		if err := s.commit(ctx, c); err != nil {
			return err
		}
		if b, state, err = s.batchNow(ctx, scope, batch); err != nil || b.decidedBy(actor, EventBatchApproved) {
			return err
		}
	}
	if state == StateQueued {
		return fmt.Errorf("%w: batch %q does not wait for a second person", ErrConflict, batch)
	}
	return b.refuse(state)
}

// brokenGlass is the approval of a batch with its alarm and its review task.
func (s *Service) brokenGlass(b batch, actor Actor, reason string) (Change, error) {
	approval := Event{Type: EventBatchApproved, Actor: actor, Scope: b.opened.Scope, Reason: reason, Facts: b.facts()}
	alarm, task := approval, approval
	alarm.Type, alarm.Reason = EventAlarm, "approved without a second person: "+string(b.opened.Type)+" by "+b.opened.Actor.ID
	task.Type, task.Request, task.Facts = EventBreakGlass, b.opened.ID, b.facts()
	task.Facts["requester"], task.Facts["approved"] = b.opened.Actor.ID, string(b.opened.Type)
	var c Change
	for _, e := range []Event{approval, alarm, task} {
		sealed, err := s.noticeChange(e)
		if err != nil {
			return c, err
		}
		c.Events = append(c.Events, sealed.Events...)
	}
	return c, nil
}
