package lock

import (
	"context"
	"fmt"
	"time"
)

// begins is how an order begins: queued, or held until a second person or the limits let it go. An order of a batch that was opened begins
// queued, because opening the batch was judged.
func (s *Service) begins(actor Actor, kind Kind, r Request, t Target) (state State, heldBy string) {
	switch {
	case kind.free():
		return StateQueued, ""
	case s.second(actor, VerbLock, t):
		return StateHeld, heldByPolicy
	case len(s.limitsOn(VerbLock, actor.ID, r.Device.Scope)) > 0:
		return StateHeld, ""
	default:
		return StateQueued, ""
	}
}

// free reports whether orders of this kind are neither held nor counted: what they do opens nothing by itself.
func (k Kind) free() bool { return k == KindProvisionToken || k == KindRevokeToken }

// second reports whether an act needs a second person.
func (s *Service) second(actor Actor, v Verb, t Target) bool {
	if s.cfg.SecondPerson == nil {
		return false
	}
	if t.Action != nil {
		shown := t.Action.withoutBoxes()
		t.Action = &shown
	}
	return s.cfg.SecondPerson(actor, v, t)
}

// tell tells the embedder of a request that waits for a second person.
func (s *Service) tell(ctx context.Context, e Event) {
	if s.cfg.Notify != nil {
		s.cfg.Notify(ctx, e)
	}
}

// heldUntil is how long a held order waits.
func (s *Service) heldUntil(a Action) time.Time {
	until := a.Created.Add(s.cfg.Patience)
	if !a.NotAfter.IsZero() && a.NotAfter.Before(until) {
		return a.NotAfter
	}
	return until
}

// settle ends an order that was committed as held: approvers are told, or the limits judge it. In a caller's transaction it must wait for
// the commit, which is Run's to notice.
func (s *Service) settle(ctx context.Context, actor Actor, a Action, r Request) (Action, error) {
	switch {
	case s.bound:
		return a, nil
	case a.HeldBy != "":
		if !a.Joined {
			ordered, err := s.orderedEvent(ctx, a.ID)
			if err != nil {
				return a, err
			}
			s.tell(ctx, ordered)
		}
		return a, nil
	}
	judged, err := s.verdict(ctx, a)
	if err != nil {
		return a, fmt.Errorf("action %s is ordered and held, the limits could not judge it yet: %w", a.ID, err)
	}
	// Something else took the lane meanwhile: it is this order's too. But a key leads to the action that it made, whatever became of that.
	if judged.State == StateCancelled && !a.Joined && r.Key == "" {
		r.lost++
		if a, err = s.place(ctx, actor, a.Kind, r); err == nil && a.State == StateHeld && r.lost <= maxLost {
			return s.settle(ctx, actor, a, r)
		}
		return a, err
	}
	judged.Joined = a.Joined
	return judged, nil
}

// judgeHeld lets the limits judge an order that is held and was not judged yet: it is queued, or stays held with an alarm. It does nothing
// to any other action. Whoever calls it, and however often, the verdict is the same.
func (s *Service) judgeHeld(ctx context.Context, a Action) error {
	_, err := s.verdict(ctx, a)
	return err
}

func (s *Service) verdict(ctx context.Context, a Action) (Action, error) {
	ordered, err := s.orderedEvent(ctx, a.ID)
	if err != nil {
		return a, err
	}
	over, err := s.overLimit(ctx, VerbLock, ordered)
	if err != nil {
		return a, err
	}
	stays := false
	a, err = s.update(ctx, a, func(a Action) (c Change, err error) {
		stays = false
		if a.State != StateHeld || a.HeldBy != "" {
			return Change{}, nil
		}
		if over == nil {
			return s.letGo(ctx, a)
		}
		stays = true
		return s.keepHeld(a, over)
	})
	if err == nil && stays {
		s.tell(ctx, ordered)
	}
	return a, err
}

// letGo queues an order that is within the limits, unless another one took its lane meanwhile: then there is nothing left to do for it.
func (s *Service) letGo(ctx context.Context, a Action) (Change, error) {
	live, found, err := s.inLane(ctx, a.Device, a.Kind.lane())
	if err != nil {
		return Change{}, err
	}
	if found {
		c, err := s.supersede(a, live.ID, "superseded: another order took the lane of the device first")
		return c, err
	}
	c, err := s.act(a, Event{Type: EventApproved, Actor: Actor{ID: actorSystem}, Reason: "within the limits"})
	return c.rest(s.now()), err
}

// keepHeld leaves an order to a second person, with an alarm.
func (s *Service) keepHeld(a Action, over *Limit) (Change, error) {
	c, err := s.act(a, Event{Type: EventHeld, Actor: Actor{ID: actorSystem}, Reason: "over the limit of " + over.String()})
	if err != nil {
		return c, err
	}
	alarm, err := s.noticeChange(overLimitAlarm(a, a.By, over))
	c.Events = append(c.Events, alarm.Events...)
	return c.rest(s.heldUntil(a)), err
}

func overLimitAlarm(a Action, by Actor, over *Limit) Event {
	return Event{
		Type: EventAlarm, Actor: by, Scope: a.Device.Scope, Device: a.Device.ID, Other: a.ID,
		Reason: "over the limit of " + over.String() + ": it waits for a second person",
	}
}

// orderedEvent is the event that brought an action into being.
func (s *Service) orderedEvent(ctx context.Context, id ID) (Event, error) {
	first, err := s.cfg.Store.Events(ctx, EventFilter{Action: id, Limit: 1})
	if err != nil {
		return Event{}, err
	}
	if len(first) == 0 {
		return Event{}, fmt.Errorf("%w: action %s has no events", ErrNotFound, id)
	}
	return first[0], nil
}

// stands reports whether an order stands by itself beside a held one, instead of joining it: somebody else's limit must not catch it.
func (r Request) stands(actor Actor, held Action) bool {
	return held.State == StateHeld && held.HeldBy != heldByPolicy && held.By.ID != actor.ID && r.heldBy != heldByPolicy && r.lost < maxLost
}

// maxLost is how often an order whose place another one took begins anew before it joins what is there.
const maxLost = 3

// oust commits an order in the place of one that a limit holds. The idempotency key, which a change has for its first action only, follows:
// a repetition of what ended in between finds the order in its lane.
func (s *Service) oust(ctx context.Context, actor Actor, held Action, kind Kind, r Request) (Action, error) {
	key := r.Key
	r.Key, r.ousts = "", true
	c, err := s.draft(ctx, actor, kind, r)
	if err != nil {
		return Action{}, err
	}
	full, err := s.cfg.Store.Get(ctx, held.ID)
	if err != nil {
		return Action{}, err
	}
	if full.State != StateHeld || full.HeldBy == heldByPolicy {
		return Action{}, ErrConflict
	}
	ended, err := s.supersede(full, c.Actions[0].ID, "superseded: "+actor.ID+" ordered the same within limits of their own")
	if err != nil {
		return Action{}, err
	}
	c.Actions, c.Events = append(ended.Actions, c.Actions...), append(ended.Events, c.Events...)
	if err := s.commit(ctx, c); err != nil || key == "" {
		return c.Actions[1], err
	}
	named, err := s.act(c.Actions[1], Event{Type: EventJoined, Actor: actor, Key: key})
	if err != nil {
		return Action{}, err
	}
	named.Key = key
	return named.Actions[0], s.commit(ctx, named.rest(c.Actions[1].Due))
}
