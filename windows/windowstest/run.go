package windowstest

import (
	"context"
	"fmt"
	"time"
)

// Run holds a session at once and then every interval until ctx ends, over errors too, of which it tells report (which may be nil). It
// returns ctx's error.
func (d *Device) Run(ctx context.Context, interval time.Duration, report func(error)) error {
	if interval <= 0 {
		return fmt.Errorf("windowstest: Run: interval %v: must be positive", interval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := d.Sync(ctx); err != nil && report != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return ctx.Err()
}
