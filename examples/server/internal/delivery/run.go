package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	// every is how often a server looks for what is due.
	every = time.Second
	// page is how many rows it takes at a time.
	page = `16`
	// patience is how long a mail server is tried, and how long an action may stay without an answer of its device once it has run out.
	patience = 24 * time.Hour
	// approval is how long a mail waits for a second person, who makes up their mind about one request after the other.
	approval = 7 * 24 * time.Hour
	// kept is how long it stays on record how a delivery ended.
	kept = 90 * 24 * time.Hour
	// rest is how long a row rests that could not be looked at.
	rest = 5 * time.Second
)

// pauses are those after the first, the second and so on attempt; the last one repeats.
var pauses = [...]time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}

// Kick makes Run look at once for actions that were confirmed. Call it when a device has reported something.
func (d *Deliveries) Kick() {
	select {
	case d.kick <- struct{}{}:
	default: // a kick is waiting already
	}
}

// Run sends what is due, one mail after the other, until ctx ends, and forgets what ended long ago. Any number of servers may run it.
func (d *Deliveries) Run(ctx context.Context) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	var forgot time.Time
	for kicked := false; ; {
		err := d.work(ctx, kicked)
		if now := d.now(); now.Sub(forgot) >= time.Hour {
			forgot = now
			err = errors.Join(err, d.forget(ctx))
		}
		if err != nil && ctx.Err() == nil {
			d.Logger.ErrorContext(ctx, "deliveries could not be looked at", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-d.kick:
			kicked = true
		case <-timer.C:
			kicked = false
		}
	}
}

// work looks at each row that is due once. With kicked it also looks whether the action of one that waits for it is decided: until then
// such a row is left alone, because a kick comes with every report of every device.
func (d *Deliveries) work(ctx context.Context, kicked bool) error {
	before, seen := d.now(), lock.ID("")
	sooner := 0
	if kicked {
		sooner = 1
	}
	for ctx.Err() == nil {
		rows, err := d.rows(ctx, `state = 'waiting' AND (due_at <= $1 OR attempts = 0 AND $2 = 1) AND id > $3 ORDER BY id LIMIT `+page,
			db.Micros(before), sooner, string(seen))
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			seen = r.ID
			if err := d.visit(ctx, r, r.Next.After(before)); err != nil {
				return err
			}
		}
	}
	return nil
}

// visit attends to a row, and lets it rest when that fails.
func (d *Deliveries) visit(ctx context.Context, r row, early bool) error {
	if err := d.attend(ctx, r, early); err != nil && ctx.Err() == nil {
		d.Logger.ErrorContext(ctx, "delivery cannot go on now", slog.String("delivery", string(r.ID)),
			slog.String("action", string(r.Action)), slog.Any("error", err))
		if !early {
			_, err = d.set(ctx, &r, `due_at = $3`, db.Micros(d.now().Add(rest)))
			return err
		}
	}
	return nil
}

// attend does what a row needs next: it waits on, ends, or is sent. One that is not due yet, and waits on, is not written.
func (d *Deliveries) attend(ctx context.Context, r row, early bool) error {
	f, err := d.fate(ctx, r.Action)
	if err != nil {
		return err
	}
	since, now := latest(f.since, r.Ordered), d.now()
	switch {
	case f.stage == ready:
		return d.attempt(ctx, r, since.Add(approval))
	case f.stage == open && now.Before(since.Add(patience)):
		return d.wait(ctx, r, f, early)
	}
	return d.end(ctx, r, Void, f.why)
}

// wait lets a row wait on, and says why when nothing more is to be expected.
func (d *Deliveries) wait(ctx context.Context, r row, f fate, early bool) error {
	now, cause := d.now(), r.Cause
	if f.lost {
		cause = f.why
	}
	if early && cause == r.Cause {
		return nil
	}
	// The longer an action has waited the less a second matters.
	next := min(max(now.Sub(r.Ordered)/4, every), 30*time.Second)
	_, err := d.set(ctx, &r, `due_at = $3, cause = $4`, db.Micros(now.Add(next)), cause)
	return err
}

// end writes down that there will be no mail, and why. What link there is does not work any more.
func (d *Deliveries) end(ctx context.Context, r row, s State, why string) error {
	_, err := d.set(ctx, &r, `state = $3, token = NULL, cause = $4, due_at = $5`, string(s), why, db.Micros(d.now()))
	return err
}

// forget deletes the rows that ended long ago: they have addresses of people.
func (d *Deliveries) forget(ctx context.Context) error {
	if _, err := d.DB.Exec(ctx, `DELETE FROM server_deliveries WHERE state <> 'waiting' AND due_at < $1`, db.Micros(d.now().Add(-kept))); err != nil {
		return fmt.Errorf("delete old deliveries: %w", err)
	}
	return nil
}
