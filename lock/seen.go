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
// stays queued, because a wiped stolen device is still stolen; each with an alarm. What the device had handed over is released too, and no
// PIN from before is kept (Request.Keep). A passcode or a token that it confirmed, and an answer that KeepStray kept, stay confirmed, with
// Action.Reenrolled: an agent may enrol anew on a device that was not wiped.
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
	if !a.Holds || a.talks() && evidence != EvidenceStatement && evidence != EvidenceReenrolled {
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

// talks reports whether the device goes on talking while it is locked: then only a person, an unlock or a wipe says that it is over.
func (a Action) talks() bool { return a.Talks || a.Kind == KindLostMode }

// reenrolled is also what happens when somebody else enrols in the name of a device: whatever was live raises an alarm, and what the
// device handed over is not handed back to whoever comes now.
func (s *Service) reenrolled(ctx context.Context, d Device) error {
	open, err := s.all(ctx, Filter{
		Scope: d.Scope, Devices: []string{d.ID}, States: []State{StateHeld, StateQueued, StateIssued, StateConfirmed},
	})
	if err != nil {
		return err
	}
	for _, a := range open {
		if _, err := s.update(ctx, a, s.afterWipe); err != nil {
			return err
		}
	}
	if err := s.release(ctx, d, EvidenceReenrolled); err != nil {
		return err
	}
	return s.markWiped(ctx, d)
}

// markWiped puts the re-enrolment on record also where it ended nothing: no PIN from before it may be kept.
func (s *Service) markWiped(ctx context.Context, d Device) error {
	known, err := s.all(ctx, Filter{Scope: d.Scope, Devices: []string{d.ID}, Kinds: pinKinds()})
	if err != nil {
		return err
	}
	last := lastDelivered(known)
	if last.ID == "" || !last.Delivered.After(lastWiped(known)) {
		return nil
	}
	_, err = s.update(ctx, last, func(a Action) (Change, error) {
		c, err := s.act(a, Event{Type: EventReenrolled, Actor: Actor{ID: actorDevice}})
		return c.rest(a.Due), err
	})
	return err
}

// lastDelivered is the action that was delivered last, and the zero Action when none was.
func lastDelivered(actions []Action) (last Action) {
	for _, a := range actions {
		if a.Delivered.After(last.Delivered) {
			last = a
		}
	}
	return last
}

// lastWiped is when the device of these actions was last enrolled anew, as far as the ledger knows.
func lastWiped(actions []Action) (at time.Time) {
	for _, a := range actions {
		if a.Reenrolled.After(at) {
			at = a.Reenrolled
		}
	}
	return at
}

func (s *Service) afterWipe(a Action) (Change, error) {
	released, kind := Event{Type: EventReleased, Evidence: EvidenceReenrolled}, string(a.Kind)
	switch {
	case a.State == StateHeld:
		return s.alarmed(a, Event{Type: EventReenrolled}, a.Due,
			"the device was enrolled anew while an order for it waits for a second person: the order still waits")
	case a.State == StateQueued:
		return s.alarmed(a, Event{Type: EventReenrolled}, s.now(), "the device was enrolled anew while a "+kind+" waited for it: the "+kind+" still waits")
	case a.State == StateIssued:
		c, err := s.alarmed(a, Event{Type: EventLapsed, Evidence: EvidenceReenrolled, Reason: "the device was enrolled anew"}, time.Time{},
			"the device was enrolled anew while a "+kind+" was on its way: find out whether it was wiped, and order it again")
		if err != nil {
			return c, err
		}
		return s.toFollow(c), nil
	case a.State == StateConfirmed && a.Holds:
		return s.alarmed(a, released, time.Time{},
			"the device was enrolled anew while it was locked: it was wiped, or something else enrolled in its name")
	case a.State == StateConfirmed && a.Kind == KindEscrow && !a.hasSecret(secretBody):
		released.Actor = Actor{ID: actorDevice}
		return s.act(a, released)
	case a.State == StateConfirmed && (a.Kind == KindResetPasscode || a.Kind == KindProvisionToken || a.Kind == KindEscrow) && !a.outlived():
		c, err := s.act(a, Event{Type: EventReenrolled, Actor: Actor{ID: actorDevice}})
		return c.rest(a.Due), err
	default:
		return Change{}, nil
	}
}

// outlived reports whether the device was enrolled anew since it had this command last.
func (a Action) outlived() bool { return a.Reenrolled.After(a.Delivered) }

// alarmed is an act of the device with an alarm about it, in one change.
func (s *Service) alarmed(a Action, e Event, due time.Time, text string) (Change, error) {
	e.Actor = Actor{ID: actorDevice}
	c, err := s.act(a, e)
	if err != nil {
		return c, err
	}
	return s.withAlarm(c.rest(due), a, text)
}

// withAlarm adds to what a device did to an action that people must hear of it.
func (s *Service) withAlarm(c Change, a Action, text string) (Change, error) {
	alarm, err := s.noticeChange(Event{
		Type: EventAlarm, Actor: Actor{ID: actorDevice}, Scope: a.Device.Scope, Device: a.Device.ID, Other: a.ID, Reason: text,
	})
	c.Events = append(c.Events, alarm.Events...)
	return c, err
}
