package lock

import (
	"context"
	"time"
)

// Unlock orders the end of a lock, or of lost mode, that the device confirmed: the action of. Its acknowledgement confirms the unlock and
// releases that action in one commit. Of a lock that Talks (see Plan) no confirmation is needed: one that was given up or cancelled after it
// had left may be on the device, and can be ended. Otherwise it is as Lock. An action of another device, of another kind, or in another
// state is an *InputError.
func (s *Service) Unlock(ctx context.Context, actor Actor, of ID, r Request) (Action, error) {
	ended, err := s.cfg.Store.Get(ctx, of)
	if err != nil {
		return Action{}, err
	}
	return s.order(ctx, actor, KindUnlock, VerbUnlock, r, Target{Action: &ended})
}

// endedBy says why an order of this kind cannot end the action; empty: it can.
func endedBy(ended *Action, kind Kind, d Device) (rule string) {
	token := kind == KindRevokeToken
	switch {
	case ended.Device.Scope != d.Scope || ended.Device.ID != d.ID:
		return "must name an action of this device"
	case token && ended.Kind != KindProvisionToken:
		return "must name an action that gave the device a token"
	case token && !ended.MayBeOnDevice():
		return "must name an action whose token may be on the device; it is " + string(ended.State)
	case token:
		return ""
	case ended.Kind != KindLock && ended.Kind != KindLostMode:
		return "must name a lock, or lost mode"
	case !ended.unlockable():
		return "must name an action that the device confirmed; it is " + string(ended.State)
	}
	return ""
}

// unlockable reports whether an unlock may end the action: the device confirmed it, or goes on talking while it is locked and may be, though
// it never said so. What is on its way is cancelled first, or it would come again.
func (a Action) unlockable() bool {
	given := a.State == StateUnconfirmed || a.State == StateCancelled
	return a.State == StateConfirmed || a.Talks && given && a.MayBeOnDevice()
}

// ended is what an unlock is to end, without its boxes; the zero Action for any other kind.
func (s *Service) ended(ctx context.Context, a Action) (Action, error) {
	if a.Kind != KindUnlock {
		return Action{}, nil
	}
	ended, err := s.cfg.Store.Get(ctx, a.Of)
	return ended.withoutBoxes(), err
}

// over is overdue, or the end of an unlock that has nothing left to open.
func (s *Service) over(ctx context.Context, a Action, p Platform) (Event, bool, error) {
	e, over := s.overdue(a, p)
	if over || a.State != StateHeld && !a.waits() {
		return e, over, nil
	}
	if idle, err := s.idle(ctx, a); err != nil || !idle {
		return Event{}, false, err
	}
	return Event{
		Type: EventCancelled, Actor: Actor{ID: actorSystem}, Other: a.Of, Reason: "what it was to end is over already",
	}, true, nil
}

// idle reports whether an unlock has nothing left to open: delivered now, it would open the next lock.
func (s *Service) idle(ctx context.Context, a Action) (bool, error) {
	ended, err := s.ended(ctx, a)
	return err == nil && a.Kind == KindUnlock && !ended.unlockable(), err
}

// ends adds to an acknowledgement the release of what it ends, if it is proven, and what people must hear of it.
func (s *Service) ends(ctx context.Context, c Change, by Action, proven bool) (Change, error) {
	switch {
	case by.Kind == KindUnlock:
		return s.unlocks(ctx, c, by, proven)
	case !proven: // what it ends may be on the device still
	case by.Kind == KindRevokeToken:
		token, err := s.cfg.Store.Get(ctx, by.Of)
		if err != nil || s.underWay(token) {
			return c, err
		}
		return s.releasedBy(c, token, EvidenceRemoved, by)
	case by.Kind == KindClearPasscode:
		return s.clears(ctx, c, by)
	}
	if by.purged() && by.MayBeOnDevice() && (!by.Returns || by.returnedPIN()) {
		return s.withAlarm(c, by, "the device acknowledged a command whose PIN was purged, because nothing said that it would: nobody has that PIN")
	}
	return c, nil
}

// underWay reports whether a sender's provider may still bring the device what an action carries: after what ended that, so it does not.
func (s *Service) underWay(a Action) bool {
	return s.platforms[a.Device.Platform].Sender != nil && s.now().Before(a.NotAfter) && (a.State != StateConfirmed || a.undecided())
}

// clears adds to a passcode that the device removed the release of those that were set before.
func (s *Service) clears(ctx context.Context, c Change, by Action) (Change, error) {
	resets, err := s.all(ctx, Filter{
		Scope: by.Device.Scope, Devices: []string{by.Device.ID}, Kinds: []Kind{KindResetPasscode},
		States: []State{StateConfirmed, StateUnconfirmed, StateCancelled, StateRefused},
	})
	for _, reset := range resets {
		if err == nil && reset.Delivered.Before(by.Delivered) && !s.underWay(reset) {
			c, err = s.releasedBy(c, reset, EvidenceRemoved, by)
		}
	}
	return c, err
}

// releasedBy puts before a change the release of an action that it ends: first, because it may free a lane. What is released already, or
// was never on the device, stays as it is.
func (s *Service) releasedBy(c Change, ended Action, evidence Evidence, by Action) (Change, error) {
	if row, _ := transitions(EventReleased); !row.allows(ended, EventReleased) {
		return c, nil
	}
	released, err := s.act(ended, Event{Type: EventReleased, Actor: Actor{ID: actorDevice}, Evidence: evidence, Other: by.ID})
	if err != nil {
		return c, err
	}
	released = released.rest(time.Time{})
	return Change{Actions: append(released.Actions, c.Actions...), Events: append(released.Events, c.Events...)}, nil
}

// unlocks adds to an unlock that the device acknowledged the release of what it ends. When another lock holds the device meanwhile, people must hear
// of it: an unlock ends whatever the device has.
func (s *Service) unlocks(ctx context.Context, c Change, unlock Action, proven bool) (Change, error) {
	ended, err := s.cfg.Store.Get(ctx, unlock.Of)
	if err != nil {
		return c, err
	}
	if proven {
		if c, err = s.releasedBy(c, ended, EvidenceUnlocked, unlock); err != nil {
			return c, err
		}
	}
	holder, found, err := s.inLane(ctx, unlock.Device, KindLock.lane())
	if err != nil || !found || holder.ID == unlock.Of || holder.State != StateConfirmed {
		return c, err
	}
	return s.withAlarm(c, holder, "the device acknowledged the unlock of an earlier "+string(ended.Kind)+
		" after it had confirmed this one: it may be open, so find out, and order the lock again")
}
