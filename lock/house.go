package lock

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// farOff is later than any wake-up that waits: see longestPause.
const farOff = 30 * time.Hour

// keepHouse does until ctx ends what Run does beside attending to actions, once a second and when it is called.
func (s *Service) keepHouse(ctx context.Context, call <-chan struct{}) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	unsequenced, unmended := "", "not yet" // why, as it was logged last
	for {
		select {
		case <-ctx.Done():
			return
		case <-call:
		case <-timer.C:
		}
		unsequenced = s.complain(ctx, s.sequence(ctx), "events have no position yet", unsequenced)
		now := s.now()
		if unmended != "" || now.Before(last.Add(-time.Minute)) { // the clock was set back
			unmended = s.complain(ctx, s.mend(ctx), "actions may be due too late", unmended)
		}
		last = now
		timer.Reset(runInterval)
	}
}

// complain logs an error once, not again for as long as it stays the same, and returns its text.
func (s *Service) complain(ctx context.Context, err error, text, logged string) string {
	if err == nil || ctx.Err() != nil {
		return ""
	}
	if err.Error() != logged {
		s.cfg.Logger.ErrorContext(ctx, text, slog.Any("error", err)) //nolint:sloglint // one of two texts, both above
	}
	return err.Error()
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

// mend makes due what no Run would look at for too long: what was moved by a clock that was wrong, while its platform had no Waker, or
// while Config.Patience was longer. It also raises the alarms that a process did not live to raise.
func (s *Service) mend(ctx context.Context) error {
	end := s.now().Add(farOff)
	err := s.hasten(ctx, Filter{}, func(a Action) bool {
		switch {
		case a.State == StateHeld && a.HeldBy != "":
			return a.Due.IsZero() || a.Due.After(s.heldUntil(a))
		case a.State == StateHeld, a.waits() && s.platforms[a.Device.Platform].calls(), a.probed() && s.platforms[a.Device.Platform].Waker != nil:
			return a.Due.IsZero() || a.Due.After(end)
		default:
			return false
		}
	})
	return cmp.Or(err, s.alarmReveals(ctx))
}

// resume makes due what waited for a provider that works again.
func (s *Service) resume(ctx context.Context, a Action, waited []string) {
	err := s.hasten(ctx, Filter{Scope: a.Device.Scope}, func(other Action) bool {
		return other.Device.Platform == a.Device.Platform && slices.Contains(waited, other.WakeOutcome) && other.Due.After(s.now())
	})
	if err != nil && ctx.Err() == nil { // each is due within a quarter of an hour, so nothing is lost
		s.cfg.Logger.WarnContext(ctx, "devices are woken later than they could be", slog.Any("error", err))
	}
	s.Kick()
}

// hasten makes live actions due now, page by page.
func (s *Service) hasten(ctx context.Context, f Filter, chosen func(Action) bool) error {
	for f.Live, f.Limit = true, 1000; ; {
		page, err := s.cfg.Store.List(ctx, f)
		if err != nil {
			return err
		}
		var changes []Change
		for _, a := range page {
			if chosen(a) {
				a.Due = s.now()
				changes = append(changes, Change{Actions: []Action{a}})
			}
		}
		if len(changes) > 0 {
			if _, err := s.commitAll(ctx, changes); err != nil { // one in conflict was moved by something else
				return err
			}
		}
		if len(page) < f.PageSize() {
			return nil
		}
		f.Before = page[len(page)-1].ID
	}
}
