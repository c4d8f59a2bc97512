package bulk

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Preflight is a dry run: it says through Config.Record which devices a run would order, and why not the others, and orders nothing. A
// device whose live lock the order would join is Ready too, with that as its only finding (live_lock), and one that has a live action which
// the order cannot join is Busy, whatever else was found. The actor needs the right to lock each device; that it has none is an outcome, and
// on record.
func Preflight(ctx context.Context, cfg Config, o Order) (Progress, error) {
	w := &walk{cfg: cfg, order: o, progress: Progress{Phase: Preflighting}}
	w.order.Request.Batch = o.Batch // a PIN of the request's own is shared
	err := w.all(ctx, w.preflight)
	return w.progress, err
}

// preflight checks the devices of a chunk side by side.
func (w *walk) preflight(ctx context.Context, chunk []lock.Device) ([]Outcome, error) {
	outcomes, errs := make([]Outcome, len(chunk)), make([]error, len(chunk))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(4*runtime.GOMAXPROCS(0), len(chunk)) {
		workers.Go(func() {
			for i := range next {
				outcomes[i], errs[i] = w.check(ctx, chunk[i])
			}
		})
	}
	for i := range chunk {
		next <- i
	}
	close(next)
	workers.Wait()
	return outcomes, errors.Join(errs...)
}

// check preflights one device. An error is one that says nothing of the device.
func (w *walk) check(ctx context.Context, d lock.Device) (Outcome, error) {
	out := outcomeOf(d)
	r := w.order.Request
	r.Device, r.Kind, r.Of = d, lock.KindLock, ""
	findings, err := w.cfg.Service.Preflight(ctx, w.order.Actor, r)
	var input *lock.InputError
	switch {
	case err == nil:
		out.find(findings, r.Force)
		switch {
		case out.Result == Ready:
			out.Findings = findings
		case out.Code == "busy":
			out.Result = Busy
		}
		return out, nil
	case errors.Is(err, lock.ErrDenied), errors.Is(err, lock.ErrSealed), errors.As(err, &input):
		out.explain(err, r.Force)
		return out, nil
	default:
		return out, err
	}
}
