package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Report records what a device said of a command. It returns when that is durable: only then may the device be told that its answer was
// received. A repeated answer is recorded once. What the device says wins over what we thought: an acknowledgement confirms an action
// that was cancelled or had lapsed. A PIN that the device made (Report.Secret) is kept whatever the rest means: also with a refusal, and of
// an action that ended, as EventSecretAdded; one more than 64 different ones of an action is an *InputError. When an action that Returns is
// acknowledged and the ledger has no PIN of it, that is a finding of the action (pin_lost) and an alarm.
//
// With Ref instead of Action, the result of a command that is being sent may come before its name is durable: that is an error, too. Of an
// action that was sent again only the last name is known: a result by an earlier one is ErrNotOurs.
//
// Errors: ErrNotOurs (pass the result on), ErrWrongDevice (recorded as an alarm), *InputError; any other means that nothing is durable
// and the device must send its answer again.
func (s *Service) Report(ctx context.Context, r Report) error {
	return s.report(ctx, r, func(Action) bool { return true })
}

// report is Report of an action for which the condition holds when it is recorded.
func (s *Service) report(ctx context.Context, r Report, holds func(Action) bool) error {
	if err := (Device{Scope: r.Scope, ID: r.Device}).validate(); err != nil {
		return err
	}
	switch r.Outcome {
	case Acknowledged, Refused, NotNow, Progress:
	default:
		return &InputError{Field: "outcome", Rule: "must be acknowledged, refused, not-now or progress"}
	}
	if err := checkRef(r.Ref); err != nil {
		return err
	}
	a, err := s.reported(ctx, r)
	if err != nil {
		return err
	}
	r.Action = a.ID
	if a.Device.Scope != r.Scope || a.Device.ID != r.Device {
		return s.wrongDevice(ctx, r)
	}
	_, err = s.update(ctx, a, func(a Action) (Change, error) {
		if !holds(a) { // what it says of an earlier delivery is out of date, but for a PIN that the device made
			r = Report{Scope: r.Scope, Device: r.Device, Action: r.Action, Secret: r.Secret}
		}
		return s.answer(ctx, a, r)
	})
	var impossible *TransitionError
	if errors.As(err, &impossible) { // nothing to change: a repeated or contradictory answer must not fail the device for ever
		s.cfg.Logger.WarnContext(ctx, "report ignored",
			slog.String("action", string(a.ID)), slog.String("state", string(impossible.State)), slog.String("outcome", string(r.Outcome)))
		return nil
	}
	if err == nil && r.Outcome == NotNow {
		s.Kick()
	}
	return err
}

// reported finds the action that a report is about, by ID or by Ref.
func (s *Service) reported(ctx context.Context, r Report) (Action, error) {
	if r.Action == "" && r.Ref != "" {
		return s.byRef(ctx, r)
	}
	a, err := s.cfg.Store.Get(ctx, r.Action)
	if errors.Is(err, ErrNotFound) || err == nil && a.Kind == KindEscrow { // which was never sent, so no device can answer it
		return Action{}, ErrNotOurs
	}
	return a, err
}

func (s *Service) wrongDevice(ctx context.Context, r Report) error {
	err := s.notice(ctx, Event{
		Type: EventAlarm, Actor: Actor{ID: actorDevice}, Scope: r.Scope, Device: r.Device, Other: r.Action,
		Reason: "the device answered a command of another device", Facts: map[string]string{"outcome": string(r.Outcome)},
	})
	if err != nil {
		return err
	}
	return fmt.Errorf("%w: %s", ErrWrongDevice, r.Action)
}

// answer makes the change that a report means for its action, or none. Of what comes too late to mean anything, a PIN that the device made
// is kept.
func (s *Service) answer(ctx context.Context, a Action, r Report) (Change, error) {
	e, err := s.said(ctx, a, r)
	if err != nil {
		return Change{}, err
	}
	c, err := s.outcome(ctx, a, e, r)
	var impossible *TransitionError
	nothing := err == nil && len(c.Actions) == 0 || errors.As(err, &impossible)
	if nothing && len(e.Secrets) > 0 {
		return s.act(a, Event{Type: EventSecretAdded, Actor: e.Actor, Secrets: e.Secrets})
	}
	return c, err
}

// said is what a report brings: without what the command and the device keep secret, but for the PIN, which is sealed.
func (s *Service) said(ctx context.Context, a Action, r Report) (Event, error) {
	e := Event{Actor: Actor{ID: actorDevice}}
	var err error
	if e.Secrets, err = s.returned(ctx, a, r.Secret); err != nil {
		return e, err
	}
	facts, err := s.withhold(ctx, a, r.Facts, r.Secret)
	if err != nil {
		return e, err
	}
	e.Facts = room(a.Facts, facts)
	if e.Findings, err = s.withholdFindings(ctx, a, r.Findings, r.Secret); err != nil {
		return e, err
	}
	if a.Ref == "" { // its sender did not live to record it
		e.Ref, err = s.withholdRef(ctx, a, r.Ref, r.Secret)
	}
	return e, err
}

// maxPINs keeps a device from filling an action: it makes one PIN, and a few more at most when it acts on a command again.
const maxPINs = 64

// pins counts those that the ledger has of the action.
func (a Action) pins() (n int) {
	for _, secret := range a.Secrets {
		if secret.Name == SecretPIN {
			n++
		}
	}
	return n
}

// returned seals the PIN that a device made, unless the ledger has it of the action: a late repetition of an earlier one is not the newest.
func (s *Service) returned(ctx context.Context, a Action, made pin.PIN) ([]Secret, error) {
	if made.IsZero() {
		return nil, nil
	}
	if !a.Returns {
		return nil, &InputError{Field: "secret", Rule: "must come of an action for which the device makes the PIN"}
	}
	kept, err := s.openPINs(ctx, a)
	switch {
	case slices.ContainsFunc(kept, made.Equal):
		return nil, nil
	case err != nil && !lost(err): // one that does not open stays, and this one stands beside it
		return nil, err
	case a.pins() >= maxPINs:
		return nil, &InputError{Field: "secret", Rule: fmt.Sprintf("must not be one more than the %d different PINs of this action", maxPINs)}
	}
	sealed, err := s.seal(ctx, a, SecretPIN, made)
	return []Secret{sealed}, err
}

// outcome makes the change of a report by what came of the command; none when it says nothing new.
func (s *Service) outcome(ctx context.Context, a Action, e Event, r Report) (Change, error) {
	switch r.Outcome {
	case Acknowledged:
		return s.acknowledge(ctx, a, e, !r.Unproven)
	case Refused:
		name := cmp.Or(r.Ref, a.Ref) // of one delivery, but for a transport that calls each by the action's ID
		return s.refuse(a, e, name == "" || name == string(a.ID) || !a.undecided())
	case NotNow:
		e.Type = EventNotNow
		if a.Deferred || a.Returns && a.Deliveries > 1 { // a delivery that only asks is excused by nothing
			return Change{}, nil
		}
		c, err := s.act(a, e)
		return c.rest(s.dueAt(s.platforms[a.Device.Platform], a, rewake)), err
	case Progress:
		e.Type = EventProgress
		if e.Ref == "" && (len(e.Facts) > 0 || len(e.Findings) > 0 || !r.Secret.IsZero()) && !a.news(e) {
			return Change{}, nil
		}
		c, err := s.act(a, e)
		return c.rest(a.Due), err
	default:
		return Change{}, nil
	}
}

// news reports whether an event says something that the action does not have.
func (a Action) news(e Event) bool {
	return len(e.Secrets) > 0 || !maps.Equal(a.Facts, merged(a.Facts, e.Facts)) || !slices.Equal(a.Findings, noted(a.Findings, e))
}

// room keeps an action from growing for ever: beyond 128 facts, only those that it has may change.
func room(have, said map[string]string) map[string]string {
	if len(have)+len(said) > 128 {
		maps.DeleteFunc(said, func(name, _ string) bool { _, known := have[name]; return !known })
	}
	return said
}

// rest sets when Run looks at the first action of the change next, and forgets the wake-ups so far.
func (c Change) rest(due time.Time) Change {
	c.Actions[0].Due, c.Actions[0].Wake = due, 0
	return c
}

// acknowledge confirms the action, whatever we thought of it. Each delivery can be acknowledged once; more is repetition. What proves nothing
// but receipt ends no other action.
func (s *Service) acknowledge(ctx context.Context, a Action, e Event, proven bool) (Change, error) {
	if a.Answers >= max(1, a.Deliveries) {
		return Change{}, nil
	}
	e.Type = EventAcknowledged
	next, sealed, err := s.advance(a, e)
	if err != nil {
		return Change{}, err
	}
	var c Change
	if next.Lane != "" {
		holder, found, err := s.inLane(ctx, a.Device, next.Lane)
		switch {
		case err != nil:
			return Change{}, err
		case !found || holder.ID == a.ID:
		case holder.State == StateQueued: // has not left: withdraw it, so that the device has one lock and one PIN
			if c, err = s.supersede(holder, a.ID, "superseded: the device acknowledged an earlier order late"); err != nil {
				return Change{}, err
			}
		default: // has left: both may be on the device, and the lane stays with the holder
			e.NoLane = true
			if next, sealed, err = s.advance(a, e); err != nil {
				return Change{}, err
			}
		}
	}
	next.Due, next.Wake = s.probeAt(next, 0), 0
	c.Actions, c.Events = append(c.Actions, next), append(c.Events, sealed)
	if c, err = s.withLoss(c, sealed); err != nil {
		return c, err
	}
	return s.ends(ctx, c, next, proven)
}

func (s *Service) supersede(holder Action, by ID, why string) (Change, error) {
	c, err := s.act(holder, Event{
		Type: EventCancelled, Actor: Actor{ID: actorSystem}, Other: by, Reason: why,
	})
	return c.rest(time.Time{}), err
}

// probeAt is when Run wakes a device that an action holds, to see whether it answers: after the guard, then at widening steps up to a
// day. A locked device stays silent.
func (s *Service) probeAt(a Action, wakes int) time.Time {
	p := s.platforms[a.Device.Platform]
	if !a.probed() || p.Waker == nil {
		return time.Time{}
	}
	pause := p.Guard
	for i := 0; i < wakes && pause < 24*time.Hour; i++ {
		pause *= 4
	}
	return s.now().Add(min(pause, 24*time.Hour))
}

// probed reports whether an answer of the device would say something.
func (a Action) probed() bool { return a.State == StateConfirmed && a.Holds && !a.talks() }

// all reads every page of a listing.
func (s *Service) all(ctx context.Context, f Filter) ([]Action, error) {
	var found []Action
	for f.Limit = 1000; ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return nil, err
		}
		found = append(found, page...)
		if len(page) < f.PageSize() {
			return slices.Clip(found), nil
		}
		f.Before = page[len(page)-1].ID
	}
}
