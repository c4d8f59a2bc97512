package lock

import (
	"context"
	"time"
)

// Approve lets a request of another person go: a held order, which is queued then, or a request to reveal a PIN, which its requester uses
// by calling Reveal again, once. The request is the ID of the event that asks, see Requests; empty, it is the held order, or the only open
// request to reveal. The reason is optional.
//
// Nobody approves what they asked for: the attempt is recorded as a denial, and the error wraps ErrDenied. An order whose lane is taken
// meanwhile is a *BusyError and stays held. One that was decided before, or waited too long, or would unlock what is over, is a
// *TransitionError; such a request to reveal is ErrNotFound.
func (s *Service) Approve(ctx context.Context, actor Actor, id, request ID, reason string) (Action, error) {
	if err := checkText("reason", reason, 1024, false); err != nil {
		return Action{}, err
	}
	return s.decide(ctx, decision{actor: actor, reason: reason, verb: VerbApprove, order: EventApproved, reveal: EventRevealApproved}, id, request)
}

// decision is what a person says to a request.
type decision struct {
	actor         Actor
	reason        string
	verb          Verb
	order, reveal EventType // what it is for either sort of request
}

// decide makes a decision durable.
func (s *Service) decide(ctx context.Context, d decision, id, request ID) (Action, error) {
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return Action{}, err
	}
	if err := s.allow(ctx, d.actor, d.verb, Target{Device: a.Device, Action: &a}); err != nil {
		return Action{}, err
	}
	late := false
	a, err = s.update(ctx, a, func(a Action) (Change, error) {
		about, err := s.request(ctx, a, request)
		if err != nil {
			return Change{}, err
		}
		if d.verb == VerbApprove && d.order == EventApproved && about.Actor.ID == d.actor.ID {
			return Change{}, s.selfApproval(ctx, a, about, d)
		}
		d := d
		d.reason = s.withholdText(ctx, a, d.reason)
		if about.Type == EventRevealRequested {
			return s.decideReveal(a, about, d)
		}
		c, err := s.decideOrder(ctx, a, about, d)
		late = err == nil && c.Events[0].Type != d.order
		return c, err
	})
	if err != nil {
		return Action{}, err
	}
	if late {
		return Action{}, &TransitionError{Action: a.ID, State: a.State, Event: d.order}
	}
	s.announce(a)
	return a, nil
}

// selfApproval records that somebody tried to be their own second person. The ID of the actor decides, whatever name or address comes
// with it.
func (s *Service) selfApproval(ctx context.Context, a Action, about asked, d decision) error {
	facts := map[string]string{"verb": string(d.verb), "action": string(a.ID), "request": string(about.ID)}
	return s.deny(ctx, d.actor, d.verb, a.Device.Scope, a.Device.ID, facts, errOwnRequest)
}

const errOwnRequest Error = "nobody approves what they asked for: another person must"

// decideReveal makes the change for a request to reveal; none when it is approved already.
func (s *Service) decideReveal(a Action, about asked, d decision) (Change, error) {
	if about.approved && d.reveal == EventRevealApproved {
		return Change{}, nil
	}
	c, err := s.act(a, Event{Type: d.reveal, Actor: d.actor, Reason: d.reason, Request: about.ID})
	if err != nil {
		return c, err
	}
	return s.breaksGlass(c, a, about, d)
}

// decideOrder makes the change for a held order, or the one that ends it because it waited too long, or what it was for is over.
func (s *Service) decideOrder(ctx context.Context, a Action, about asked, d decision) (Change, error) {
	e, over, err := s.over(ctx, a, s.platforms[a.Device.Platform])
	if err != nil {
		return Change{}, err
	}
	if over && a.State == StateHeld {
		c, err := s.act(a, e)
		return c.rest(time.Time{}), err
	}
	c, err := s.act(a, Event{Type: d.order, Actor: d.actor, Reason: d.reason})
	if err != nil {
		return c, err
	}
	if d.order == EventRejected {
		return c.rest(time.Time{}), nil
	}
	live, found, err := s.inLane(ctx, a.Device, a.Kind.lane())
	if err != nil {
		return c, err
	}
	if found {
		return c, &BusyError{Live: live.withoutBoxes()}
	}
	return s.breaksGlass(c.rest(s.now()), a, about, d)
}
