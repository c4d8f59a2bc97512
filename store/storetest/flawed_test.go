package storetest

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// flawed is a sound store with a defect planted in one of its places.
type flawed struct {
	lock.Store
	get      func(lock.Action) lock.Action
	filter   func(*lock.Filter)
	listed   func([]lock.Action) []lock.Action
	event    func(*lock.Event)
	commit   func(context.Context, []lock.Change) ([]error, error)
	events   func(lock.EventFilter, []lock.Event) []lock.Event
	rollback bool
	volatile bool   // when it is opened again, the later half of what was committed is gone
	later    *later // the store behind it, in the topic of stores that give positions later

	writing atomic.Int64 // calls of Commit that have not returned

	mu    sync.Mutex
	seen  map[string]bool // hashes of events
	log   [][]lock.Change // every batch
	fault fault
	armed int // calls of Commit since the fault was armed
}

func newFlawed() *flawed { return &flawed{Store: store.NewMemory(), seen: map[string]bool{}} }

// sequenced is a flawed store with the optional part.
type sequenced struct{ *flawed }

func (s sequenced) Sequence(ctx context.Context) (bool, error) { return s.later.Sequence(ctx) }

func (s *flawed) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	s.mu.Lock()
	s.log = append(s.log, changes)
	s.mu.Unlock()
	s.writing.Add(1)
	defer s.writing.Add(-1)
	commit := s.Store.Commit
	if s.commit != nil {
		commit = s.commit
	}
	errs, err := s.faulty(commit)(ctx, changes)
	runtime.Gosched() // so that others see it in the middle
	return errs, err
}

func (s *flawed) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	a, err := s.Store.Get(ctx, id)
	if s.get != nil {
		a = s.get(a)
	}
	return a, err
}

func (s *flawed) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	if s.filter != nil {
		s.filter(&f)
	}
	actions, err := s.Store.List(ctx, f)
	if s.listed != nil {
		actions = s.listed(actions)
	}
	return actions, err
}

func (s *flawed) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	events, err := s.Store.Events(ctx, f)
	for i := range events {
		if s.event != nil {
			s.event(&events[i])
		}
	}
	if s.events != nil {
		events = s.events(f, events)
	}
	return events, err
}

// begin starts the simplest transaction that holds the contract while nobody else writes: a copy, made by the same batches, and a log.
func (s *flawed) begin() (Tx, error) {
	inside := newFlawed()
	if err := replay(inside.Store, s.log); err != nil {
		return Tx{}, err
	}
	tx := Tx{Store: inside, Rollback: func() error { return nil }}
	tx.Commit = func() error { return replay(s, inside.log) }
	if s.rollback {
		tx.Rollback = tx.Commit
	}
	return tx, nil
}

// reopen is the same store, because a process that ends is not what is tested here.
func (s *flawed) reopen() (lock.Store, error) {
	if !s.volatile {
		return s.fixture().Store, nil
	}
	emptied := newFlawed()
	return emptied, replay(emptied, s.log[:len(s.log)/2])
}

func replay(to lock.Store, log [][]lock.Change) error {
	for _, changes := range slices.Clone(log) {
		if _, err := to.Commit(context.Background(), changes); err != nil {
			return err
		}
	}
	return nil
}

func withoutBoxes(a lock.Action) lock.Action {
	for i := range a.Secrets {
		a.Secrets[i].Box = nil
	}
	return a
}

func (s *flawed) withBoxes(actions []lock.Action) []lock.Action {
	for i, a := range actions {
		actions[i], _ = s.Store.Get(context.Background(), a.ID)
	}
	return actions
}

func isConflict(err error) bool { return errors.Is(err, lock.ErrConflict) }

func isInput(err error) bool { return err != nil && !isConflict(err) }

// mute answers with success where an error is of this kind.
func (s *flawed) mute(kind func(error) bool) func(context.Context, []lock.Change) ([]error, error) {
	return func(ctx context.Context, changes []lock.Change) ([]error, error) {
		errs, err := s.Store.Commit(ctx, changes)
		for i := range errs {
			if kind(errs[i]) {
				errs[i] = nil
			}
		}
		return errs, err
	}
}

func (s *flawed) stopAtFirst(ctx context.Context, changes []lock.Change) ([]error, error) {
	errs := make([]error, len(changes))
	for i := range changes {
		one, err := s.Store.Commit(ctx, changes[i:i+1])
		if err != nil {
			return nil, err
		}
		errs[i] = one[0]
		if isConflict(one[0]) {
			break
		}
	}
	return errs, nil
}

func (s *flawed) dropLast(ctx context.Context, changes []lock.Change) ([]error, error) {
	errs, err := s.Store.Commit(ctx, changes[:max(0, len(changes)-1)])
	return append(errs, nil)[:len(changes)], err
}

func (s *flawed) split(ctx context.Context, changes []lock.Change) ([]error, error) {
	return s.each(ctx, changes, func(c lock.Change) error {
		var first error
		for i := range min(len(c.Actions), len(c.Events)) {
			part := []lock.Change{{Actions: c.Actions[i : i+1], Events: c.Events[i : i+1], Key: c.Key}}
			errs, err := s.Store.Commit(ctx, part)
			if first == nil {
				first = errors.Join(append(errs, err)...)
			}
		}
		return first
	})
}

// each answers for every change by itself.
func (s *flawed) each(ctx context.Context, changes []lock.Change, do func(lock.Change) error) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	errs := make([]error, len(changes))
	for i, c := range changes {
		errs[i] = do(c)
	}
	return errs, nil
}

func (s *flawed) refuseRepeats(ctx context.Context, changes []lock.Change) ([]error, error) {
	errs, err := s.Store.Commit(ctx, changes)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range changes {
		for _, e := range c.Events {
			if errs[i] == nil && s.seen[string(e.Hash)] {
				errs[i] = lock.ErrConflict
			}
			s.seen[string(e.Hash)] = true
		}
	}
	return errs, err
}

// edited commits what is left of each change after an edit.
func (s *flawed) edited(edit func(*lock.Change)) func(context.Context, []lock.Change) ([]error, error) {
	return func(ctx context.Context, changes []lock.Change) ([]error, error) {
		changes = slices.Clone(changes)
		for i := range changes {
			edit(&changes[i])
		}
		return s.Store.Commit(ctx, changes)
	}
}

func oneScope(c *lock.Change) {
	c.Actions, c.Events = slices.Clone(c.Actions), slices.Clone(c.Events)
	for i := range c.Actions {
		c.Actions[i].Device.Scope = "acme"
	}
	for i := range c.Events {
		c.Events[i].Scope = "acme"
	}
}

func keyless(c *lock.Change) { c.Key = "" }

func hintless(c *lock.Change) {
	c.Actions = slices.Clone(c.Actions)
	for i := range c.Actions {
		c.Actions[i].Due = at(0)
	}
}

func refless(c *lock.Change) {
	c.Actions = slices.Clone(c.Actions)
	for i := range c.Actions {
		if c.Actions[i].Version > 1 {
			c.Actions[i].Ref = ""
		}
	}
}

func inclusive(f *lock.Filter) {
	if f.Before != "" {
		f.Before += "~"
	}
}
