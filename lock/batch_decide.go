package lock

import (
	"context"
	"fmt"
)

// ApproveBatch lets a batch that waits for a second person take its orders. It must begin within Config.Patience from then on, and one that
// was over a limit must end within that, because it counts at the time at which it was opened. The actor who opened it may not: that is
// denied, on record. ErrCancelled when the batch has ended, or waited too long; ErrConflict when it does not wait, because somebody else
// decided.
func (s *Service) ApproveBatch(ctx context.Context, actor Actor, scope, batch, reason string) error {
	return s.decideBatch(ctx, actor, EventBatchApproved, scope, batch, reason)
}

// RejectBatch ends a batch that waits for a second person; nothing of it is ordered. Its errors are those of ApproveBatch.
func (s *Service) RejectBatch(ctx context.Context, actor Actor, scope, batch, reason string) error {
	return s.decideBatch(ctx, actor, EventBatchRejected, scope, batch, reason)
}

func (s *Service) decideBatch(ctx context.Context, actor Actor, t EventType, scope, name, reason string) error {
	if err := checkText("reason", reason, 1024, false); err != nil {
		return err
	}
	b, state, err := s.batchNow(ctx, scope, name)
	if err != nil {
		return err
	}
	if err := s.allow(ctx, actor, VerbApprove, Target{Device: Device{Scope: scope}, Size: b.size}); err != nil {
		return err
	}
	if actor.ID == b.opened.Actor.ID {
		facts := b.facts()
		facts["verb"] = string(VerbApprove)
		return s.deny(ctx, actor, VerbApprove, scope, "", facts, errOwnBatch)
	}
	if b.decidedBy(actor, t) { // a repetition, after an answer that was lost
		return nil
	}
	if state == StateHeld {
		e := Event{Type: t, Actor: actor, Scope: scope, Reason: s.maskAll(Device{}, reason), Facts: b.facts()}
		if err := s.notice(ctx, e); err != nil {
			return err
		}
		if b, state, err = s.batchNow(ctx, scope, name); err != nil || b.decidedBy(actor, t) {
			return err
		}
	}
	if state == StateQueued {
		return fmt.Errorf("%w: batch %q does not wait for a second person", ErrConflict, name)
	}
	return b.refuse(state)
}

const errOwnBatch Error = "who opened a batch cannot be its second person"

// decidedBy reports whether the decision is this actor's.
func (b batch) decidedBy(actor Actor, t EventType) bool {
	e := b.approved
	if t == EventBatchRejected {
		e = b.ended
	}
	return e.Type == t && e.Actor.ID == actor.ID
}
