package mdmtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// maxBackoff is how many intervals a Mac waits at most when its server does not answer.
const maxBackoff = 8

// Run polls about every interval (a tenth more or less) until ctx ends, and tells report of every session, also of failed ones;
// report may be nil. It goes on over errors, at widening steps up to eight intervals, and over the time that the Mac is locked.
// It returns ctx's error, or ErrNotEnrolled when the enrolment is gone.
func (m *Mac) Run(ctx context.Context, interval time.Duration, report func(Session, error)) error {
	if interval <= 0 {
		return fmt.Errorf("mdmtest: Run: interval %v: must be positive", interval)
	}
	pause := interval
	for ctx.Err() == nil {
		s, err := m.Poll(ctx)
		if errors.Is(err, ErrNotEnrolled) {
			return err
		}
		silent := errors.Is(err, ErrLocked)
		if report != nil && !silent {
			report(s, err)
		}
		if err == nil || silent {
			pause = interval
		} else {
			pause = min(2*pause, maxBackoff*interval)
		}
		wait(ctx, time.Duration(float64(pause)*(0.9+0.2*rand.Float64())))
	}
	return ctx.Err()
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
