package lock

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"
)

// poller is a Sender that can be asked what became of a command.
type poller interface {
	Poll(ctx context.Context, a Action) (Report, error)
}

// withdrawer is a Sender that can have a command dropped.
type withdrawer interface {
	Withdraw(ctx context.Context, a Action) error
}

// follows reports whether something is left to do for an action that ended without an answer: what was cancelled is withdrawn if it may have
// left, by a name or not, and of what lapsed the provider is asked once more.
func (p Platform) follows(a Action) bool {
	switch a.State {
	case StateCancelled:
		_, can := p.Sender.(withdrawer)
		return can && (a.Ref != "" || a.Deliveries > a.Deferrals)
	case StateUnconfirmed:
		_, can := p.Sender.(poller)
		return can && a.Ref != ""
	default:
		return false
	}
}

// poll asks for the result of a command that was sent, and takes it as any other report, unless it was sent again meanwhile: what is said of
// one delivery is not true of the next.
func (s *Service) poll(ctx context.Context, p Platform, a Action) (Action, wakeOutcome, error) {
	sender, can := p.Sender.(poller)
	if !can {
		return a, wakeOutcome{class: a.WakeOutcome}, nil
	}
	var r Report
	o := outcomeOf(bounded(ctx, func(ctx context.Context) (err error) {
		r, err = sender.Poll(ctx, a.withoutBoxes())
		return err
	}))
	if o.failed() || r.Outcome == "" {
		return a, o, nil
	}
	r.Scope, r.Device, r.Action = a.Device.Scope, a.Device.ID, a.ID
	same := func(now Action) bool { return now.Ref == a.Ref && now.Deliveries == a.Deliveries }
	if err := s.report(ctx, r, same); err != nil {
		return a, o, err
	}
	after, err := s.cfg.Store.Get(ctx, a.ID)
	return after, o, err
}

// followed takes an action that ended, and of which the provider gave its answer, off the schedule. What may be on its way yet is asked
// about again.
func (s *Service) followed(ctx context.Context, p Platform, a Action, o wakeOutcome) (Action, wakeOutcome, error) {
	if !o.answered || a.Due.IsZero() || !p.follows(a) || s.leaving(a) {
		return a, o, nil
	}
	a, err := s.update(ctx, a, func(a Action) (Change, error) {
		if !p.follows(a) {
			return Change{}, nil
		}
		return Change{Actions: []Action{a}}.rest(time.Time{}), nil
	})
	return a, o, err
}

// followAt is when Run does again what is left to do for an action that ended, if it gets no answer: for about a day.
func (s *Service) followAt(a Action) time.Time {
	if a.Wake > 5 {
		return time.Time{}
	}
	return s.now().Add(backoff(a.ID, a.Wake))
}

// toFollow puts an action that ended on the schedule of what is left to do for it, if anything is.
func (s *Service) toFollow(c Change) Change {
	c = c.rest(time.Time{})
	if a := &c.Actions[0]; s.platforms[a.Device.Platform].follows(*a) {
		a.Wake = 1
		a.Due = s.followAt(*a)
	}
	return c
}

// takeBackNow is takeBack at once, of an action that Run asks about again until there is an answer.
func (s *Service) takeBackNow(ctx context.Context, a Action) Action {
	after, _, err := s.followed(ctx, s.platforms[a.Device.Platform], a, s.takeBack(ctx, a))
	if err != nil { // then it is asked once more than it had to be
		return a
	}
	return after
}

// takeBack asks the provider to drop a command that was cancelled. That it cannot changes nothing: it is as if it had left already. It is
// logged once nobody will ask again.
func (s *Service) takeBack(ctx context.Context, a Action) wakeOutcome {
	p := s.platforms[a.Device.Platform]
	sender, can := p.Sender.(withdrawer)
	if !can || !p.follows(a) {
		return wakeOutcome{class: a.WakeOutcome}
	}
	err := bounded(ctx, func(ctx context.Context) error { return sender.Withdraw(ctx, a.withoutBoxes()) })
	o := outcomeOf(err)
	if err != nil && (o.answered || a.Due.IsZero()) {
		s.notWithdrawn(ctx, a, o.class, err)
	}
	return o
}

func (s *Service) notWithdrawn(ctx context.Context, a Action, class string, err error) {
	s.cfg.Logger.WarnContext(ctx, "command could not be withdrawn", slog.String("action", string(a.ID)), slog.String("device", a.Device.ID),
		slog.String("ref", a.Ref), slog.String("outcome", class), slog.Any("error", err))
}

// byRef finds the action that its transport calls by that name. A provider may tell the result before the name is durable: then the report
// is an error that has it come again, for as long as some command of the device is on its way.
func (s *Service) byRef(ctx context.Context, r Report) (Action, error) {
	for _, f := range []Filter{{Scope: r.Scope, Devices: []string{r.Device}, Ref: r.Ref, Limit: 1}, {Scope: r.Scope, Ref: r.Ref, Limit: 1}} {
		found, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return Action{}, err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	known, err := s.cfg.Store.List(ctx, Filter{
		Scope: r.Scope, Devices: []string{r.Device}, States: []State{StateIssued, StateCancelled, StateUnconfirmed},
	})
	if err != nil {
		return Action{}, err
	}
	if slices.ContainsFunc(known, s.nameless) {
		return Action{}, errEarly
	}
	return Action{}, ErrNotOurs
}

// nameless reports whether the name of a command may still come: its Send has not returned, or its process died, and it is sent again.
func (s *Service) nameless(a Action) bool {
	if s.platforms[a.Device.Platform].Sender == nil || a.Ref != "" || a.Deliveries == 0 {
		return false
	}
	return a.State == StateIssued || s.leaving(a)
}

// leaving reports whether the Send of a command without a name may not have returned.
func (s *Service) leaving(a Action) bool {
	return a.Ref == "" && s.now().Before(a.Delivered.Add(time.Minute))
}

var errEarly = errors.New("a command of this device is being sent, and may be the one that this names: report it again")
