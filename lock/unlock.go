package lock

import (
	"context"
	"time"
)

// Unlock orders the end of a lock, or of lost mode, that the device confirmed: the action of. Its acknowledgement confirms the unlock and
// releases that action in one commit. Otherwise it is as Lock. An action of another device, of another kind, or in another state is an
// *InputError.
func (s *Service) Unlock(ctx context.Context, actor Actor, of ID, r Request) (Action, error) {
	ended, err := s.cfg.Store.Get(ctx, of)
	if err != nil {
		return Action{}, err
	}
	r.of = of
	return s.order(ctx, actor, KindUnlock, VerbUnlock, r, Target{Action: &ended})
}

// endedBy checks the action that an unlock is to end.
func endedBy(ended *Action, d Device) error {
	switch {
	case ended.Device.Scope != d.Scope || ended.Device.ID != d.ID:
		return &InputError{Field: "of", Rule: "must name an action of this device"}
	case ended.Kind != KindLock && ended.Kind != KindLostMode:
		return &InputError{Field: "of", Rule: "must name a lock, or lost mode"}
	case ended.State != StateConfirmed:
		return &InputError{Field: "of", Rule: "must name an action that the device confirmed; it is " + string(ended.State)}
	}
	return nil
}

// over is overdue, or the end of an unlock that has nothing left to open: delivered now, it would open the next lock.
func (s *Service) over(ctx context.Context, a Action, p Platform) (Event, bool, error) {
	e, over := s.overdue(a, p)
	if over || a.Kind != KindUnlock || a.State != StateHeld && !a.waits() {
		return e, over, nil
	}
	ended, err := s.cfg.Store.Get(ctx, a.Of)
	if err != nil || ended.State == StateConfirmed {
		return Event{}, false, err
	}
	return Event{
		Type: EventCancelled, Actor: Actor{ID: actorSystem}, Other: ended.ID, Reason: "what it was to end is over already",
	}, true, nil
}

// unlocks adds to an unlock that the device acknowledged the release of what it ends. The release comes first, because it frees a lane.
// What is released already, or was never on the device, stays as it is. When another lock holds the device meanwhile, people must hear
// of it: an unlock ends whatever the device has.
func (s *Service) unlocks(ctx context.Context, c Change, unlock Action) (Change, error) {
	ended, err := s.cfg.Store.Get(ctx, unlock.Of)
	if err != nil {
		return c, err
	}
	if row, _ := transitions(EventReleased); row.allows(ended, EventReleased) {
		released, err := s.act(ended, Event{Type: EventReleased, Actor: Actor{ID: actorDevice}, Evidence: EvidenceUnlocked, Other: unlock.ID})
		if err != nil {
			return c, err
		}
		released = released.rest(time.Time{})
		c = Change{Actions: append(released.Actions, c.Actions...), Events: append(released.Events, c.Events...)}
	}
	holder, found, err := s.inLane(ctx, unlock.Device, KindLock.lane())
	if err != nil || !found || holder.ID == unlock.Of || holder.State != StateConfirmed {
		return c, err
	}
	return s.withAlarm(c, holder, "the device acknowledged the unlock of an earlier "+string(ended.Kind)+
		" after it had confirmed this one: it may be open, so find out, and order the lock again")
}
