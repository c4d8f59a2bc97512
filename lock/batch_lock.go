package lock

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"unicode/utf8"
)

const (
	maxBatchOrders = 1000
	batchWorkers   = 16
)

// LockBatch orders locks in a batch that the same actor opened: at most 1,000 in one call, best sorted by device. Each is an order as of
// Lock, with the key batch/device and the Batch filled in, so that each device has one action of the batch, however often it is called; but
// limits and second person are the batch's. actions[i] is the action of requests[i], errs[i] why there is none: ErrDenied, *BlockedError,
// *BusyError, *InputError or ErrSealed. An action that another order made, which this one joined, has another Batch.
//
// With a PIN for the batch, each request carries it, or none does: then it is opened from the batch's first action.
//
// An err says that the batch takes no orders now: ErrNotFound, ErrPending, or ErrCancelled, with actions and errs as for any call; or that
// store or sealer failed, after which calling again is safe.
func (s *Service) LockBatch(ctx context.Context, actor Actor, scope, batch string, requests []Request) ([]Action, []error, error) {
	if len(requests) > maxBatchOrders {
		return nil, nil, &InputError{Field: "requests", Rule: fmt.Sprintf("must be at most %d at a time", maxBatchOrders)}
	}
	if err := actor.validate(); err != nil {
		return nil, nil, err
	}
	b, state, err := s.batchNow(ctx, scope, batch)
	if err != nil {
		return nil, nil, err
	}
	if actor.ID != b.opened.Actor.ID {
		facts := b.facts()
		facts["verb"] = string(VerbBulk)
		return nil, nil, s.deny(ctx, actor, VerbBulk, scope, "", facts, errNotOpener)
	}
	if state == StateHeld {
		return nil, nil, b.refuse(state)
	}
	unlock, err := s.batches.turns.lock(ctx, scope, batch)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	o := newBatchOrders(s, b, actor, requests)
	if state == StateQueued {
		if err := o.order(ctx); err != nil {
			return nil, nil, err
		}
		s.Kick()
		if b, state, err = s.batchNow(ctx, scope, batch); err != nil { // it may have been cancelled meanwhile
			return nil, nil, err
		}
	}
	if state == StateQueued {
		return o.actions, o.errs, nil
	}
	refused := b.refuse(state)
	o = newBatchOrders(s, b, actor, requests)
	if err := o.end(ctx, refused); err != nil {
		return nil, nil, err
	}
	return o.actions, o.errs, refused
}

// batchOrders are the orders of one call of LockBatch.
type batchOrders struct {
	svc      *Service // the service that was called
	on       *Service // the same, for one device's part: what fails as a whole is a *fault
	batch    batch
	actor    Actor
	requests []Request
	actions  []Action
	errs     []error

	first map[string]int  // index of each device
	known []bool          // the batch has an action for it
	alone []bool          // goes the way of a single order, because of what is live on the device
	empty map[string]bool // devices without any action
}

func newBatchOrders(s *Service, b batch, actor Actor, requests []Request) *batchOrders {
	n := len(requests)
	o := &batchOrders{
		svc: s, batch: b, actor: actor, requests: make([]Request, n), actions: make([]Action, n), errs: make([]error, n),
		first: make(map[string]int, n), known: make([]bool, n), alone: make([]bool, n), empty: map[string]bool{},
	}
	o.on = s.failing(o.empty)
	for i, r := range requests {
		r.Kind, r.Batch, r.Key, r.Of, r.state, r.heldBy = KindLock, b.name, batchKey(b.name, r.Device.ID), "", "", ""
		o.requests[i] = r
		if _, twice := o.first[r.Device.ID]; twice {
			o.alone[i] = true
		} else {
			o.first[r.Device.ID] = i
		}
		o.errs[i] = o.check(r)
	}
	return o
}

// batchKey is the idempotency key of a device's order in a batch. A long ID is in it by its hash.
func batchKey(batch, device string) string {
	if key := batch + "/" + device; utf8.RuneCountInString(key) <= 128 {
		return key
	}
	sum := sha256.Sum256([]byte(device))
	return batch + "/sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func (o *batchOrders) check(r Request) error {
	if r.Device.Scope != o.batch.opened.Scope {
		return &InputError{Field: "device.scope", Rule: "must be the batch's"}
	}
	opened, mode := o.batch.opened.Facts["pin"], pinMode(r)
	if opened != mode && !(opened == "shared" && mode == "rotate") {
		return &InputError{Field: "pin", Rule: fmt.Sprintf("must be chosen as the batch was opened: %s, not %s", opened, mode)}
	}
	return r.validate(o.svc.now())
}

// order makes an action of each request, or its error.
func (o *batchOrders) order(ctx context.Context) error {
	if err := o.lookUp(ctx); err != nil {
		return err
	}
	if err := o.sharePIN(ctx); err != nil {
		return err
	}
	changes := make([]Change, len(o.requests))
	if err := o.each(func(i int) error { return o.draft(ctx, i, &changes[i]) }); err != nil {
		return err
	}
	if err := o.fit(ctx); err != nil {
		return err
	}
	if err := o.commit(ctx, changes); err != nil {
		return err
	}
	for i := range o.requests { // one after the other: a device may be there twice
		if !o.alone[i] || o.errs[i] != nil {
			continue
		}
		if err := o.single(ctx, i); err != nil {
			return err
		}
	}
	if o.batch.held { // somebody, or a limit, let so many pass
		return o.withdrawOver(ctx)
	}
	return nil
}

// lookUp finds the actions that the batch has already, and what is live on the devices, by one listing.
func (o *batchOrders) lookUp(ctx context.Context) error {
	f := Filter{Scope: o.batch.opened.Scope, Limit: 1000}
	for id := range o.first {
		f.Devices = append(f.Devices, id)
		o.empty[id] = true
	}
	for len(f.Devices) > 0 {
		page, err := o.svc.cfg.Store.List(ctx, f)
		if err != nil {
			return err
		}
		for _, a := range page {
			i := o.first[a.Device.ID]
			o.empty[a.Device.ID] = false
			switch {
			case a.Key == o.requests[i].Key && a.Kind == KindLock:
				a.Joined = true
				o.actions[i], o.known[i] = a.withoutBoxes(), true
			case a.Lane == KindLock.lane():
				o.alone[i] = true
			}
		}
		if len(page) < f.PageSize() {
			break
		}
		f.Before = page[len(page)-1].ID
	}
	for i := range o.known {
		o.alone[i] = o.alone[i] && !o.known[i]
	}
	return nil
}

// sharePIN gives the orders the one PIN of the batch, or holds theirs against it.
func (o *batchOrders) sharePIN(ctx context.Context) error {
	if o.batch.opened.Facts["pin"] != "shared" {
		return nil
	}
	code, err := o.svc.batchPIN(ctx, o.batch)
	fresh := errors.Is(err, ErrNotFound)
	if err != nil && !fresh {
		return err
	}
	for i, r := range o.requests {
		switch {
		case o.errs[i] != nil || o.known[i] || fresh && !r.PIN.IsZero():
		case fresh:
			return &InputError{Field: "pin", Rule: "of the batch is needed: there is no action yet from which it could be opened"}
		case r.PIN.IsZero():
			o.requests[i].PIN = code
			o.errs[i] = o.requests[i].validate(o.svc.now())
		case !r.PIN.Equal(code):
			o.errs[i] = &InputError{Field: "pin", Rule: "is not the one that the batch's orders have: leave it out, and theirs is used"}
		}
	}
	return nil
}

// fit refuses what goes beyond the size of the batch, for which it was judged, and of what may be ordered the last.
func (o *batchOrders) fit(ctx context.Context) error {
	done, err := o.svc.orderedIn(ctx, o.batch)
	if err != nil {
		return err
	}
	left := o.batch.size - done.n
	for i := range o.requests {
		if !o.wants(i) {
			continue
		}
		if left--; left < 0 {
			o.errs[i] = o.full()
		}
	}
	return nil
}

func (o *batchOrders) full() error {
	return &InputError{Field: "batch", Rule: fmt.Sprintf("was opened for %d devices, and has them: open another one", o.batch.size)}
}

// wants reports whether a new action may come of a request.
func (o *batchOrders) wants(i int) bool {
	return o.errs[i] == nil && !o.known[i] && o.first[o.requests[i].Device.ID] == i
}

// draft asks whether the actor may, and makes the change of a new order. What was ordered before is no order.
func (o *batchOrders) draft(ctx context.Context, i int, c *Change) (err error) {
	if o.known[i] {
		return nil
	}
	r := o.requests[i]
	if err = o.on.allow(ctx, o.actor, VerbLock, Target{Device: r.Device}); err == nil && !o.alone[i] {
		*c, err = o.on.draft(ctx, o.actor, KindLock, r)
		if errors.Is(err, ErrConflict) {
			o.alone[i], err = true, nil
		}
	}
	o.errs[i] = err
	return failed(ctx, err)
}

// commit stores the new orders at once. One that lost a race goes the way of a single order.
func (o *batchOrders) commit(ctx context.Context, drafts []Change) error {
	var changes []Change
	var of []int
	for i, c := range drafts {
		if len(c.Actions) > 0 && o.errs[i] == nil {
			changes, of = append(changes, c), append(of, i)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	errs, err := o.svc.commitAll(ctx, changes)
	if err != nil {
		return err
	}
	for n, i := range of {
		switch {
		case errs[n] == nil:
			o.actions[i] = changes[n].Actions[0].withoutBoxes()
		case errors.Is(errs[n], ErrConflict):
			o.alone[i] = true
		default:
			return errs[n]
		}
	}
	return nil
}

// single orders as Lock does, but for the limits, which judged the batch.
func (o *batchOrders) single(ctx context.Context, i int) error {
	o.empty[o.requests[i].Device.ID] = false
	o.actions[i], o.errs[i] = o.on.place(ctx, o.actor, KindLock, o.requests[i])
	return failed(ctx, o.errs[i])
}

// each runs one device's part side by side for those that have no error yet, and stops at the first that fails as a whole.
func (o *batchOrders) each(do func(int) error) error {
	var workers sync.WaitGroup
	var mu sync.Mutex
	var failure error
	next := make(chan int)
	for range min(batchWorkers, len(o.requests)) {
		workers.Go(func() {
			for i := range next {
				if err := do(i); err != nil {
					mu.Lock()
					failure = err
					mu.Unlock()
				}
			}
		})
	}
	for i := range o.requests {
		mu.Lock()
		stop := failure != nil
		mu.Unlock()
		if stop {
			break
		}
		if o.errs[i] == nil {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	return failure
}
