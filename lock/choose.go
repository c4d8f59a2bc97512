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
	from     Action    // the action whose PIN is used again
	reused   bool      // it was used before or shown to somebody, which Request.Reuse allows
	earlier  []pin.PIN // of the device, as far as they were opened
	findings []Finding
}

// made is when a PIN that is used again came into being.
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
	case plan.Returns: // nothing is chosen, and people may write of the PINs that it had
		used, err := s.past(ctx, r.Device)
		return choice{earlier: used.codes}, err
	case plan.NoPIN:
		return choice{}, nil
	case r.Keep:
		return s.keep(ctx, kind, plan, r)
	}
	used, err := s.past(ctx, r.Device)
	if err != nil {
		return choice{}, err
	}
	if !r.PIN.IsZero() {
		return s.supplied(ctx, actor, kind, plan, r, used)
	}
	return s.draw(plan, r, used)
}

// draw makes a new PIN that no text of the order contains.
func (s *Service) draw(plan Plan, r Request, used past) (choice, error) {
	var full *InputError
	for range 100 {
		code, err := s.cfg.Rotation.Generate(plan.Policy, used.last, used.disclosed)
		if err != nil {
			return choice{}, fmt.Errorf("draw a PIN: %w", err)
		}
		if full = r.discreet(code); full == nil {
			return choice{code: code, earlier: used.codes, findings: used.findings}, nil
		}
	}
	return choice{}, &InputError{Field: full.Field, Rule: "contains so many digits that a PIN cannot be kept out of it"}
}

// supplied takes the caller's PIN, if policy and rotation accept it. That rotation does not is on record, because the answer says that
// this is one of the device's PINs.
func (s *Service) supplied(ctx context.Context, actor Actor, kind Kind, plan Plan, r Request, used past) (choice, error) {
	if err := plan.Policy.Check(r.PIN); err != nil {
		return choice{}, refusedPIN(err)
	}
	if err := s.triesLeft(ctx, r.Device); err != nil {
		return choice{}, err
	}
	// An order that cannot be sealed leaves no trace, so it must not be told either what its PIN is like.
	if _, err := s.seal(ctx, Action{ID: NewID(s.now()), Device: r.Device}, SecretPIN, r.PIN); err != nil {
		return choice{}, err
	}
	c := choice{code: r.PIN, earlier: used.codes, findings: slices.Concat(used.findings, shared(r))}
	if err := s.cfg.Rotation.Check(r.PIN, used.last, used.disclosed); err != nil {
		if used.holds(r.PIN, r.Device, kind.lane()) || r.state == StateHeld && !r.ousts && used.holds(r.PIN, r.Device, heldLane(kind.lane())) {
			return c, ErrConflict // it was ordered since this order looked at the lane, and can be joined
		}
		if r.Reuse == "" {
			return c, s.guessed(ctx, actor, r, refusedPIN(err))
		}
		c.reused, c.from = true, used.owner(r.PIN)
		c.findings = append(c.findings, reuseFinding())
	}
	return c, nil
}

// maxTries is how many orders of one device may carry a PIN of the caller's own in a day.
const maxTries = 10

// triesLeft keeps orders from being a way to find out the device's earlier PINs: each tells whether its PIN is one of them.
func (s *Service) triesLeft(ctx context.Context, d Device) error {
	tries := map[ID]bool{}
	for _, f := range ledgerOf(d) {
		f.Kinds, f.CreatedFrom = pinKinds(), s.now().Add(-24*time.Hour)
		day, err := s.all(ctx, f)
		if err != nil {
			return err
		}
		for _, a := range day {
			if a.Supplied {
				tries[a.ID] = true
			}
		}
	}
	if len(tries) >= maxTries {
		return &InputError{Field: "pin", Rule: fmt.Sprintf("was chosen for %d orders of this device in a day: order a new one, or wait", len(tries))}
	}
	return nil
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

// past is what the device's earlier PINs say about the next one. Both lists are newest first.
type past struct {
	last, disclosed []pin.PIN
	owners          []Action // the newest action of each PIN in codes
	codes           []pin.PIN
	pins            map[ID]*sharedPIN // by each action that has one
	findings        []Finding         // when some could not be opened
}

// owner is the newest action that has this PIN, which is among them.
func (p *past) owner(code pin.PIN) Action {
	return p.owners[slices.IndexFunc(p.codes, code.Equal)]
}

// holds reports whether an action with this PIN has a lane of the device, under the very ID by which it is looked for there.
func (p *past) holds(code pin.PIN, d Device, lane string) bool {
	for i, a := range p.owners {
		if a.Lane == lane && a.Device.ID == d.ID && code.Equal(p.codes[i]) {
			return true
		}
	}
	return false
}

// past opens those of the device's PINs that a new one must not be: the last ones, and all that somebody has seen. A PIN that was used
// again counts once, one that was purged not at all. One that does not open must not stand in the way of a lock: it is on record that it
// was not compared.
func (s *Service) past(ctx context.Context, d Device) (past, error) {
	var actions []Action
	for _, f := range ledgerOf(d) {
		f.Kinds = pinKinds()
		found, err := s.all(ctx, f)
		if err != nil {
			return past{}, err
		}
		actions = append(actions, found...)
	}
	actions = withPIN(actions)
	used := past{pins: sharedPINs(actions)}
	seen := map[*sharedPIN]bool{}
	unread := 0
	for _, a := range actions {
		p := used.pins[a.ID]
		recent := len(seen) < s.cfg.Rotation.History
		if !a.hasSecret(SecretPIN) || seen[p] || p.purged() || !recent && !p.disclosed {
			continue
		}
		seen[p] = true
		codes, err := s.openShared(ctx, p)
		switch {
		case ctx.Err() != nil:
			return past{}, ctx.Err()
		case errors.Is(err, ErrPurged): // just now
		case errors.Is(err, ErrSealed):
			unread++
		case err != nil:
			return past{}, err
		}
		used.owners, used.codes = append(used.owners, slices.Repeat([]Action{a}, len(codes))...), append(used.codes, codes...)
		if recent {
			used.last = append(used.last, codes...)
		}
		if p.disclosed {
			used.disclosed = append(used.disclosed, codes...)
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

// openShared opens a PIN in the newest of its actions where it opens, and with it those that the device returned of the same action. The
// error wraps ErrSealed when one does not open, and ErrPurged when none is left.
func (s *Service) openShared(ctx context.Context, p *sharedPIN) ([]pin.PIN, error) {
	failed := error(ErrPurged)
	for _, a := range slices.Backward(p.actions) {
		a, err := s.cfg.Store.Get(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		if a.purged() {
			continue
		}
		codes, err := s.openPINs(ctx, a)
		if len(codes) > 0 {
			return codes, err
		}
		failed = err
	}
	return nil, failed
}

// purged reports whether no action keeps the PIN any more.
func (p *sharedPIN) purged() bool {
	return !slices.ContainsFunc(p.actions, func(a Action) bool { return !a.purged() })
}

// pinKinds are the kinds of action that may have a PIN.
func pinKinds() []Kind { return []Kind{KindLock, KindLostMode, KindResetPasscode} }
