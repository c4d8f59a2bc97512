package bulk

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Config is what a run needs. All but Record is required.
type Config struct {
	Service   *lock.Service
	Inventory Inventory
	// Record keeps outcomes; nil: nobody does. It is called by one goroutine at a time, with the outcomes of up to Chunk devices, and how far
	// the run is. In the preflight phase the result is Ready, Blocked, Busy, Denied, Failed or Unknown; the ordering phase gives every device of
	// the selection its outcome again, so keep the last one for each device. The slice is its to keep. An error stops the run.
	Record func(ctx context.Context, outcomes []Outcome, p Progress) error
}

// Order is one bulk order.
type Order struct {
	Actor     lock.Actor
	Scope     string
	Batch     string // the batch's name: unique in its scope, at most 64 characters, without a slash
	Selection Selection
	// Request is the order for each device: reason, ticket, message, phone number, deadline, Force, and the PIN. By default each device gets
	// a new PIN of its own; Keep keeps each device's PIN; PIN gives all of them this one. Device, Kind, Key and Batch are filled in. When a
	// batch with one PIN is resumed, PIN may be zero: it is opened from the batch's first action.
	Request lock.Request
	// StopIfBlocked orders nothing when preflight blocks or denies any device, or does not know it: ErrBlocked.
	StopIfBlocked bool
}

// Error is a condition that callers tell apart with errors.Is.
type Error string

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

// The conditions of this package.
const (
	// ErrBlocked: with Order.StopIfBlocked, preflight found a device that cannot be ordered, so none was.
	ErrBlocked Error = "preflight found devices in the way, and nothing was ordered"
	// ErrNothing: preflight left no device to order.
	ErrNothing Error = "no device of the selection can be ordered"
)

// Run orders a batch, or goes on with it: to resume after an error, a crash or an approval is to call it again with the same Order. It
// returns when every device has its outcome, with the counts of them.
//
// A batch that is not open yet is preflighted as a whole first, and opened for as many devices as are ready or busy
// (lock.Service.OpenBatch). Then the selection is ordered in chunks, sorted by device.
//
// Errors: lock.ErrPending, the batch waits for a second person, so call again after that; lock.ErrCancelled, when it was cancelled, rejected
// or not approved in time: what was not ordered has the outcome Cancelled; ErrBlocked and ErrNothing, when nothing was ordered;
// lock.ErrDenied (lock.VerbBulk) and *lock.InputError, when this run ordered nothing: what an earlier one ordered stays, also where it was
// killed before it recorded that (lock.Service.List has it by the name of the batch); *UnsortedError. Any other is of the store, the sealer,
// the inventory or Record: call again.
func Run(ctx context.Context, cfg Config, o Order) (Progress, error) {
	opened, _, err := cfg.Service.Batch(ctx, o.Actor, o.Scope, o.Batch)
	if errors.Is(err, lock.ErrNotFound) {
		return begin(ctx, cfg, o)
	}
	if err != nil {
		return Progress{}, err
	}
	size, err := strconv.Atoi(opened.Facts["devices"])
	if err != nil {
		return Progress{}, fmt.Errorf("the notice that opened batch %q does not say its size: %w", o.Batch, err)
	}
	return order(ctx, cfg, o, size)
}

// begin preflights the whole batch before it orders.
func begin(ctx context.Context, cfg Config, o Order) (Progress, error) {
	p, err := Preflight(ctx, cfg, o)
	switch {
	case err != nil:
		return p, err
	case o.StopIfBlocked && p.Ready < p.Done:
		return p, ErrBlocked
	case p.Ready+p.Busy == 0:
		return p, ErrNothing
	default:
		return order(ctx, cfg, o, p.Ready+p.Busy) // what is busy may be free by then
	}
}

// order opens the batch, or asks how it stands, and orders what is left of it.
func order(ctx context.Context, cfg Config, o Order, size int) (Progress, error) {
	err := cfg.Service.OpenBatch(ctx, o.Actor, o.Scope, o.Batch, size, o.Request)
	w := &walk{cfg: cfg, order: o, progress: Progress{Phase: Ordering, Total: size}, ended: err}
	if err != nil && !errors.Is(err, lock.ErrCancelled) {
		return w.progress, err
	}
	if err := w.all(ctx, w.orders); err != nil {
		return w.progress, err
	}
	return w.progress, w.ended
}

// orders orders a chunk. Of a batch that takes no orders any more it finds what was ordered.
func (w *walk) orders(ctx context.Context, chunk []lock.Device) ([]Outcome, error) {
	requests := make([]lock.Request, len(chunk))
	for i, d := range chunk {
		requests[i] = w.order.Request
		requests[i].Device = d
	}
	actions, errs, err := w.cfg.Service.LockBatch(ctx, w.order.Actor, w.order.Scope, w.order.Batch, requests)
	if err != nil && !errors.Is(err, lock.ErrCancelled) {
		return nil, err
	}
	if err != nil {
		w.ended = err
	}
	outcomes := make([]Outcome, len(chunk))
	for i, d := range chunk {
		outcomes[i] = outcomeOf(d)
		if errs[i] != nil {
			outcomes[i].explain(errs[i], w.order.Request.Force)
			continue
		}
		outcomes[i].Result, outcomes[i].Action, outcomes[i].State = Ordered, actions[i].ID, actions[i].State
		if actions[i].Batch != w.order.Batch {
			outcomes[i].Result, outcomes[i].Code = Joined, "joined"
			outcomes[i].Reason = "The device has a live lock already, and keeps it with its PIN."
		}
	}
	return outcomes, nil
}
