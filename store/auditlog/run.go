package auditlog

import (
	"context"
	"log/slog"
	"time"
)

// runInterval keeps a checkpoint at most a second behind the events, with time left for the work itself.
const runInterval = time.Second / 2

// Run calls Integrate at once and then every half second, until ctx ends; then it returns nil. An error is logged when it is another than
// the last, as is its end, and Run goes on.
func (l *Log) Run(ctx context.Context) error {
	ticker := time.NewTicker(runInterval)
	defer ticker.Stop()
	said := ""
	for {
		err := l.Integrate(ctx)
		if ctx.Err() != nil {
			return nil
		}
		switch {
		case err == nil && said != "":
			l.cfg.Logger.InfoContext(ctx, "audit log goes on")
			said = ""
		case err != nil && err.Error() != said:
			l.cfg.Logger.ErrorContext(ctx, "audit log stands still", slog.Any("error", err))
			said = err.Error()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
