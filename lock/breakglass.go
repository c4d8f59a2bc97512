package lock

import "context"

// BreakGlass approves a request without a second person, in an emergency: also one's own. It is Approve with a right of its own, and with a
// reason, which is required. In the same commit it raises an alarm and leaves a break-glass notice, which Reviews lists until another
// person has called Review.
func (s *Service) BreakGlass(ctx context.Context, actor Actor, id, request ID, reason string) (Action, error) {
	if err := checkText("reason", reason, 1024, true); err != nil {
		return Action{}, err
	}
	return s.decide(ctx, decision{actor: actor, reason: reason, verb: VerbBreakGlass, order: EventApproved, reveal: EventRevealApproved}, id, request)
}

// breaksGlass adds alarm and review task to an approval that had no second person.
func (s *Service) breaksGlass(c Change, a Action, about asked, d decision) (Change, error) {
	if d.verb != VerbBreakGlass {
		return c, nil
	}
	e := Event{Actor: d.actor, Scope: a.Device.Scope, Device: a.Device.ID, Other: a.ID}
	alarm, task := e, e
	alarm.Type, alarm.Reason = EventAlarm, "approved without a second person: "+string(about.Type)+" by "+about.Actor.ID
	task.Type, task.Reason, task.Request = EventBreakGlass, d.reason, about.ID
	task.Facts = map[string]string{"requester": about.Actor.ID, "approved": string(about.Type)}
	for _, notice := range []Event{alarm, task} {
		sealed, err := s.noticeChange(notice)
		if err != nil {
			return c, err
		}
		c.Events = append(c.Events, sealed.Events...)
	}
	return c, nil
}
