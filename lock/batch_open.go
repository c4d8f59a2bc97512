package lock

import (
	"context"
	"errors"
	"fmt"
	"strconv"
)

// OpenBatch begins a bulk order of so many devices, under a name that is unique in its scope: at most 64 characters, without a slash. When
// it returns nil, LockBatch takes the actor's orders. ErrPending: the batch is open to nobody until a second person approves it
// (ApproveBatch), because Config.SecondPerson wants that of so many devices, or because they are over a limit of the actor's. Neither is
// asked again for the orders of the batch, so SecondPerson is asked here also for VerbLock, of a target with Size and without a device:
// one that wants a second person for every lock has one for every batch, of whatever size.
//
// A batch counts in the limits' windows when it is opened, so one that limits judged takes no orders any more Config.Patience after it was
// let go, whether it was begun or not: ErrCancelled. What it has ordered stays.
//
// Of the request it records how the PIN is chosen, never the PIN, the reason and the ticket; its device is ignored. A PIN is shared by
// all devices of the batch. To call again is to ask how the batch stands; the same name for another actor or size is ErrKeyReused. What
// was cancelled, rejected or not approved in time is ErrCancelled.
func (s *Service) OpenBatch(ctx context.Context, actor Actor, scope, batch string, size int, r Request) error {
	r.Device, r.Kind = Device{Scope: scope, ID: batch, Platform: "any"}, KindLock
	if err := checkBatch(scope, batch); err != nil {
		return err
	}
	if size < 1 {
		return &InputError{Field: "size", Rule: "must be at least one device"}
	}
	if err := r.validate(s.now()); err != nil {
		return err
	}
	target := Target{Device: Device{Scope: scope}, Size: size}
	if err := s.allow(ctx, actor, VerbBulk, target); err != nil {
		return err
	}
	b, err := s.findBatch(ctx, scope, batch)
	if errors.Is(err, ErrNotFound) {
		b, err = s.recordBatch(ctx, actor, batch, r, target)
	}
	switch {
	case err != nil:
		return err
	case b.opened.Actor.ID != actor.ID || b.size != size:
		return fmt.Errorf("%w: batch %q was opened by %s for %d devices", ErrKeyReused, batch, b.opened.Actor.ID, b.size)
	}
	return s.judgeBatch(ctx, b)
}

// recordBatch commits the notice that opens a batch. It returns the batch as it is then, because somebody else may have opened it first.
func (s *Service) recordBatch(ctx context.Context, actor Actor, name string, r Request, t Target) (batch, error) {
	facts := map[string]string{"batch": name, "devices": strconv.Itoa(t.Size), "kind": string(r.Kind), "pin": pinMode(r)}
	byPolicy := s.second(actor, VerbBulk, t) || s.second(actor, VerbLock, t) // its orders are asked about no more
	if byPolicy {
		facts["held_by"] = heldByPolicy
	}
	if byPolicy || len(s.limitsOn(VerbLock, actor.ID, t.Device.Scope)) > 0 {
		facts["held"] = "true"
	}
	c, err := s.noticeChange(Event{
		Type: EventBatchOpened, Actor: actor, Scope: t.Device.Scope, Reason: s.maskAll(r.Device, r.Reason), Ticket: r.Ticket, Facts: facts,
	})
	if err != nil {
		return batch{}, err
	}
	if err := s.commit(ctx, c); err != nil {
		return batch{}, err
	}
	b, err := s.findBatch(ctx, t.Device.Scope, name)
	if err == nil && byPolicy && b.opened.ID == c.Events[0].ID {
		s.tell(ctx, b.opened)
	}
	return b, err
}

// judgeBatch lets the limits judge a batch that waits for that, and says why a batch takes no orders. The verdict is the same whoever asks.
func (s *Service) judgeBatch(ctx context.Context, b batch) error {
	scope := b.opened.Scope
	if b.state(s.now(), s.cfg.Patience) == StateHeld && b.heldBy == "" {
		over, err := s.overLimit(ctx, VerbLock, b.opened)
		if err != nil {
			return err
		}
		if err := s.recordVerdict(ctx, b, over); err != nil {
			return err
		}
		if b, err = s.findBatch(ctx, scope, b.name); err != nil {
			return err
		}
	}
	b, state, err := s.batchNow(ctx, scope, b.name)
	if err != nil {
		return err
	}
	return b.refuse(state)
}

func (s *Service) recordVerdict(ctx context.Context, b batch, over *Limit) error {
	e := Event{Type: EventBatchApproved, Actor: Actor{ID: actorSystem}, Scope: b.opened.Scope, Reason: "within the limits", Facts: b.facts()}
	if over == nil {
		return s.notice(ctx, e)
	}
	e.Type, e.Reason = EventHeld, "over the limit of "+over.String()
	c, err := s.noticeChange(e)
	if err != nil {
		return err
	}
	alarm, err := s.noticeChange(Event{
		Type: EventAlarm, Actor: b.opened.Actor, Scope: b.opened.Scope, Facts: b.facts(),
		Reason: "a batch is over the limit of " + over.String() + ": it waits for a second person",
	})
	if err != nil {
		return err
	}
	c.Events = append(c.Events, alarm.Events...)
	if err := s.commit(ctx, c); err != nil {
		return err
	}
	s.tell(ctx, b.opened)
	return nil
}

// facts name the batch in a notice.
func (b batch) facts() map[string]string { return map[string]string{"batch": b.name} }
