package lock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	runInterval = time.Second
	runWorkers  = 8
	wakeTimeout = 10 * time.Second
)

// Run does what is due until ctx ends: it gives events their place in the feed, if the Store leaves that to be done, wakes devices that
// have something waiting, probes those that are locked, and ends actions whose deadline passed. It looks once a second, and at once after
// an order. Any number of processes may run it on one store: an act is done by whoever commits it first. It returns when all it began has
// ended, with nil.
func (s *Service) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	unsequenced := "" // why, as it was logged last
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
		case <-timer.C:
		}
		unsequenced = s.logSequence(ctx, unsequenced)
		more, err := s.tick(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.ErrorContext(ctx, "due actions could not be read", slog.Any("error", err))
		}
		if more && err == nil {
			timer.Reset(0)
		} else {
			timer.Reset(runInterval)
		}
	}
}

// sequencer is a store that gives events their position after the commit: see Store.
type sequencer interface {
	Sequence(ctx context.Context) (more bool, err error)
}

// sequence gives every event that is committed now its position.
func (s *Service) sequence(ctx context.Context) error {
	store, ok := s.cfg.Store.(sequencer)
	for more := ok; more; {
		var err error
		if more, err = store.Sequence(ctx); err != nil {
			return fmt.Errorf("store: give events their position: %w", err)
		}
	}
	return nil
}

// logSequence is sequence for a loop: it logs an error once, not again for as long as it stays the same.
func (s *Service) logSequence(ctx context.Context, logged string) string {
	err := s.sequence(ctx)
	if err == nil || ctx.Err() != nil {
		return ""
	}
	if err.Error() != logged {
		s.cfg.Logger.ErrorContext(ctx, "events have no position yet", slog.Any("error", err))
	}
	return err.Error()
}

// tick attends to one page of due actions and reports whether there may be more.
func (s *Service) tick(ctx context.Context) (more bool, err error) {
	f := Filter{DueBefore: s.now()}
	due, err := s.cfg.Store.List(ctx, f)
	if err != nil {
		return false, err
	}
	work := make(chan Action)
	var workers sync.WaitGroup
	for range min(runWorkers, len(due)) {
		workers.Go(func() {
			for a := range work {
				if err := s.attend(ctx, a); err != nil && !errors.Is(err, ErrConflict) && ctx.Err() == nil {
					s.cfg.Logger.ErrorContext(ctx, "due action failed", slog.String("action", string(a.ID)), slog.Any("error", err))
				}
			}
		})
	}
	for _, a := range due {
		work <- a
	}
	close(work)
	workers.Wait()
	return len(due) == f.PageSize(), nil
}

// attend does what is due for one action. ErrConflict means that something else moved it first, which is as good.
func (s *Service) attend(ctx context.Context, a Action) error {
	p := s.platforms[a.Device.Platform]
	if e, over := s.overdue(a, p); over && (e.Type != EventLapsed || !s.now().Before(a.NotAfter)) {
		return s.record(ctx, a, e)
	}
	a.Wake++
	switch {
	case p.Waker == nil:
		a.Due = time.Time{}
		if a.State == StateHeld || a.State == StateQueued || a.State == StateIssued {
			a.Due = a.NotAfter
		}
	case a.State == StateQueued, a.State == StateIssued:
		a.Due = s.dueAt(p, a, backoff(a.Wake))
	default:
		a.Due = s.probeAt(a, a.Wake)
	}
	if err := s.commit(ctx, Change{Actions: []Action{a}}); err != nil { // a wake-up that two processes send does no harm
		return err
	}
	if p.Waker == nil || a.State == StateHeld || a.Due.IsZero() {
		return nil
	}
	return s.wake(ctx, p, a)
}

// backoff is the pause after the nth wake-up: 30 seconds, 2, 8 and 30 minutes, then a day.
func backoff(n int) time.Duration {
	steps := [...]time.Duration{rewake, 2 * time.Minute, 8 * time.Minute, 30 * time.Minute}
	if n <= len(steps) {
		return steps[n-1]
	}
	return 24 * time.Hour
}

// wake tells the device to come. How that went is recorded when its class changes; it never changes the action's state.
func (s *Service) wake(ctx context.Context, p Platform, a Action) error {
	bounded, cancel := context.WithTimeout(ctx, wakeTimeout)
	defer cancel()
	outcome := "sent"
	if err := p.Waker.Wake(bounded, a.Device); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		outcome = "failed"
		var class interface{ WakeOutcome() string }
		if errors.As(err, &class) {
			outcome = clip(class.WakeOutcome(), 64)
		}
		s.cfg.Logger.WarnContext(ctx, "wake-up failed",
			slog.String("action", string(a.ID)), slog.String("device", a.Device.ID), slog.String("outcome", outcome), slog.Any("error", err))
	}
	_, err := s.update(ctx, a, func(a Action) (Change, error) {
		if a.WakeOutcome == outcome || a.Lane == "" {
			return Change{}, nil
		}
		return s.act(a, Event{Type: EventWoken, Actor: Actor{ID: actorSystem}, Facts: map[string]string{"outcome": outcome}})
	})
	return err
}
