package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Config is what a Service is made of.
type Config struct {
	Store     Store            // required
	Sealer    pin.Sealer       // required; its keys are durable before it seals
	Platforms []Platform       // at least one
	Authorize Authorizer       // nil: nobody may do anything
	Rotation  pin.Rotation     // when a PIN may be used again; zero: none of the last 10, and kept for at most 90 days
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: slog.Default; what Run cannot return to a caller goes there

	Limits []Limit // how much one actor may do alone; none: no limit
	// SecondPerson says which acts need a second person: VerbLock for any order but those of tokens, VerbReveal, VerbBulk with Target.Size
	// devices. nil: none.
	SecondPerson func(Actor, Verb, Target) bool
	// Notify is told of each request that waits for a second person, after it is durable. It must not block for long. nil: nobody is.
	Notify   func(context.Context, Event)
	Patience time.Duration // how long a request waits for a second person, and an approval for its use; 0: 24 hours
}

// Service orders actions, delivers their commands and keeps their PINs. It is safe for concurrent use, by any number of processes on
// one store.
type Service struct {
	cfg       Config
	platforms map[string]Platform
	devices   keyLock
	kick      chan struct{}
	fresh     chan Action // orders of this moment, for Run
	holds     holds
	batches   batches
	bound     bool // to a transaction of the caller's
}

// New checks the configuration and returns a Service. It starts nothing: call Run. A configuration that cannot work is an *InputError
// that names the field.
func New(cfg Config) (*Service, error) {
	if cfg.Store == nil {
		return nil, &InputError{Field: "Store", Rule: "is required"}
	}
	if cfg.Sealer == nil {
		return nil, &InputError{Field: "Sealer", Rule: "is required: without it no PIN can be kept"}
	}
	if len(cfg.Platforms) == 0 {
		return nil, &InputError{Field: "Platforms", Rule: "needs at least one platform"}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := checkLimits(cfg.Limits); err != nil {
		return nil, err
	}
	if cfg.Patience < 0 {
		return nil, &InputError{Field: "Patience", Rule: "must not be negative"}
	}
	cfg.Patience = cmp.Or(cfg.Patience, 24*time.Hour)
	cfg.Rotation.History = cmp.Or(cfg.Rotation.History, 10) // so many are opened
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	platforms, err := checkPlatforms(cfg.Platforms)
	if err != nil {
		return nil, err
	}
	return &Service{cfg: cfg, platforms: platforms, kick: make(chan struct{}, 1), fresh: make(chan Action, runAtOnce)}, nil
}

// checkPlatforms fills in what the platforms leave to the defaults.
func checkPlatforms(configured []Platform) (map[string]Platform, error) {
	platforms := make(map[string]Platform, len(configured))
	for i, p := range configured {
		field := fmt.Sprintf("Platforms[%d]", i)
		if err := checkText(field+".Name", p.Name, 64, true); err != nil {
			return nil, err
		}
		if _, twice := platforms[p.Name]; twice {
			return nil, &InputError{Field: field + ".Name", Rule: "is used twice: " + p.Name}
		}
		if p.Codec == nil {
			return nil, &InputError{Field: field + ".Codec", Rule: "is required"}
		}
		if p.Guard < 0 || p.MaxDeliveries < 0 {
			return nil, &InputError{Field: field, Rule: "Guard and MaxDeliveries must not be negative"}
		}
		p.Guard = cmp.Or(p.Guard, time.Minute)
		p.MaxDeliveries = cmp.Or(p.MaxDeliveries, 3)
		platforms[p.Name] = p
	}
	return platforms, nil
}

// Kick makes Run look for due actions at once. Call it after committing a transaction that ordered through In.
func (s *Service) Kick() {
	select {
	case s.kick <- struct{}{}:
	default: // a kick is waiting already
	}
}

// now is the time as the ledger keeps it: UTC, whole microseconds.
func (s *Service) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Microsecond) }

// advance makes the event the action's next one and returns both.
func (s *Service) advance(a Action, e Event) (Action, Event, error) {
	e.Action, e.Seq, e.Scope, e.Device = a.ID, a.Version+1, a.Device.Scope, a.Device.ID
	if e.Order != nil {
		e.Scope, e.Device = e.Order.Device.Scope, e.Order.Device.ID
	}
	e.Time = later(later(e.Time, s.now()), a.Changed) // a clock that was set back does not reorder what happened
	// Two processes may do the same in the same microsecond. Were their events the same too, the store would take the second for a
	// repetition of the first, and both would have the same delivery number.
	e.ID = NewID(e.Time)
	e.Findings = append(a.missing(e), e.Findings...)
	if err := e.Seal(a.Head); err != nil {
		return a, e, err
	}
	next, err := a.Apply(e)
	return next, e, err
}

// act is advance as a whole change, with the alarm that the event may call for.
func (s *Service) act(a Action, e Event) (Change, error) {
	next, e, err := s.advance(a, e)
	c := Change{Actions: []Action{next}, Events: []Event{e}}
	if err != nil {
		return c, err
	}
	return s.withLoss(c, e)
}

// commit stores one change.
func (s *Service) commit(ctx context.Context, c Change) error {
	errs, err := s.commitAll(ctx, []Change{c})
	if err != nil {
		return err
	}
	return errs[0]
}

// commitAll stores changes, each independently of the others. An outcome that the store could not tell is cleared up by repeating them,
// which is safe.
func (s *Service) commitAll(ctx context.Context, changes []Change) (errs []error, err error) {
	for range 3 {
		if errs, err = s.cfg.Store.Commit(ctx, changes); err == nil {
			return errs, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("store: %w", err)
}

// attempts bounds the retries after a lost race. The processes that can race for one device are few: each holds its keyLock.
const attempts = 64

// retry runs try until it loses no race any more.
func retry(ctx context.Context, try func() error) error {
	for range attempts {
		if err := try(); !errors.Is(err, ErrConflict) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: gave up after %d attempts", ErrConflict, attempts)
}

// update reads an action, lets change make its next event, and commits, again after each lost race. A change without actions means
// that there is nothing to do. It returns the action as it is afterwards, that is the last of the change, without boxes.
func (s *Service) update(ctx context.Context, a Action, change func(Action) (Change, error)) (Action, error) {
	unlock, err := s.devices.lock(ctx, a.Device.Scope, a.Device.ID)
	if err != nil {
		return a, err
	}
	defer unlock()
	err = retry(ctx, func() error {
		if a, err = s.cfg.Store.Get(ctx, a.ID); err != nil {
			return err
		}
		c, err := change(a)
		if err != nil || len(c.Actions) == 0 {
			return err
		}
		if err := s.commit(ctx, c); err != nil {
			return err
		}
		a = c.Actions[len(c.Actions)-1]
		return nil
	})
	return a.withoutBoxes(), err
}

// withoutBoxes returns the action as it may be shown.
func (a Action) withoutBoxes() Action {
	secrets := make([]Secret, len(a.Secrets))
	for i, secret := range a.Secrets {
		secret.Box = nil
		secrets[i] = secret
	}
	a.Secrets = secrets
	return a
}
