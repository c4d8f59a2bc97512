package lock

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// deadline is how long an order waits for its device when the request does not say. A passcode that somebody waits for is of no use later.
func deadline(kind Kind) time.Duration {
	switch kind {
	case KindResetPasscode, KindClearPasscode:
		return 10 * time.Minute
	default:
		return 30 * 24 * time.Hour
	}
}

// Lock orders a lock. When it returns, the PIN is sealed and durable and the action is queued: the device fetches it when it comes
// online. A repeated order returns the live action, marked as Joined; one that cannot join it is a *BusyError. Other errors:
// *InputError, *BlockedError, ErrKeyReused, ErrDenied, or the store's, after which repeating the call with the same Key is safe.
//
// With Config.Limits or Config.SecondPerson the action may be held instead, which is no error: nothing is delivered before somebody else
// approves it. An order joins what is live first, and only one that would be held itself joins one that is held. Another actor's that a
// limit holds, or that is not judged yet, is superseded instead, unless SecondPerson wants somebody for this one: nobody waits because of
// what somebody else is over.
func (s *Service) Lock(ctx context.Context, actor Actor, r Request) (Action, error) {
	return s.order(ctx, actor, KindLock, VerbLock, r, Target{})
}

// LostMode orders lost mode: locked, until an unlock ends it. Otherwise it is as Lock, and takes the same lane.
func (s *Service) LostMode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return s.order(ctx, actor, KindLostMode, VerbLock, r, Target{})
}

// ResetPasscode orders a new passcode, which is the PIN of the action. Otherwise it is as Lock, but for the deadline: 10 minutes.
func (s *Service) ResetPasscode(ctx context.Context, actor Actor, r Request) (Action, error) {
	return s.order(ctx, actor, KindResetPasscode, VerbReset, r, Target{})
}

// Preflight says what an order of Request.Kind would do on this device, without ordering it. It asks for the right to order that kind.
// Findings at LevelBlock are no error here: what the policy has against a PIN of the caller's own is among them, why a PIN cannot be kept,
// and why an unlock or a revoke-token cannot end Request.Of (not_to_end). When another order is live in the lane of this one, not counting
// what is held, that is the only finding, because nothing else would happen: this one would join it (live_lock, for other kinds than a lock
// live_order), or be refused (busy, which blocks, at the field pin when that is because of the PIN). Only an order compares a PIN with that
// of the live one, or with earlier ones, because whoever asks could try out PINs, and an order is on record.
func (s *Service) Preflight(ctx context.Context, actor Actor, r Request) ([]Finding, error) {
	if err := r.validate(s.now()); err != nil {
		return nil, err
	}
	r.Kind = cmp.Or(r.Kind, KindLock)
	v, err := r.Kind.verb()
	if err != nil {
		return nil, err
	}
	t := Target{Device: r.Device}
	if r.Of != "" && (r.Kind == KindUnlock || r.Kind == KindRevokeToken) {
		ended, err := s.cfg.Store.Get(ctx, r.Of)
		if err != nil {
			return nil, err
		}
		t.Action = &ended
	}
	if err := s.allow(ctx, actor, v, t); err != nil {
		return nil, err
	}
	_, plan, err := s.plan(ctx, r)
	if err != nil {
		return nil, err
	}
	about, err := s.judge(ctx, r.Kind, plan.Plan, r)
	if err != nil {
		return nil, err
	}
	findings := slices.Concat(plan.Findings, about)
	if t.Action != nil {
		if rule := endedBy(t.Action, r.Kind, r.Device); rule != "" {
			return append(findings, Finding{Code: "not_to_end", Level: LevelBlock, Field: "of", Text: "The order " + rule + "."}), nil
		}
	}
	if beside, err := s.beside(ctx, actor, r, t.Action); err != nil || beside != nil {
		return beside, err
	}
	return findings, nil
}

// verb is the right that an order of this kind takes.
func (k Kind) verb() (Verb, error) {
	switch k {
	case KindLock, KindLostMode:
		return VerbLock, nil
	case KindResetPasscode, KindClearPasscode:
		return VerbReset, nil
	case KindUnlock:
		return VerbUnlock, nil
	case KindProvisionToken, KindRevokeToken:
		return VerbProvision, nil
	default:
		return "", &InputError{Field: "kind", Rule: "must be one that can be ordered"}
	}
}

func (r Request) validate(now time.Time) error {
	if err := r.Device.validate(); err != nil {
		return err
	}
	if err := checkText("device.platform", r.Device.Platform, 64, true); err != nil {
		return err
	}
	if err := cmp.Or(
		checkText("reason", r.Reason, 1024, false),
		checkText("ticket", r.Ticket, 128, false),
		checkText("key", r.Key, 128, false),
		checkText("batch", r.Batch, 128, false),
		checkText("message", r.Message, 2048, false),
		checkText("phone_number", r.PhoneNumber, 64, false),
		checkText("reuse", r.Reuse, 1024, false),
	); err != nil {
		return err
	}
	if !r.NotAfter.IsZero() && !r.NotAfter.After(now) {
		return &InputError{Field: "not_after", Rule: "must be in the future"}
	}
	switch {
	case r.Keep && !r.PIN.IsZero():
		return &InputError{Field: "keep", Rule: "keeps the PIN that is in use, so there must be no other one"}
	case r.Reuse != "" && !r.Keep && r.PIN.IsZero():
		return &InputError{Field: "reuse", Rule: "is only for a PIN that is kept or chosen: a new one is never used before"}
	}
	if err := checkOptions(r.Options); err != nil {
		return err
	}
	if leak := r.discreet(r.PIN); leak != nil {
		return leak
	}
	return nil
}

// order is the way of every ordering verb: gate, idempotency key, lane, preflight, PIN, escrow.
func (s *Service) order(ctx context.Context, actor Actor, kind Kind, v Verb, r Request, t Target) (a Action, err error) {
	if err := r.validate(s.now()); err != nil {
		return Action{}, err
	}
	t.Device, r.Kind, r.Of = r.Device, kind, ""
	if t.Action != nil {
		r.Of = t.Action.ID
	}
	if err := s.allow(ctx, actor, v, t); err != nil {
		return Action{}, err
	}
	if t.Action != nil {
		if rule := endedBy(t.Action, kind, r.Device); rule != "" {
			if a, known, err := s.byKey(ctx, kind, r); known || err != nil { // it may have ended it
				return a, err
			}
			return Action{}, &InputError{Field: "of", Rule: rule}
		}
	}
	r.state, r.heldBy = s.begins(actor, kind, r, t)
	a, err = s.place(ctx, actor, kind, r)
	if err == nil && a.State == StateHeld {
		a, err = s.settle(ctx, actor, a, r)
	}
	if err == nil {
		s.announce(a)
	}
	return a, err
}

// place commits an order that was allowed, or finds the action that it joins. How the order begins is in the request: see begins.
func (s *Service) place(ctx context.Context, actor Actor, kind Kind, r Request) (a Action, err error) {
	unlock, err := s.devices.lock(ctx, r.Device.Scope, r.Device.ID)
	if err != nil {
		return Action{}, err
	}
	defer unlock()
	err = retry(ctx, func() error {
		a, err = s.orderOnce(ctx, actor, kind, r)
		return err
	})
	return a.withoutBoxes(), err
}

func (s *Service) orderOnce(ctx context.Context, actor Actor, kind Kind, r Request) (Action, error) {
	if a, found, err := s.byKey(ctx, kind, r); found || err != nil {
		return a, err
	}
	lanes := []string{kind.lane()}
	if r.state == StateHeld {
		lanes = append(lanes, heldLane(kind.lane()))
	}
	live, found, err := s.inLane(ctx, r.Device, lanes...)
	if err != nil {
		return Action{}, err
	}
	if found {
		if e, over := s.overdue(live, s.platforms[r.Device.Platform]); over && live.State == StateHeld {
			return Action{}, cmp.Or(s.record(ctx, live, e), error(ErrConflict)) // look again
		}
		if r.stands(actor, live) {
			return s.oust(ctx, actor, live, kind, r)
		}
		return s.join(ctx, actor, live, kind, r)
	}
	c, err := s.draft(ctx, actor, kind, r)
	if err != nil {
		return Action{}, err
	}
	return c.Actions[0], s.commit(ctx, c)
}

// byKey finds the action to which the request's idempotency key, if it has one, leads for ever.
func (s *Service) byKey(ctx context.Context, kind Kind, r Request) (Action, bool, error) {
	if r.Key == "" {
		return Action{}, false, nil
	}
	found, err := s.cfg.Store.List(ctx, Filter{Scope: r.Device.Scope, Key: r.Key, Limit: 1})
	if err != nil || len(found) == 0 {
		return Action{}, false, err
	}
	a := found[0]
	if a.Device.ID != r.Device.ID || a.Kind != kind || a.Of != r.Of {
		return Action{}, true, ErrKeyReused
	}
	a.Joined = true
	return a, true, nil
}

// inLane finds the action that holds a lane of the device, in the first of some lanes that is taken.
func (s *Service) inLane(ctx context.Context, d Device, lanes ...string) (Action, bool, error) {
	live, err := s.cfg.Store.List(ctx, Filter{Scope: d.Scope, Devices: []string{d.ID}, Live: true})
	if err != nil {
		return Action{}, false, err
	}
	for _, lane := range lanes {
		if i := slices.IndexFunc(live, func(a Action) bool { return a.Lane == lane }); i >= 0 {
			return live[i], true, nil
		}
	}
	return Action{}, false, nil
}

// join answers an order with the live action of its lane, when it is the same order: no second PIN comes into being.
func (s *Service) join(ctx context.Context, actor Actor, live Action, kind Kind, r Request) (Action, error) {
	if live.Kind != kind || live.Of != r.Of {
		return Action{}, &BusyError{Live: live.withoutBoxes()}
	}
	full, err := s.cfg.Store.Get(ctx, live.ID)
	if err != nil {
		return Action{}, err
	}
	if same, err := s.samePIN(ctx, actor, full, r); err != nil || !same {
		return Action{}, cmp.Or(err, error(&BusyError{Live: live.withoutBoxes()}))
	}
	reason := s.withholdText(ctx, full, r.Reason)
	c, err := s.act(full, Event{Type: EventJoined, Actor: actor, Reason: reason, Key: r.Key})
	if err != nil {
		return Action{}, err
	}
	c.Key = r.Key
	if err := s.commit(ctx, c); err != nil {
		return Action{}, err
	}
	joined := c.Actions[0]
	joined.Joined = true
	return joined, nil
}

// samePIN reports whether the order asks for the PIN that the live action has. A PIN of the caller's own is compared only with one that
// the same actor chose: else the right to lock would be a way to find out, guess by guess, a PIN that only the right to reveal gives.
func (s *Service) samePIN(ctx context.Context, actor Actor, live Action, r Request) (bool, error) {
	if r.PIN.IsZero() || !live.Supplied || live.By.ID != actor.ID {
		return r.PIN.IsZero(), nil
	}
	code, _, err := s.open(ctx, live, SecretPIN)
	if lost(err) {
		return false, nil // nothing is left to compare with
	}
	return err == nil && code.Equal(r.PIN), err
}

// draft makes the whole change of a new order: preflight passed, PIN drawn and sealed, and proven to be encodable.
func (s *Service) draft(ctx context.Context, actor Actor, kind Kind, r Request) (Change, error) {
	p, plan, err := s.plan(ctx, r)
	if err != nil {
		return Change{}, err
	}
	if blocked(plan.Findings, r.Force) {
		return Change{}, &BlockedError{Findings: plan.Findings}
	}
	chosen, err := s.choose(ctx, actor, kind, plan.Plan, r)
	if err != nil {
		return Change{}, err
	}
	findings := slices.Concat(plan.Findings, chosen.findings)
	if blocked(chosen.findings, false) {
		return Change{}, &BlockedError{Findings: findings}
	}
	codes := chosen.earlier
	if plan.NoPIN {
		r.Reason = s.maskAll(r.Device, r.Reason)
	} else {
		codes = append(slices.Clip(codes), chosen.code)
	}
	if len(codes) > 0 {
		r.Reason, r.Reuse = mask(r.Reason, codes...), mask(r.Reuse, codes...)
	}
	now := s.now()
	if r.NotAfter.IsZero() {
		r.NotAfter = now.Add(deadline(kind))
	}
	a := Action{
		ID: NewID(now), Kind: kind, State: cmp.Or(r.state, StateQueued), HeldBy: r.heldBy, Of: r.Of, Device: r.Device.snapshot(),
		Ticket: r.Ticket, Message: r.Message, PhoneNumber: r.PhoneNumber, Options: maps.Clone(r.Options), Uses: plan.Uses,
		Supplied: !r.PIN.IsZero(), Kept: chosen.from.ID, PINMade: chosen.made(), Forced: forced(plan.Findings), Findings: findings,
		Batch: r.Batch, Holds: plan.Holds, Talks: plan.Talks, Returns: plan.Returns, NotAfter: r.NotAfter.UTC().Truncate(time.Microsecond),
	}
	if chosen.reused {
		a.Reuse = r.Reuse
	}
	o := Order{Action: a, Device: r.Device, PIN: chosen.code}
	if o.Secret, err = s.carried(ctx, plan); err != nil {
		return Change{}, err
	}
	if o.Ended, err = s.ended(ctx, a); err != nil {
		return Change{}, err
	}
	if _, err := p.Codec.Encode(o); err != nil {
		return Change{}, fmt.Errorf("the platform cannot encode this order: %w", err)
	}
	e := Event{Type: EventOrdered, Actor: actor, Reason: r.Reason, Key: r.Key}
	if e.Secrets, err = s.sealed(ctx, plan, o); err != nil {
		return Change{}, err
	}
	c, err := s.create(a, e, now)
	if a.HeldBy != "" {
		c.Actions[0].Due = s.heldUntil(c.Actions[0])
	}
	return c, err
}

// create makes the change that brings an action into being.
func (s *Service) create(a Action, e Event, due time.Time) (Change, error) {
	ordered := a
	ordered.ID = "" // the event names the action
	e.Order = &ordered
	c, err := s.act(Action{ID: a.ID}, e)
	c.Actions[0].Due = due
	c.Key = e.Key
	return c, err
}

func forced(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == LevelBlock })
}

// blocked reports whether a finding stands in the way.
func blocked(findings []Finding, force bool) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == LevelBlock && !(f.Forceable && force) })
}

// discreet refuses texts that contain the PIN: they are shown on the locked screen, or kept in clear.
func (r Request) discreet(code pin.PIN) *InputError {
	for _, f := range []struct{ field, text string }{
		{"message", r.Message}, {"phone_number", r.PhoneNumber}, {"reason", r.Reason}, {"ticket", r.Ticket}, {"key", r.Key},
		{"batch", r.Batch}, {"reuse", r.Reuse},
	} {
		if contains(f.text, code) {
			return &InputError{Field: f.field, Rule: "must not contain the PIN"}
		}
	}
	for name, value := range r.Options {
		if contains(name, code) || contains(value, code) {
			return &InputError{Field: "options", Rule: "must not contain the PIN"}
		}
	}
	return nil
}
