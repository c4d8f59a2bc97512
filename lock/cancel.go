package lock

import "context"

// Cancel withdraws an action: nothing more of it is delivered. What may have reached the device already stays what it is: the PIN stays
// among the candidates, and an acknowledgement that comes later confirms the action all the same. A Sender that has Withdraw is asked to
// have the command dropped, by Run again for about a day until it answers; that it could not is only logged. Cancelling twice is the same as
// once.
// An action that has ended otherwise is a *TransitionError.
func (s *Service) Cancel(ctx context.Context, actor Actor, id ID, reason string) (Action, error) {
	if err := checkText("reason", reason, 1024, false); err != nil {
		return Action{}, err
	}
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return Action{}, err
	}
	if err := s.allow(ctx, actor, VerbCancel, Target{Device: a.Device, Action: &a}); err != nil {
		return Action{}, err
	}
	follows := false
	a, err = s.update(ctx, a, func(a Action) (Change, error) {
		if follows = false; a.State == StateCancelled {
			return Change{}, nil
		}
		c, err := s.act(a, Event{Type: EventCancelled, Actor: actor, Reason: s.withholdText(ctx, a, reason)})
		if err != nil {
			return c, err
		}
		c = s.toFollow(c)
		if follows = !c.Actions[0].Due.IsZero(); follows && s.bound {
			return c.rest(s.now()), nil // Run does it, once the caller has committed
		}
		return c, nil
	})
	if err == nil && follows && !s.bound {
		a = s.takeBackNow(ctx, a)
	}
	return a, err
}
