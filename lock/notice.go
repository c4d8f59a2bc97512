package lock

import (
	"context"
	"errors"
	"fmt"
)

// Note records a notice: something that concerns no action, such as a sign-in, or that the audit log was read. Facts are cut as those
// of a Report. It returns when the notice is durable.
func (s *Service) Note(ctx context.Context, a Actor, t EventType, scope string, facts map[string]string) error {
	switch t {
	case EventSignedIn, EventAuditRead, EventAuditVerified, EventAlarm, EventEnrolmentLink, EventEnrolled,
		EventRemoved, EventAccount, EventGroup, EventKeyring:
	default:
		return &InputError{Field: "type", Rule: "must be a notice, not " + clip(string(t), 32)}
	}
	if err := checkText("scope", scope, 64, true); err != nil {
		return err
	}
	return s.notice(ctx, Event{Type: t, Actor: a, Scope: scope, Facts: clipFacts(facts)})
}

// notice commits an event of no action.
func (s *Service) notice(ctx context.Context, e Event) error {
	c, err := s.noticeChange(e)
	if err != nil {
		return err
	}
	return s.commit(ctx, c)
}

func (s *Service) noticeChange(e Event) (Change, error) {
	e.Time = s.now()
	e.ID = NewID(e.Time)
	err := e.Seal(nil)
	return Change{Events: []Event{e}}, err
}

// Allow asks the Authorizer for an act of the embedder's own, with a verb of this package or of its own, as the service asks for each of
// its acts: a denial is recorded, and returned with ErrDenied. Nothing else is recorded. An empty target stands for all scopes, and one with
// nothing but a scope for no device in particular.
func (s *Service) Allow(ctx context.Context, a Actor, v Verb, t Target) error {
	return s.allow(ctx, a, v, t)
}

// allow is the one gate that every act of a person passes first. It fails closed and records denials.
func (s *Service) allow(ctx context.Context, a Actor, v Verb, t Target) error {
	if err := a.validate(); err != nil {
		return err
	}
	var cause error = errNoAuthorizer
	if s.cfg.Authorize != nil {
		cause = s.cfg.Authorize.Authorize(ctx, a, v, t)
	}
	if cause == nil || errors.Is(cause, ErrUndecided) {
		return cause
	}
	facts := map[string]string{"verb": string(v)}
	if t.Action != nil {
		facts["action"] = string(t.Action.ID)
	}
	return s.deny(ctx, a, v, t.Device.Scope, t.Device.ID, facts, cause)
}

// visible narrows a listing to what the actor may see.
func (s *Service) visible(ctx context.Context, a Actor, v Verb, f Filter) (Filter, error) {
	if err := a.validate(); err != nil {
		return f, err
	}
	if s.cfg.Authorize == nil {
		return f, s.deny(ctx, a, v, f.Scope, "", map[string]string{"verb": string(v)}, errNoAuthorizer)
	}
	narrow, cause := s.cfg.Authorize.Visible(ctx, a, v, f)
	if errors.Is(cause, ErrUndecided) {
		return f, cause
	}
	if cause != nil {
		return f, s.deny(ctx, a, v, f.Scope, "", map[string]string{"verb": string(v)}, cause)
	}
	return narrow, nil
}

const errNoAuthorizer Error = "no Authorizer is configured, so nobody may do anything"

func (s *Service) deny(ctx context.Context, a Actor, v Verb, scope, device string, facts map[string]string, cause error) error {
	denied := fmt.Errorf("%w: %s: %w", ErrDenied, v, cause)
	err := s.notice(ctx, Event{
		Type: EventDenied, Actor: a, Scope: scope, Device: device, Reason: clip(cause.Error(), 1024), Facts: facts,
	})
	if err != nil {
		return fmt.Errorf("%w; and the denial could not be recorded: %w", denied, err)
	}
	return denied
}
