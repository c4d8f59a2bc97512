package lock

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// mostReviews is how many notices about broken glass Reviews looks back at.
const mostReviews = 1000

// Reviews lists the break-glass notices of a scope that nobody has reviewed and the actor may see with the right to approve, newest
// first: Actor approved, for the Reason, what Request asked for of the action Other, or of the batch of the fact "batch"; the fact
// "requester" says who had asked. It looks at the newest 1,000 notices and reviews.
func (s *Service) Reviews(ctx context.Context, actor Actor, scope string) ([]Event, error) {
	if err := checkText("scope", scope, 64, true); err != nil {
		return nil, err
	}
	f, err := s.visibleEvents(ctx, actor, VerbApprove, EventFilter{Scope: scope})
	if err != nil {
		return nil, err
	}
	return s.unreviewed(ctx, f, mostReviews)
}

// unreviewed are the break-glass notices without a review, newest first, of so many notices and reviews.
func (s *Service) unreviewed(ctx context.Context, f EventFilter, most int) (tasks []Event, err error) {
	if err := s.sequence(ctx); err != nil {
		return nil, err
	}
	f.Types = []EventType{EventBreakGlass, EventReviewed}
	done := map[string]bool{}
	err = s.backwards(ctx, f, time.Time{}, func(e Event) bool {
		if e.Type == EventReviewed {
			done[e.Facts["event"]] = true
		} else if !done[string(e.ID)] {
			tasks = append(tasks, e)
		}
		most--
		return most > 0
	})
	return tasks, err
}

// Review records that the actor looked into a break-glass notice of the scope, given by its event's ID, and what came of that: the reason,
// which is required and must not say a PIN. It must be neither who broke the glass nor who had asked: that is a denial, recorded. The
// target of a batch is no device in particular. ErrNotFound when no such notice waits for a review.
func (s *Service) Review(ctx context.Context, actor Actor, scope string, event ID, reason string) error {
	if err := checkText("scope", scope, 64, true); err != nil {
		return err
	}
	if err := checkText("reason", reason, 1024, true); err != nil {
		return err
	}
	tasks, err := s.unreviewed(ctx, EventFilter{Scope: scope}, math.MaxInt)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tasks, func(e Event) bool { return e.ID == event })
	if i < 0 {
		if err := s.allow(ctx, actor, VerbApprove, Target{Device: Device{Scope: scope}}); err != nil {
			return err
		}
		return fmt.Errorf("%w: no such break-glass notice waits for a review", ErrNotFound)
	}
	return s.review(ctx, actor, tasks[i], reason)
}

// review records a review of a notice that waits for one.
func (s *Service) review(ctx context.Context, actor Actor, task Event, reason string) error {
	target := Target{Device: Device{Scope: task.Scope}}
	facts := map[string]string{"verb": string(VerbApprove), "event": string(task.ID)}
	if task.Other == "" {
		facts["batch"], reason = task.Facts["batch"], s.maskAll(Device{}, reason)
	} else {
		a, err := s.cfg.Store.Get(ctx, task.Other)
		if err != nil {
			return err
		}
		target.Device, target.Action = a.Device, &a
		facts["action"], reason = string(a.ID), s.withholdText(ctx, a, reason)
	}
	if err := s.allow(ctx, actor, VerbApprove, target); err != nil {
		return err
	}
	if actor.ID == task.Actor.ID || actor.ID == task.Facts["requester"] {
		return s.deny(ctx, actor, VerbApprove, task.Scope, task.Device, facts, errOwnGlass)
	}
	return s.notice(ctx, Event{
		Type: EventReviewed, Actor: actor, Scope: task.Scope, Device: task.Device, Other: task.Other, Reason: reason,
		Facts: map[string]string{"event": string(task.ID)},
	})
}

const errOwnGlass Error = "nobody reviews what they approved or asked for: another person must"
