package lock

import (
	"context"
	"time"
)

// Seen records what a sign of life of the device proves: actions that hold it, and that it acknowledged longer than the platform's
// Guard ago, are released with this evidence. So are those that were cancelled or given up after they had been issued. Nothing is
// deleted: a released PIN stays in the ledger and among the candidates.
//
// EvidenceReenrolled means that the device was wiped: what had been issued lapses, what holds is released at once, and what is queued
// stays queued, with an alarm, because a wiped stolen device is still stolen.
func (s *Service) Seen(ctx context.Context, d Device, evidence Evidence) error {
	if err := d.validate(); err != nil {
		return err
	}
	if evidence == EvidenceReenrolled {
		return s.reenrolled(ctx, d)
	}
	return s.release(ctx, d, evidence)
}

func (s *Service) release(ctx context.Context, d Device, evidence Evidence) error {
	past, err := s.all(ctx, Filter{
		Scope: d.Scope, Devices: []string{d.ID}, Kinds: []Kind{KindLock, KindLostMode},
		States: []State{StateConfirmed, StateUnconfirmed, StateCancelled},
	})
	if err != nil {
		return err
	}
	for _, a := range past {
		if !s.opened(a, evidence) {
			continue
		}
		_, err := s.update(ctx, a, func(a Action) (Change, error) {
			if !s.opened(a, evidence) {
				return Change{}, nil
			}
			c, err := s.act(a, Event{Type: EventReleased, Actor: Actor{ID: actorDevice}, Evidence: evidence})
			return c.rest(time.Time{}), err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// opened reports whether a sign of life now means that the device is not, or no longer, locked by this action.
func (s *Service) opened(a Action, evidence Evidence) bool {
	if !a.Holds {
		return false
	}
	last := a.Confirmed
	switch a.State {
	case StateConfirmed:
	case StateUnconfirmed, StateCancelled:
		if a.Deliveries == 0 {
			return false
		}
		if a.Delivered.After(last) {
			last = a.Delivered
		}
	default:
		return false
	}
	return evidence == EvidenceReenrolled || !s.now().Before(last.Add(s.platforms[a.Device.Platform].Guard))
}

func (s *Service) reenrolled(ctx context.Context, d Device) error {
	open, err := s.all(ctx, Filter{Scope: d.Scope, Devices: []string{d.ID}, States: []State{StateQueued, StateIssued}})
	if err != nil {
		return err
	}
	for _, a := range open {
		if _, err := s.update(ctx, a, s.afterWipe); err != nil {
			return err
		}
	}
	return s.release(ctx, d, EvidenceReenrolled)
}

func (s *Service) afterWipe(a Action) (Change, error) {
	device := Actor{ID: actorDevice}
	switch a.State {
	case StateIssued:
		c, err := s.act(a, Event{Type: EventLapsed, Actor: device, Reason: "the device was enrolled anew"})
		return c.rest(time.Time{}), err
	case StateQueued:
		c, err := s.act(a, Event{Type: EventReenrolled, Actor: device})
		if err != nil {
			return c, err
		}
		alarm, err := s.noticeChange(Event{
			Type: EventAlarm, Actor: device, Scope: a.Device.Scope, Device: a.Device.ID, Other: a.ID,
			Reason: "the device was enrolled anew while a lock waited for it: the lock still waits",
		})
		c.Events = append(c.Events, alarm.Events...)
		return c.rest(s.now()), err
	default:
		return Change{}, nil
	}
}
