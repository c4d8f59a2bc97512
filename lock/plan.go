package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/pin"
)

// madeSize is the number of random bytes of a secret that an order makes.
const madeSize = 32

// planned is what the platform says of an order, with the action whose secret it needs.
type planned struct {
	Plan
	used Action // with its boxes; zero: none is needed
}

// plan asks the platform what the order would do. What describes the device is no PIN for it: it can be guessed, and is kept in clear.
func (s *Service) plan(ctx context.Context, r Request) (Platform, planned, error) {
	d := r.Device.snapshot()
	p, ok := s.platforms[r.Device.Platform]
	if !ok {
		names := slices.Sorted(maps.Keys(s.platforms))
		return p, planned{}, &InputError{
			Field: "device.platform", Rule: "is not configured here; configured are: " + strings.Join(names, ", "),
		}
	}
	plan := planned{Plan: p.Codec.Plan(r.Device, r)}
	if plan.Makes == SecretPIN || heard(plan.Makes) || plan.Makes != "" && plan.Uses != "" {
		return p, planned{}, fmt.Errorf("platform %s plans a secret that cannot be: one that it makes is not called %s, %s or %s, and uses no other",
			p.Name, SecretPIN, secretBody, secretMore)
	}
	if plan.Returns && (plan.Makes != "" || !slices.Contains(pinKinds(), r.Kind)) {
		return p, planned{}, fmt.Errorf("platform %s plans a PIN that cannot be: a device makes one for a lock, lost mode or a reset, "+
			"whose order makes no secret of its own", p.Name)
	}
	plan.NoPIN = plan.NoPIN || plan.Makes != "" || plan.Returns
	if !plan.NoPIN {
		plan.Policy.Avoid = slices.Concat(plan.Policy.Avoid, []string{d.Serial, d.Name, d.User, d.Model, d.ID})
	}
	if plan.Uses == "" {
		return p, plan, nil
	}
	used, err := s.usable(ctx, plan.Uses, r.Device)
	var gone *goneError
	if errors.As(err, &gone) {
		plan.Findings = append(slices.Clip(plan.Findings), Finding{
			Code: "secret_missing", Level: LevelBlock,
			Text: "The command needs a token that this ledger cannot give: " + gone.why + ". Provision a new one.",
		})
		return p, plan, nil
	}
	plan.used = used
	return p, plan, err
}

// goneError says why a command cannot have the secret of another action. It is the device that names that action, so it may be any.
type goneError struct {
	id    ID
	why   string
	cause error
}

// Error names the action.
func (e *goneError) Error() string { return fmt.Sprintf("the secret of action %s: %s", e.id, e.why) }

// Unwrap returns the cause.
func (e *goneError) Unwrap() error { return e.cause }

// usable finds the action whose secret a command of the device needs, with its boxes.
func (s *Service) usable(ctx context.Context, id ID, d Device) (Action, error) {
	a, err := s.cfg.Store.Get(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Action{}, &goneError{id, "there is no such action", err}
	case err != nil:
		return Action{}, err
	case a.Device.Scope != d.Scope || a.Device.ID != d.ID:
		return Action{}, &goneError{id, "it is one of another device", ErrWrongDevice}
	}
	switch secret := a.token(); {
	case secret.N == 0:
		return Action{}, &goneError{id, "the action made none", ErrNotFound}
	case secret.Purged():
		return Action{}, &goneError{id, "it was purged", ErrPurged}
	}
	return a, nil
}

// token is the newest secret of the action that is neither a PIN nor a message of the device; zero when it has none.
func (a Action) token() (last Secret) {
	for _, secret := range a.Secrets {
		if secret.Name != SecretPIN && !heard(secret.Name) {
			last = secret
		}
	}
	return last
}

// carried is the secret beside the PIN that a new order carries: one that it makes, or that of an earlier action.
func (s *Service) carried(ctx context.Context, plan planned) (secret pin.PIN, err error) {
	switch {
	case plan.Makes != "":
		made := make([]byte, madeSize)
		_, _ = rand.Read(made) // it never fails
		return pin.Bytes(made)
	case plan.used.ID != "":
		secret, _, err = s.open(ctx, plan.used, plan.used.token().Name)
	}
	return secret, err
}

// sealed is what an order has of its own: its PIN, or the secret that it makes.
func (s *Service) sealed(ctx context.Context, plan planned, o Order) ([]Secret, error) {
	name, secret := SecretPIN, o.PIN
	if plan.Makes != "" {
		name, secret = plan.Makes, o.Secret
	}
	if secret.IsZero() {
		return nil, nil
	}
	box, err := s.seal(ctx, o.Action, name, secret)
	return []Secret{box}, err
}

// secrets opens what a command carries: the PIN, and the secret that its action made, or that of the action that it uses.
func (s *Service) secrets(ctx context.Context, a Action) (code, secret pin.PIN, err error) {
	if a.hasSecret(SecretPIN) {
		if code, _, err = s.open(ctx, a, SecretPIN); err != nil {
			return code, secret, err
		}
	}
	secret, err = s.tokenOf(ctx, a)
	return code, secret, err
}

// tokenOf opens the secret beside the PIN that a command carries: what its action made, or that of the action that it uses.
func (s *Service) tokenOf(ctx context.Context, a Action) (secret pin.PIN, err error) {
	from := a
	if a.Uses != "" {
		if from, err = s.usable(ctx, a.Uses, a.Device); err != nil {
			var gone *goneError
			if errors.As(err, &gone) {
				err = fmt.Errorf("%w: %w", ErrSealed, err)
			}
			return secret, err
		}
	}
	if token := from.token(); token.N != 0 {
		secret, _, err = s.open(ctx, from, token.Name)
	}
	return secret, err
}

const (
	maxOptions     = 16
	maxOptionName  = 64
	maxOptionValue = 256
)

// checkOptions bounds what an order asks of its platform beside the rest.
func checkOptions(options map[string]string) error {
	if len(options) > maxOptions {
		return &InputError{Field: "options", Rule: fmt.Sprintf("must be at most %d", maxOptions)}
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		if err := checkText("options", name, maxOptionName, true); err != nil {
			return err
		}
		if err := checkText("options", options[name], maxOptionValue, false); err != nil {
			return err
		}
	}
	return nil
}
