package lock

import (
	"context"
	"errors"

	"github.com/latchkey-mdm/latchkey/pin"
)

// fault is an error that says nothing of the device whose order met it: the next one would meet it too.
type fault struct{ err error }

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

func faulty(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return err
	}
	return &fault{err}
}

// failed returns the error if it ends the whole call: one of the store or of the sealer, rights that cannot be decided, or the end of ctx.
func failed(ctx context.Context, err error) error {
	var f *fault
	if err != nil && (errors.As(err, &f) || errors.Is(err, ErrUndecided) || ctx.Err() != nil) {
		return err
	}
	return nil
}

// failing is the service with a store and a sealer whose errors are faults. Of devices without any action the store is not asked again.
func (s *Service) failing(empty map[string]bool) *Service {
	cfg := s.cfg
	cfg.Store = faultyStore{s.cfg.Store, empty}
	cfg.Sealer = faultySealer{s.cfg.Sealer}
	return &Service{cfg: cfg, platforms: s.platforms, kick: make(chan struct{}, 1)}
}

type faultyStore struct {
	Store
	empty map[string]bool // devices that had no action just now; not changed while the store is in use
}

func (f faultyStore) Commit(ctx context.Context, changes []Change) ([]error, error) {
	errs, err := f.Store.Commit(ctx, changes)
	return errs, faulty(err)
}

func (f faultyStore) Get(ctx context.Context, id ID) (Action, error) {
	a, err := f.Store.Get(ctx, id)
	return a, faulty(err)
}

func (f faultyStore) List(ctx context.Context, of Filter) ([]Action, error) {
	if len(of.Devices) == 1 && f.empty[of.Devices[0]] {
		return nil, nil
	}
	found, err := f.Store.List(ctx, of)
	return found, faulty(err)
}

func (f faultyStore) Events(ctx context.Context, of EventFilter) ([]Event, error) {
	events, err := f.Store.Events(ctx, of)
	return events, faulty(err)
}

type faultySealer struct{ pin.Sealer }

func (f faultySealer) Seal(ctx context.Context, code pin.PIN, b pin.Binding) (pin.Box, error) {
	box, err := f.Sealer.Seal(ctx, code, b)
	return box, faulty(err)
}
