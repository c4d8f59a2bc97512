package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// choice is the PIN of an order, and how it came about.
type choice struct {
	code     pin.PIN
	from     Action // the action whose PIN is kept
	reused   bool   // it was used before or shown to somebody, which Request.Reuse allows
	findings []Finding
}

// made is when a kept PIN came into being.
func (c choice) made() time.Time {
	if c.from.PINMade.IsZero() {
		return c.from.Created
	}
	return c.from.PINMade
}

// choose finds the PIN of an order: the caller's own, the one that is in use, or a new one.
func (s *Service) choose(ctx context.Context, actor Actor, kind Kind, plan Plan, r Request) (choice, error) {
	switch {
	case plan.NoPIN && !r.PIN.IsZero():
		return choice{}, &InputError{Field: "pin", Rule: "cannot be chosen for this device: the order carries none"}
	case plan.NoPIN && r.Keep:
		return choice{}, &InputError{Field: "keep", Rule: "is not possible for this device: the order carries no PIN"}
	case plan.NoPIN:
		return choice{}, nil
	case r.Keep:
		return s.keep(ctx, actor, kind, plan, r)
	}
	used, err := s.past(ctx, r.Device)
	if err != nil {
		return choice{}, err
	}
	if !r.PIN.IsZero() {
		return s.supplied(ctx, actor, plan, r, used)
	}
	return s.draw(plan, r, used)
}

// draw makes a new PIN that no text of the order contains.
func (s *Service) draw(plan Plan, r Request, used past) (choice, error) {
	for range 100 {
		code, err := s.cfg.Rotation.Generate(plan.Policy, used.last, used.disclosed)
		if err != nil {
			return choice{}, fmt.Errorf("draw a PIN: %w", err)
		}
		if r.discreet(code) == nil {
			return choice{code: code, findings: used.findings}, nil
		}
	}
	return choice{}, &InputError{Field: "message", Rule: "contains so many digits that a PIN cannot be kept out of it"}
}

// supplied takes the caller's PIN, if policy and rotation accept it. That rotation does not is on record, because the answer says that
// this is one of the device's PINs.
func (s *Service) supplied(ctx context.Context, actor Actor, plan Plan, r Request, used past) (choice, error) {
	if err := suppliedPolicy(plan, r).Check(r.PIN); err != nil {
		return choice{}, refusedPIN(err)
	}
	c := choice{code: r.PIN, findings: slices.Concat(used.findings, shared(r))}
	if err := s.cfg.Rotation.Check(r.PIN, used.last, used.disclosed); err != nil {
		if r.Reuse == "" {
			return c, s.guessed(ctx, actor, r, refusedPIN(err))
		}
		c.reused = true
		c.findings = append(c.findings, reuseFinding())
	}
	return c, nil
}

func refusedPIN(err error) error {
	rule := err.Error()
	if broken := (*pin.Error)(nil); errors.As(err, &broken) {
		rule = broken.Rule
	}
	return &InputError{Field: "pin", Rule: rule, Err: err}
}

// guessed records that an order was refused in words which tell something of a PIN in the ledger: whoever may lock could try out PINs.
func (s *Service) guessed(ctx context.Context, actor Actor, r Request, answer error) error {
	err := s.notice(ctx, Event{
		Type: EventAlarm, Actor: actor, Scope: r.Device.Scope, Device: r.Device.ID,
		Reason: "an order was refused because of a PIN that the device has or had: " + answer.Error(),
	})
	if err != nil {
		return fmt.Errorf("the order was refused, and that could not be recorded: %w", err)
	}
	return answer
}

// suppliedPolicy refuses also what this order says in clear: a phone number is no PIN.
func suppliedPolicy(plan Plan, r Request) pin.Policy {
	p := plan.Policy
	p.Avoid = slices.Concat(p.Avoid, []string{r.PhoneNumber})
	return p
}

// past is what the device's earlier PINs say about the next one. Both lists are newest first.
type past struct {
	last, disclosed []pin.PIN
	findings        []Finding // when some could not be opened
}

// pastPINs is how many of a device's actions an order looks at for PINs that must not come again.
const pastPINs = 100

// past opens the device's PINs. One that does not open must not stand in the way of a lock: it is on record that it was not compared.
func (s *Service) past(ctx context.Context, d Device) (past, error) {
	var actions []Action
	for _, f := range ledgerOf(d) {
		f.Kinds, f.Limit = pinKinds(), pastPINs
		found, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return past{}, err
		}
		actions = append(actions, found...)
	}
	actions = withPIN(actions)
	var used past
	unread := 0
	for _, a := range actions[:min(len(actions), pastPINs)] {
		a, err := s.cfg.Store.Get(ctx, a.ID)
		if err != nil {
			return past{}, err
		}
		code, _, err := s.open(ctx, a, SecretPIN)
		if ctx.Err() != nil {
			return past{}, ctx.Err()
		}
		if err != nil {
			unread++
			continue
		}
		used.last = append(used.last, code)
		if a.Disclosures > 0 {
			used.disclosed = append(used.disclosed, code)
		}
	}
	if unread > 0 {
		used.findings = []Finding{{
			Code: "pin_history_unread", Level: LevelWarn, Field: "pin",
			Text: fmt.Sprintf("Earlier PINs of this device could not be opened (%d): the PIN was not compared with them.", unread),
		}}
	}
	return used, nil
}

// pinKinds are the kinds of action that may have a PIN.
func pinKinds() []Kind { return []Kind{KindLock, KindLostMode, KindResetPasscode} }
