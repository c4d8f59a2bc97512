package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// rewake is how long Run waits for a device that was woken, or that fetched its command, before it wakes it again.
const rewake = 30 * time.Second

// Next returns the command that the device should get now, or the zero Command when there is none. The delivery is claimed before it
// returns: number and time are durable, and no other call gets the same number. A command without an answer is delivered again, same ID
// and same PIN, up to the platform's MaxDeliveries; then it lapses. Orders that are too old end here.
//
// The caller has authenticated the device. A command that cannot be made now holds up no other one: that it waits is logged when another
// leaves. When none does the error wraps ErrSealed: log it, and serve the device what else there is. On any other error answer that the
// server is unavailable, so that the device comes back.
func (s *Service) Next(ctx context.Context, d Device) (Command, error) {
	return s.next(ctx, d, StateQueued, StateIssued)
}

// NextQueued is Next in the middle of a session, for a device that has just answered another command: it offers only what has never left.
// A command without an answer, or one that was answered with NotNow, waits until the device begins anew.
func (s *Service) NextQueued(ctx context.Context, d Device) (Command, error) {
	return s.next(ctx, d, StateQueued)
}

func (s *Service) next(ctx context.Context, d Device, states ...State) (Command, error) {
	if err := d.validate(); err != nil {
		return Command{}, err
	}
	unlock, err := s.devices.lock(ctx, d.Scope, d.ID)
	if err != nil {
		return Command{}, err
	}
	defer unlock()
	var cmd Command
	err = retry(ctx, func() error {
		cmd, err = s.nextOnce(ctx, d, states)
		return err
	})
	return cmd, err
}

func (s *Service) nextOnce(ctx context.Context, d Device, states []State) (Command, error) {
	open, err := s.cfg.Store.List(ctx, Filter{Scope: d.Scope, Devices: []string{d.ID}, States: states})
	if err != nil {
		return Command{}, err
	}
	slices.SortStableFunc(open, inTurn)
	var sealed error
	for _, a := range open {
		p, known := s.platforms[a.Device.Platform]
		if !known || p.Sender != nil || a.Device.Platform != d.Platform {
			continue // another transport of the same device delivers it, or Run does
		}
		e, over, err := s.over(ctx, a, p)
		if over {
			err = s.record(ctx, a, e)
		}
		if err != nil {
			return Command{}, err
		}
		if over {
			continue
		}
		cmd, err := s.deliver(ctx, p, a, d)
		if errors.Is(err, ErrSealed) {
			sealed = errors.Join(sealed, err)
			continue
		}
		if err == nil {
			s.passedOver(ctx, d, sealed)
		}
		return cmd, err
	}
	return Command{}, sealed
}

// passedOver logs why commands wait, if any do, that another one went past.
func (s *Service) passedOver(ctx context.Context, d Device, sealed error) {
	if sealed != nil {
		s.cfg.Logger.ErrorContext(ctx, "a command waits and cannot be made", slog.String("scope", d.Scope), slog.String("device", d.ID),
			slog.Any("error", sealed))
	}
}

// inTurn is the order in which commands leave: a lock jumps the queue; else the oldest comes first.
func inTurn(a, b Action) int {
	if x, y := a.Lane == KindLock.lane(), b.Lane == KindLock.lane(); x != y {
		return map[bool]int{true: -1, false: 1}[x]
	}
	return cmp.Compare(a.ID, b.ID)
}

// overdue returns the event that ends an action which must not be delivered any more.
func (s *Service) overdue(a Action, p Platform) (Event, bool) {
	lost := a.Deliveries - min(a.Deferrals, 100)
	if p.Sender != nil { // Run's schedule bounds how often, not the device
		lost = a.Deliveries - a.Deferrals
	}
	late := s.late(a)
	system := Actor{ID: actorSystem}
	switch {
	case a.State == StateHeld && !s.now().Before(s.heldUntil(a)):
		return Event{Type: EventExpired, Actor: system, Reason: "nobody approved it in time"}, true
	case a.State == StateQueued && late:
		return Event{Type: EventExpired, Actor: system, Reason: "its deadline passed before it left"}, true
	case a.State == StateIssued && late:
		return Event{Type: EventLapsed, Actor: system, Reason: "its deadline passed without an answer"}, true
	case p.Sender != nil && !a.unsent(): // its result will come
		return Event{}, false
	case a.State == StateIssued && lost >= p.mostDeliveries(a):
		return Event{Type: EventLapsed, Actor: system, Reason: fmt.Sprintf(p.unanswered(), lost)}, true
	default:
		return Event{}, false
	}
}

// late reports whether nothing of the action may be delivered any more.
func (s *Service) late(a Action) bool { return !a.NotAfter.IsZero() && !s.now().Before(a.NotAfter) }

// mostDeliveries is how often the command of an action may leave without an answer. One for which the device makes a PIN leaves whole once,
// and once to ask what became of it.
func (p Platform) mostDeliveries(a Action) int {
	if a.Returns {
		return min(p.MaxDeliveries, 2)
	}
	return p.MaxDeliveries
}

// unanswered says why an action lapses after so many deliveries.
func (p Platform) unanswered() string {
	if p.Sender != nil {
		return "sent %d times, and nobody said that it was taken"
	}
	return "delivered %d times, and the device came back without an answer"
}

// record commits one event of one action.
func (s *Service) record(ctx context.Context, a Action, e Event) error {
	c, err := s.act(a, e)
	if err != nil {
		return err
	}
	c.Actions[0].Due, c.Actions[0].Wake = time.Time{}, 0
	return s.commit(ctx, c)
}

// deliver encodes, claims, and only then lets the bytes go.
func (s *Service) deliver(ctx context.Context, p Platform, listed Action, d Device) (Command, error) {
	a, body, c, err := s.prepare(ctx, listed, &Order{Device: d}, actorDevice)
	if err != nil {
		return Command{}, err
	}
	c = c.rest(s.dueAt(p, c.Actions[0], rewake))
	if err := s.commit(ctx, c); err != nil {
		return Command{}, err
	}
	return Command{ID: a.ID, Body: body}, nil
}

// prepare fills in the order and encodes it, and makes the change that claims its delivery. Only what is at the version that was listed is delivered.
func (s *Service) prepare(ctx context.Context, listed Action, o *Order, by string) (a Action, body []byte, c Change, err error) {
	if a, err = s.cfg.Store.Get(ctx, listed.ID); err != nil { // with its boxes
		return a, nil, c, err
	}
	if a.Version != listed.Version {
		return a, nil, c, ErrConflict
	}
	if body, err = s.encode(ctx, a, o); err != nil {
		return a, nil, c, err
	}
	e := Event{Type: EventIssued, Actor: Actor{ID: by}, Delivery: a.Deliveries + 1}
	if e.Time, err = s.afterOthers(ctx, a); err != nil {
		return a, nil, c, err
	}
	if a.State == StateIssued {
		e.Type = EventRedelivered
	}
	c, err = s.act(a, e)
	return a, body, c, err
}

// encode fills in the order of an action, which has its boxes, and makes the command. A PIN that the device made does not go back to it.
func (s *Service) encode(ctx context.Context, a Action, o *Order) (body []byte, err error) {
	o.Action = a.withoutBoxes()
	if o.Ended, err = s.ended(ctx, a); err != nil {
		return nil, err
	}
	if a.Returns {
		a.Secrets = nil
	}
	if o.PIN, o.Secret, err = s.secrets(ctx, a); err != nil {
		return nil, err
	}
	if body, err = s.platforms[a.Device.Platform].Codec.Encode(*o); err != nil {
		return nil, fmt.Errorf("%w: encode action %s: %w", ErrSealed, a.ID, err)
	}
	return body, nil
}

// afterOthers is a time after all that was delivered to the device of other actions, and after what was said of their PINs. Which PIN is on
// it follows from this order, whatever the clocks of the processes say.
func (s *Service) afterOthers(ctx context.Context, a Action) (time.Time, error) {
	kinds := append(pinKinds(), KindClearPasscode)
	others, err := s.cfg.Store.List(ctx, Filter{Scope: a.Device.Scope, Devices: []string{a.Device.ID}, Kinds: kinds, Limit: 20})
	var last time.Time
	for _, other := range others {
		if other.ID != a.ID {
			last = later(last, later(other.Delivered, other.FeedbackAt))
		}
	}
	return last.Add(time.Microsecond), err
}

// dueAt is when Run looks at a waiting action next: after the pause if it can wake the device, and at its deadline in any case.
func (s *Service) dueAt(p Platform, a Action, pause time.Duration) time.Time {
	due := s.now().Add(pause)
	if p.Waker == nil && p.Sender == nil || !a.NotAfter.IsZero() && due.After(a.NotAfter) {
		return a.NotAfter
	}
	return due
}
