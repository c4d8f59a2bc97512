package lock

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Escrow keeps a secret that the device handed over, such as its unlock token, under a name of the platform's. When it returns, the
// secret is sealed and durable. One that is the same as the last under this name is not kept twice. The zero PIN says that the device
// withdrew it: it is marked as released, and stays in the ledger.
func (s *Service) Escrow(ctx context.Context, d Device, name string, secret pin.PIN) error {
	if err := cmp.Or(d.validate(), checkEscrow(name)); err != nil {
		return err
	}
	unlock, err := s.devices.lock(ctx, d.Scope, d.ID)
	if err != nil {
		return err
	}
	defer unlock()
	return retry(ctx, func() error { return s.escrowOnce(ctx, d, name, secret) })
}

// checkEscrow holds that a name is one of what devices get back, which what people are given is not.
func checkEscrow(name string) error {
	if name == SecretPIN || heard(name) {
		rule := fmt.Sprintf("must not be %s, %s or %s, which are for what people are given", SecretPIN, secretBody, secretMore)
		return &InputError{Field: "name", Rule: rule}
	}
	return checkText("name", name, 64, true)
}

func (s *Service) escrowOnce(ctx context.Context, d Device, name string, secret pin.PIN) error {
	last, found, err := s.lastEscrow(ctx, d, name)
	if err != nil {
		return err
	}
	if secret.IsZero() {
		if !found {
			return nil
		}
		return s.record(ctx, last, Event{Type: EventReleased, Actor: Actor{ID: actorDevice}, Evidence: EvidenceRemoved})
	}
	if found {
		if kept, _, err := s.open(ctx, last, name); err == nil && kept.Equal(secret) {
			return nil // one that does not open is kept, and this one beside it
		}
	}
	a := Action{ID: NewID(s.now()), Kind: KindEscrow, State: StateConfirmed, Device: d.snapshot()}
	sealed, err := s.seal(ctx, a, name, secret)
	if err != nil {
		return err
	}
	c, err := s.create(a, Event{Type: EventOrdered, Actor: Actor{ID: actorDevice}, Secrets: []Secret{sealed}}, time.Time{})
	if err != nil {
		return err
	}
	return s.commit(ctx, c)
}

// Escrowed gives a secret back to the device that handed it over: the last one under this name. That is recorded before it returns.
// ErrNotFound when there is none, or when the device withdrew it.
func (s *Service) Escrowed(ctx context.Context, d Device, name string) (pin.PIN, error) {
	if err := cmp.Or(d.validate(), checkEscrow(name)); err != nil {
		return pin.PIN{}, err
	}
	last, found, err := s.lastEscrow(ctx, d, name)
	if err != nil {
		return pin.PIN{}, err
	}
	if !found {
		return pin.PIN{}, ErrNotFound
	}
	var secret pin.PIN
	_, err = s.update(ctx, last, func(a Action) (Change, error) {
		var n int
		if secret, n, err = s.open(ctx, a, name); err != nil {
			return Change{}, err
		}
		return s.act(a, Event{Type: EventReturned, Actor: Actor{ID: actorDevice}, Secret: n})
	})
	if err != nil {
		return pin.PIN{}, err
	}
	return secret, nil
}

// lastEscrow finds the newest escrow of that name, with its boxes, unless the device withdrew it: what it replaced does not come back.
func (s *Service) lastEscrow(ctx context.Context, d Device, name string) (Action, bool, error) {
	for f := (Filter{Scope: d.Scope, Devices: []string{d.ID}, Kinds: []Kind{KindEscrow}}); ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return Action{}, false, err
		}
		i := slices.IndexFunc(page, func(a Action) bool { return a.hasSecret(name) })
		switch {
		case i >= 0 && page[i].State == StateConfirmed:
			a, err := s.cfg.Store.Get(ctx, page[i].ID)
			return a, err == nil, err
		case i >= 0, len(page) < f.PageSize():
			return Action{}, false, nil
		}
		f.Before = page[len(page)-1].ID
	}
}
