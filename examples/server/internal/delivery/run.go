package delivery

import (
	"context"
	"errors"
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
	// patience is how long a mail is tried, and how long an action may stay without an answer of its device.
	patience = 24 * time.Hour
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

// Run sends what is due, one mail after the other, until ctx ends. Any number of servers may run it.
func (d *Deliveries) Run(ctx context.Context) {
	timer := time.NewTicker(every)
	defer timer.Stop()
	for kicked := false; ; {
		if err := d.work(ctx, kicked); err != nil && ctx.Err() == nil {
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

// work looks at each row that is due once. With kicked, rows that wait for the confirmation of their action are due too.
func (d *Deliveries) work(ctx context.Context, kicked bool) error {
	before, seen := db.Micros(d.now()), lock.ID("")
	sooner := 0
	if kicked {
		sooner = 1
	}
	for ctx.Err() == nil {
		rows, err := d.rows(ctx, `state = 'waiting' AND (due_at <= $1 OR attempts = 0 AND $2 = 1) AND id > $3 ORDER BY id LIMIT `+page,
			before, sooner, string(seen))
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			seen = r.ID
			if err := d.attend(ctx, r); err != nil && ctx.Err() == nil {
				d.Logger.ErrorContext(ctx, "delivery cannot go on now", slog.String("delivery", string(r.ID)),
					slog.String("action", string(r.Action)), slog.Any("error", err))
				if _, err := d.set(ctx, &r, `due_at = $3`, db.Micros(d.now().Add(rest))); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// attend does what a row needs next: it waits on, ends, or is sent.
func (d *Deliveries) attend(ctx context.Context, r row) error {
	fate, why, err := d.fate(ctx, r.Action)
	if err != nil {
		return err
	}
	switch {
	case fate == ready:
		return d.attempt(ctx, r)
	case fate == open && d.now().Sub(r.Ordered) < patience:
		// The longer an action has waited the less a second matters.
		wait := min(max(d.now().Sub(r.Ordered)/4, every), 30*time.Second)
		_, err := d.set(ctx, &r, `due_at = $3`, db.Micros(d.now().Add(wait)))
		return err
	case fate == open:
		why = "The device has not confirmed the passcode within a day."
	}
	_, err = d.set(ctx, &r, `state = 'void', token = NULL, cause = $3`, why)
	return err
}

// fate is what an action means for its deliveries.
type fate int

const (
	open  fate = iota // it may still be confirmed
	ready             // the device has the passcode
	over              // the device does not have it
)

// fate looks at an action, and says in words why it is over.
func (d *Deliveries) fate(ctx context.Context, id lock.ID) (f fate, why string, err error) {
	a, err := d.Ledger.Get(ctx, id)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		return over, "The action is not in the ledger.", nil
	case err != nil:
		return open, "", err
	}
	switch a.State {
	case lock.StateConfirmed:
		later, err := d.superseded(ctx, a)
		if err != nil || !later {
			return ready, "", err
		}
		return over, "A later action has changed the passcode again.", nil
	case lock.StateHeld, lock.StateQueued, lock.StateIssued, lock.StateUnconfirmed:
		return open, "", nil
	}
	return over, "The action is " + string(a.State) + ": this passcode is not the one of the device.", nil
}

// superseded reports whether the passcode of a device was changed by an action that was confirmed after a.
func (d *Deliveries) superseded(ctx context.Context, a lock.Action) (bool, error) {
	others, err := d.Ledger.List(ctx, lock.Filter{
		Scope: a.Device.Scope, Devices: []string{a.Device.ID}, States: []lock.State{lock.StateConfirmed},
		Kinds: []lock.Kind{lock.KindResetPasscode, lock.KindClearPasscode},
	})
	if err != nil {
		return false, err
	}
	for _, other := range others {
		if other.ID != a.ID && other.Confirmed.After(a.Confirmed) {
			return true, nil
		}
	}
	return false, nil
}
