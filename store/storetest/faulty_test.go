package storetest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/latchkey-mdm/latchkey/lock"
)

// fault is when the commits of a flawed store fail.
type fault int

const (
	none   fault = iota
	before       // nothing is stored
	during       // half of the batch is
	after        // all of it is
)

type committer = func(context.Context, []lock.Change) ([]error, error)

var errCut = errors.New("the connection was cut")

// faults are those of a sound fixture.
func (s *flawed) faults() []Fault {
	arm := func(when fault) func(testing.TB) func() {
		return func(testing.TB) func() {
			s.setFault(when)
			return func() { s.setFault(none) }
		}
	}
	return []Fault{{"before", arm(before)}, {"during", arm(during)}, {"after", arm(after)}}
}

func (s *flawed) setFault(f fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.armed = f, 0
}

// faulty is a commit that fails as the fault wants it, two times out of three.
func (s *flawed) faulty(commit committer) committer {
	s.mu.Lock()
	when := s.fault
	s.armed++
	if s.armed%3 == 0 {
		when = none
	}
	s.mu.Unlock()
	return func(ctx context.Context, changes []lock.Change) ([]error, error) {
		switch when {
		case before:
			return nil, errCut
		case during:
			changes = changes[:len(changes)/2]
		case after, none:
		}
		errs, err := commit(ctx, changes)
		if when != none {
			return nil, errCut
		}
		return errs, err
	}
}

// isArmed reports whether a fault is armed, and whether a commit has met it.
func (s *flawed) isArmed() (armed, met bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault != none, s.armed > 1
}

// forget acknowledges what it does not store, once a commit has failed.
func (s *flawed) forget(ctx context.Context, changes []lock.Change) ([]error, error) {
	if armed, met := s.isArmed(); armed && met {
		return make([]error, len(changes)), nil
	}
	return s.Store.Commit(ctx, changes)
}

// again stores a notice a second time when it comes again after its outcome was unknown.
func (s *flawed) again(ctx context.Context, changes []lock.Change) ([]error, error) {
	armed, _ := s.isArmed()
	changes = slices.Clone(changes)
	s.mu.Lock()
	for i, c := range changes {
		if len(c.Actions) > 0 {
			continue
		}
		hash := string(c.Events[0].Hash)
		if s.seen[hash] {
			e := c.Events[0]
			e.Body = append(bytes.Clone(e.Body), ' ')
			e.Hash = chainHash(e.Prev, e.Body)
			changes[i] = lock.Change{Events: []lock.Event{e}}
		}
		s.seen[hash] = armed
	}
	s.mu.Unlock()
	return s.Store.Commit(ctx, changes)
}

// polite answers a caller who left as if all were well.
func (s *flawed) polite(ctx context.Context, changes []lock.Change) ([]error, error) {
	if ctx.Err() == nil {
		return s.Store.Commit(ctx, changes)
	}
	return make([]error, len(changes)), nil
}

// contagious fails every commit that is under way when a caller leaves.
func (s *flawed) contagious() committer {
	left := make(chan struct{}, 1)
	return func(ctx context.Context, changes []lock.Change) ([]error, error) {
		errs, err := s.Store.Commit(ctx, changes)
		if err != nil {
			select {
			case left <- struct{}{}:
			default:
			}
			return errs, err
		}
		if s.writing.Load() > 1 {
			select {
			case <-left:
				return nil, errCut
			default:
			}
		}
		return errs, err
	}
}

// twoWinners lets an order for a taken lane in, without its lane, while others write.
func (s *flawed) twoWinners(ctx context.Context, changes []lock.Change) ([]error, error) {
	return s.each(ctx, changes, func(c lock.Change) error {
		errs, err := s.Store.Commit(ctx, []lock.Change{c})
		if err != nil || !isConflict(errs[0]) || c.Key != "" || len(c.Actions) != 1 || s.writing.Load() == 1 {
			return errors.Join(append(errs, err)...)
		}
		c.Actions = slices.Clone(c.Actions)
		c.Actions[0].Lane = ""
		errs, err = s.Store.Commit(ctx, []lock.Change{c})
		return errors.Join(append(errs, err)...)
	})
}

// deadlocking takes the devices of a batch one after the other, in the order of the batch, and gives up when one is not to be had.
func (s *flawed) deadlocking() committer {
	devices := &sync.Map{} // to the batch that has it
	return func(ctx context.Context, changes []lock.Change) ([]error, error) {
		me := new(byte) // whose address tells batches apart
		defer devices.Range(func(device, _ any) bool {
			devices.CompareAndDelete(device, me)
			return true
		})
		for _, c := range changes {
			if len(c.Actions) > 0 && !taken(devices, c.Actions[0].Device.ID, me) {
				return nil, errors.New("deadlock detected")
			}
			runtime.Gosched() // between two devices: others go on
		}
		return s.Store.Commit(ctx, changes)
	}
}

func taken(devices *sync.Map, device string, by *byte) bool {
	for range 1000 {
		if holder, _ := devices.LoadOrStore(device, by); holder == by {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// onceABatch passes over every change of an action but the first of a batch.
func (s *flawed) onceABatch(ctx context.Context, changes []lock.Change) ([]error, error) {
	seen := map[lock.ID]bool{}
	return s.each(ctx, changes, func(c lock.Change) error {
		if len(c.Actions) > 0 && seen[c.Actions[0].ID] {
			return nil
		}
		if len(c.Actions) > 0 {
			seen[c.Actions[0].ID] = true
		}
		errs, err := s.Store.Commit(ctx, []lock.Change{c})
		return errors.Join(append(errs, err)...)
	})
}

// counting makes a cursor a number of rows from the top.
func (s *flawed) counting() func(*lock.Filter) {
	rows := map[lock.ID]int{}
	return func(f *lock.Filter) {
		top := *f
		if f.Before != "" {
			top.Before = ""
		}
		skip := rows[f.Before]
		top.Limit = skip + f.PageSize()
		all, _ := s.Store.List(context.Background(), top)
		if f.Before != "" && skip > 0 && skip <= len(all) {
			f.Before = all[skip-1].ID
		}
		if len(all) > skip {
			rows[all[len(all)-1].ID] = len(all)
		}
	}
}

// hole does not show the newest event but one while others write.
func (s *flawed) hole(f lock.EventFilter, events []lock.Event) []lock.Event {
	if n := len(events); f.Action == "" && n > 1 && s.writing.Load() > 0 {
		return slices.Delete(events, n-2, n-1)
	}
	return events
}

// swap exchanges the events of the newest two positions while others write.
func (s *flawed) swap(f lock.EventFilter, events []lock.Event) []lock.Event {
	if n := len(events); f.Action == "" && n > 1 && s.writing.Load() > 0 {
		a, b := &events[n-1], &events[n-2]
		*a, *b = *b, *a
		a.Position, b.Position = b.Position, a.Position
	}
	return events
}
