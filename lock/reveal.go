package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Reveal gives a person the PIN of an action, in any state, as often as asked. Actor, reason, which is required, and ticket are recorded
// before it returns: when the record cannot be made durable, there is no PIN. ErrNotFound when the action has no PIN, ErrSealed when it
// cannot be opened now, ErrPurged, with when and by whom, when it is gone.
//
// With Config.Limits or Config.SecondPerson for VerbReveal the request is recorded first. When it needs a second person the error wraps
// ErrPending: call again, for the same action and by the same actor, once it is approved. Until then, for Config.Patience, a further call
// makes no further request. An approval is good for one reveal; a call that finds no PIN to open does not use it up.
func (s *Service) Reveal(ctx context.Context, actor Actor, id ID, reason, ticket string) (pin.PIN, error) {
	var given pin.PIN
	err := s.reveal(ctx, id, Event{Actor: actor, Reason: reason, Ticket: ticket}, func(ctx context.Context, a Action) (code pin.PIN, n int, err error) {
		given, n, err = s.open(ctx, a, SecretPIN)
		return given, n, err
	})
	if err != nil {
		return pin.PIN{}, err
	}
	return given, nil
}

// opener opens what is to be disclosed, and says which secret that is; the code is what the words about it must not say.
type opener func(ctx context.Context, a Action) (code pin.PIN, secret int, err error)

// reveal is the way of everything that is disclosed to a person: gate, limits, record. What was opened may be given out when it returns nil.
func (s *Service) reveal(ctx context.Context, id ID, e Event, open opener) error {
	if err := cmp.Or(checkText("reason", e.Reason, 1024, true), checkText("ticket", e.Ticket, 128, false)); err != nil {
		return err
	}
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return err
	}
	t := Target{Device: a.Device, Action: &a}
	if err := s.allow(ctx, e.Actor, VerbReveal, t); err != nil {
		return err
	}
	e.Type = EventRevealed
	policy := s.second(e.Actor, VerbReveal, t)
	if policy || len(s.limitsOn(VerbReveal, e.Actor.ID, a.Device.Scope)) > 0 {
		err = s.revealAsked(ctx, a, e, policy, open)
	} else {
		err = s.disclose(ctx, a, e, open)
	}
	if errors.Is(err, ErrPurged) {
		return s.whoPurged(ctx, id, err)
	}
	return err
}

// revealAsked discloses by a request that is approved or within the limits, and makes one when there is none.
func (s *Service) revealAsked(ctx context.Context, a Action, e Event, policy bool, open opener) error {
	for range attempts {
		r, fresh, err := s.ask(ctx, a, e, open)
		if err != nil {
			return err
		}
		if !r.approved {
			if err := s.mayAlone(ctx, a, r, fresh, policy); err != nil {
				return err
			}
		}
		e.Request = r.ID
		if err := s.disclose(ctx, a, e, open); !errors.Is(err, errUsed) {
			return err
		}
	}
	return fmt.Errorf("%w: gave up after %d requests that somebody else used", ErrConflict, attempts)
}

const errUsed Error = "the request was used or decided meanwhile"

// ask finds the actor's open request for the action, or makes one.
func (s *Service) ask(ctx context.Context, a Action, e Event, disclosed opener) (r asked, fresh bool, err error) {
	_, err = s.update(ctx, a, func(a Action) (Change, error) {
		open, err := s.revealRequests(ctx, a.ID)
		if err != nil {
			return Change{}, err
		}
		fresh = false
		if i := slices.IndexFunc(open, func(r asked) bool { return r.Actor.ID == e.Actor.ID }); i >= 0 {
			r = open[i]
			return Change{}, nil
		}
		if _, _, err := disclosed(ctx, a); err != nil { // nobody is asked about what cannot be given
			return Change{}, err
		}
		// A text that says the PIN is no error yet, and treated as any other that may: who has not got the PIN would learn it, guess by guess.
		reason, ticket := s.withholdText(ctx, a, e.Reason), s.withholdText(ctx, a, e.Ticket)
		c, err := s.act(a, Event{Type: EventRevealRequested, Actor: e.Actor, Reason: reason, Ticket: ticket})
		r, fresh = asked{Event: c.Events[0]}, true
		return c, err
	})
	return r, fresh, err
}

// mayAlone lets a request pass that needs no second person. Else approvers are told, once, and the error wraps ErrPending.
func (s *Service) mayAlone(ctx context.Context, a Action, r asked, fresh, policy bool) error {
	if policy {
		if fresh {
			s.tell(ctx, r.Event)
		}
		return fmt.Errorf("%w: reveal request %s of action %s", ErrPending, r.ID, a.ID)
	}
	over, err := s.overLimit(ctx, VerbReveal, r.Event)
	if over == nil || err != nil {
		return err
	}
	if !fresh {
		if fresh, err = s.unalarmed(ctx, r.Event); err != nil {
			return err
		}
	}
	if fresh {
		alarm := overLimitAlarm(a, r.Actor, over)
		alarm.Request = r.ID
		if err := s.notice(ctx, alarm); err != nil {
			return err
		}
		s.tell(ctx, r.Event)
	}
	return fmt.Errorf("%w: reveal request %s of action %s is over the limit of %s", ErrPending, r.ID, a.ID, over)
}

// unalarmed reports whether the process that made a request ended before it raised the alarm.
func (s *Service) unalarmed(ctx context.Context, request Event) (bool, error) {
	f := EventFilter{Scope: request.Scope, Devices: []string{request.Device}, Actor: request.Actor.ID, Types: []EventType{EventAlarm}}
	missing := true
	err := s.backwards(ctx, f, request.Time.Add(-skew), func(e Event) bool {
		missing = e.Request != request.ID
		return missing
	})
	return missing, err
}

// alarmReveals makes up for the alarms, and the news, of requests over a limit whose process ended before it raised them.
func (s *Service) alarmReveals(ctx context.Context) error {
	if !slices.ContainsFunc(s.cfg.Limits, func(l Limit) bool { return l.Verb == VerbReveal }) {
		return nil
	}
	open, err := s.openReveals(ctx, EventFilter{})
	if err != nil {
		return err
	}
	for _, r := range open {
		a, err := s.cfg.Store.Get(ctx, r.Action)
		if err != nil {
			return err
		}
		if s.second(r.Actor, VerbReveal, Target{Device: a.Device, Action: &a}) {
			continue
		}
		if err := s.mayAlone(ctx, a, asked{Event: r}, false, false); err != nil && !errors.Is(err, ErrPending) {
			return err
		}
	}
	return nil
}

// disclose commits the disclosure: only then may what was opened be given out. With a request, which must still be open, that is used up.
func (s *Service) disclose(ctx context.Context, a Action, e Event, open opener) error {
	_, err := s.update(ctx, a, func(a Action) (Change, error) {
		if err := s.stillOpen(ctx, a, e.Request); err != nil {
			return Change{}, err
		}
		code, n, err := open(ctx, a)
		if err != nil {
			return Change{}, err
		}
		e := e
		e.Secret = n
		for _, f := range [...]struct{ field, text string }{{"reason", e.Reason}, {"ticket", e.Ticket}} {
			if contains(f.text, code) {
				return Change{}, &InputError{Field: f.field, Rule: "must not contain the PIN: it is kept in clear"}
			}
		}
		e.Reason = s.withholdText(ctx, a, e.Reason)
		if code.IsZero() || a.pins() > 1 { // which may be any, or one of the others
			e.Ticket = s.withholdText(ctx, a, e.Ticket)
		}
		return s.act(a, e)
	})
	return err
}

// stillOpen makes sure that a request, if there is one, was not used or decided meanwhile.
func (s *Service) stillOpen(ctx context.Context, a Action, request ID) error {
	if request == "" {
		return nil
	}
	open, err := s.revealRequests(ctx, a.ID)
	if err == nil && !slices.ContainsFunc(open, func(r asked) bool { return r.ID == request }) {
		return errUsed
	}
	return err
}

// whoPurged adds to the error when and by whom the secrets of the action were purged.
func (s *Service) whoPurged(ctx context.Context, id ID, err error) error {
	purges, failed := s.cfg.Store.Events(ctx, EventFilter{Action: id, Types: []EventType{EventPurged}, Newest: true, Limit: 1})
	if failed != nil || len(purges) == 0 {
		return err
	}
	return fmt.Errorf("%w, on %s by %s", err, purges[0].Time.Format(time.RFC3339), purges[0].Actor.ID)
}
