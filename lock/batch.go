package lock

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Batch returns the notice that opened a batch, and where the batch stands: StateQueued, it takes orders; StateHeld, it waits for a second
// person (the fact "held_by" says why: "policy" or "limit", and "" when that is not found out yet); StateCancelled, it was cancelled or
// rejected; StateExpired, nobody approved it in time, or it was not begun in time after that, or not finished, when limits judged it.
// Facts: batch, devices, kind, and pin (rotate, keep or shared). The actor who opened it may always ask; others need VerbView.
// ErrNotFound when no such batch was opened.
func (s *Service) Batch(ctx context.Context, actor Actor, scope, batch string) (Event, State, error) {
	if err := actor.validate(); err != nil {
		return Event{}, "", err
	}
	b, state, err := s.batchNow(ctx, scope, batch)
	if err != nil {
		return Event{}, "", err
	}
	if actor.ID != b.opened.Actor.ID {
		if err := s.allow(ctx, actor, VerbView, Target{Device: Device{Scope: scope}, Size: b.size}); err != nil {
			return Event{}, "", err
		}
	}
	opened := b.opened
	opened.Facts = maps.Clone(opened.Facts)
	if b.heldBy != "" {
		opened.Facts["held_by"] = b.heldBy
	}
	return opened, state, nil
}

// batch is a bulk order, as its notices tell.
type batch struct {
	name     string
	opened   Event
	size     int
	held     bool   // it was opened so that something must let it go on
	heldBy   string // "policy", "limit", or "": not judged yet
	approved Event  // by a second person, or by the system when it is within the limits
	ended    Event  // the rejection, or the cancellation
}

func newBatch(e Event) *batch {
	size, _ := strconv.Atoi(e.Facts["devices"])
	e.Body, e.Prev, e.Hash = nil, nil, nil
	return &batch{name: e.Facts["batch"], opened: e, size: size, held: e.Facts["held"] != "", heldBy: e.Facts["held_by"]}
}

// state is where the batch stands, but for an approval that was not used in time.
func (b batch) state(now time.Time, patience time.Duration) State {
	switch {
	case b.ended.ID != "":
		return StateCancelled
	case !b.held || b.approved.ID != "":
		return StateQueued
	case !now.Before(b.opened.Time.Add(patience)):
		return StateExpired
	default:
		return StateHeld
	}
}

// refuse says why a batch in this state takes no orders.
func (b batch) refuse(state State) error {
	switch state {
	case StateQueued:
		return nil
	case StateHeld:
		return fmt.Errorf("batch %q %w: have somebody else approve it", b.name, ErrPending)
	case StateExpired:
		return fmt.Errorf("%w: batch %q was not approved, begun or finished in time: open another one", ErrCancelled, b.name)
	default:
		return fmt.Errorf("%w: batch %q by %s", ErrCancelled, b.name, b.ended.Actor.ID)
	}
}

// batches are the bulk orders by scope, as far as the feed was read. What was read is never read again: it does not change.
type batches struct {
	mu     sync.Mutex
	scopes map[string]*batchesOf
	turns  keyLock // of orders of one batch in this process
}

type batchesOf struct {
	next    int64                // the first position that was not read yet
	named   map[[2]string]*batch // by scope and name
	ordered map[string]*ordered  // what was ordered in a batch, by name
}

// batchNow reads a batch, and judges whether an approval that was not used yet still counts.
func (s *Service) batchNow(ctx context.Context, scope, name string) (batch, State, error) {
	b, err := s.findBatch(ctx, scope, name)
	if err != nil {
		return b, "", err
	}
	state := b.state(s.now(), s.cfg.Patience)
	late := b.approved.ID != "" && !s.now().Before(b.approved.Time.Add(s.cfg.Patience))
	if state != StateQueued || !late {
		return b, state, nil
	}
	if b.heldBy != heldByPolicy { // it counted when it was opened, and is not saved up for later
		return b, StateExpired, nil
	}
	begun, err := s.orderedIn(ctx, b)
	if err == nil && begun.n == 0 {
		state = StateExpired
	}
	return b, state, err
}

// findBatch reads what the feed says of a batch, up to what is committed now.
func (s *Service) findBatch(ctx context.Context, scope, name string) (batch, error) {
	if err := checkBatch(scope, name); err != nil {
		return batch{}, err
	}
	if err := s.sequence(ctx); err != nil {
		return batch{}, err
	}
	s.batches.mu.Lock()
	defer s.batches.mu.Unlock()
	of := s.batches.of(scope)
	if err := of.readOn(ctx, s.cfg.Store, scope, s.cfg.Patience); err != nil {
		return batch{}, err
	}
	if b := of.named[[2]string{scope, name}]; b != nil {
		return *b, nil
	}
	return batch{}, fmt.Errorf("%w: no batch %q was opened", ErrNotFound, name)
}

// of is called with the mutex held.
func (b *batches) of(scope string) *batchesOf {
	if b.scopes == nil {
		b.scopes = map[string]*batchesOf{}
	}
	of := b.scopes[scope]
	if of == nil {
		of = &batchesOf{named: map[[2]string]*batch{}, ordered: map[string]*ordered{}}
		b.scopes[scope] = of
	}
	return of
}

func (of *batchesOf) readOn(ctx context.Context, store Store, scope string, patience time.Duration) error {
	last, err := store.Events(ctx, EventFilter{Newest: true, Limit: 1})
	if err != nil || len(last) == 0 || last[0].Position < of.next {
		return err
	}
	f := EventFilter{Scope: scope, Limit: 1000, Types: []EventType{
		EventBatchOpened, EventHeld, EventBatchApproved, EventBatchRejected, EventBatchCancelled,
	}}
	for {
		f.From = of.next
		page, err := store.Events(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range page {
			of.next = e.Position + 1
			of.apply(e, patience)
		}
		if len(page) < f.PageSize() {
			of.next = max(of.next, last[0].Position+1)
			return nil
		}
	}
}

// apply is the fold of a batch's notices: the first that opens it counts, and the first that decides.
func (of *batchesOf) apply(e Event, patience time.Duration) {
	name := e.Facts["batch"]
	b := of.named[[2]string{e.Scope, name}]
	switch {
	case e.Action != "" || name == "":
	case e.Type == EventBatchOpened && b == nil:
		of.named[[2]string{e.Scope, name}] = newBatch(e)
	case b == nil || e.Type == EventBatchOpened:
	case e.Type == EventBatchCancelled && b.ended.ID == "":
		b.ended = e
	case b.state(e.Time, patience) != StateHeld: // too late
	case e.Type == EventHeld:
		b.heldBy = "limit"
	case e.Type == EventBatchApproved:
		b.approved = e
	case e.Type == EventBatchRejected:
		b.ended = e
	}
}

// checkBatch holds a batch's name to what a key can be made of.
func checkBatch(scope, name string) error {
	if err := checkText("scope", scope, 64, true); err != nil {
		return err
	}
	if err := checkText("batch", name, 64, true); err != nil {
		return err
	}
	if strings.Contains(name, "/") {
		return &InputError{Field: "batch", Rule: "must not contain a slash"}
	}
	return nil
}

// pinMode says in a word how a request chooses its PIN.
func pinMode(r Request) string {
	switch {
	case r.Keep:
		return "keep"
	case !r.PIN.IsZero():
		return "shared"
	default:
		return "rotate"
	}
}

// shortestPIN is the least number of digits that a PIN has anywhere.
const shortestPIN = 4

// commonPIN is how many digits people's own passcodes have, if not more. A number of fewer is more often something else, as in Case 4711.
const commonPIN = 6

// maskAll keeps PINs out of words where no order says how long one is: of digits that stand close together, all go if they are commonPIN or
// more, or as many as the shortest PIN that a configured platform has, for locks or passcodes. If none has any, shortestPIN are enough.
func (s *Service) maskAll(d Device, text string) string {
	least := 0
	for name, p := range s.platforms {
		d.Platform = name
		for _, kind := range []Kind{KindLock, KindResetPasscode} {
			if n := p.Codec.Plan(d, Request{Device: d, Kind: kind}).Policy.Length; n > 0 {
				least = min(cmp.Or(least, commonPIN), n)
			}
		}
	}
	least = cmp.Or(least, shortestPIN)
	return number.ReplaceAllStringFunc(text, func(s string) string {
		if len(joined(s)) < least {
			return s
		}
		return "[digits]"
	})
}

// batchPIN opens the PIN that all actions of a batch have. ErrNotFound when the batch has none yet.
func (s *Service) batchPIN(ctx context.Context, b batch) (pin.PIN, error) {
	done, err := s.orderedIn(ctx, b)
	if err != nil {
		return pin.PIN{}, err
	}
	if done.n == 0 {
		return pin.PIN{}, ErrNotFound
	}
	full, err := s.cfg.Store.Get(ctx, done.first)
	if err != nil {
		return pin.PIN{}, err
	}
	code, _, err := s.open(ctx, full, SecretPIN)
	return code, err
}

const errNotOpener Error = "only the actor who opened a batch may order in it"
