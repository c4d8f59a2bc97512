package lock_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// desk knows who may do what alone, and who asked whom. It follows the events in their order, and counts for itself.
type desk struct {
	rules   string
	intents []intent
	asked   map[lock.ID]*asked  // by the event that asks
	orders  map[lock.ID]lock.ID // the event that asks for an order, by its action
	ended   map[string]bool     // batches
}

// intent is what counts for a limit.
type intent struct {
	event   lock.ID
	verb    lock.Verb
	actor   string
	device  string // empty: a batch
	devices int
	at      time.Time
}

// asked is a request to reveal.
type asked struct {
	action             lock.ID
	actor              string
	approved, rejected bool
	used               bool
}

func newDesk(rules string) *desk {
	return &desk{rules: rules, asked: map[lock.ID]*asked{}, orders: map[lock.ID]lock.ID{}, ended: map[string]bool{}}
}

// How much one actor may do alone, where there are limits.
const (
	mostOrders  = 2
	mostReveals = 1
	window      = time.Hour
)

func (d *desk) configure(c *lock.Config) {
	switch d.rules {
	case "limits":
		c.Limits = []lock.Limit{
			{Verb: lock.VerbLock, Count: mostOrders, Window: window}, {Verb: lock.VerbReveal, Count: mostReveals, Window: window},
		}
	case "second person":
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, t lock.Target) bool { return d.needsTwo(v, t.Device.ID) }
	}
}

// needsTwo is the policy: orders for one device, PINs of another, and every batch.
func (d *desk) needsTwo(v lock.Verb, device string) bool {
	if d.rules != "second person" {
		return false
	}
	return v == lock.VerbLock && device == "mac-1" || v == lock.VerbReveal && device == "mac-2" || v == lock.VerbBulk
}

// within reports whether an intent is within the limit, by all that came before it in the feed.
func (d *desk) within(event lock.ID) bool {
	i := slices.IndexFunc(d.intents, func(in intent) bool { return in.event == event })
	if i < 0 {
		return false
	}
	own, devices, count := d.intents[i], map[string]bool{}, 0
	for _, in := range d.intents[:i+1] {
		if in.verb != own.verb || in.actor != own.actor || !in.at.After(own.at.Add(-window)) {
			continue
		}
		if in.device == "" {
			count += in.devices
		} else if !devices[in.device] {
			devices[in.device] = true
			count++
		}
	}
	if own.verb == lock.VerbReveal {
		return count <= mostReveals
	}
	return count <= mostOrders
}

// judge says what is wrong with an event.
func (d *desk) judge(before lock.Action, e lock.Event, c lock.Change) string {
	switch e.Type {
	case lock.EventOrdered:
		return d.ordered(e)
	case lock.EventBatchOpened:
		size, _ := strconv.Atoi(e.Facts["devices"])
		d.intents = append(d.intents, intent{event: e.ID, verb: lock.VerbLock, actor: e.Actor.ID, devices: size, at: e.Time})
	case lock.EventBatchCancelled:
		d.ended[e.Facts["batch"]] = true
	case lock.EventHeld:
		if own := d.orders[e.Action]; e.Action != "" && d.within(own) {
			return "limit: an order that is within the limit is held"
		}
	case lock.EventApproved:
		return d.approved(before, e, c)
	case lock.EventRevealRequested:
		d.asked[e.ID] = &asked{action: e.Action, actor: e.Actor.ID}
		d.intents = append(d.intents, intent{event: e.ID, verb: lock.VerbReveal, actor: e.Actor.ID, device: e.Device, at: e.Time})
	case lock.EventRevealApproved, lock.EventRevealRejected:
		r := d.asked[e.Request]
		if r == nil || r.used || r.action != e.Action {
			return "approval: of a request that is not open"
		}
		if e.Type == lock.EventRevealApproved && e.Actor.ID == r.actor && !broke(c) {
			return "approval: of one's own request"
		}
		r.approved, r.rejected = e.Type == lock.EventRevealApproved, e.Type == lock.EventRevealRejected
	case lock.EventRevealed:
		return d.revealed(e)
	}
	return ""
}

func (d *desk) ordered(e lock.Event) string {
	d.orders[e.Action] = e.ID
	rules := d.rules == "limits" || d.needsTwo(lock.VerbLock, e.Order.Device.ID)
	switch {
	case d.ended[e.Order.Batch]:
		return "batch: an order of a batch that was cancelled"
	case e.Order.Kind == lock.KindProvisionToken:
		if e.Order.State != lock.StateQueued {
			return "approval: a token waits for somebody"
		}
	case e.Order.State == lock.StateHeld:
		d.intents = append(d.intents, intent{event: e.ID, verb: lock.VerbLock, actor: e.Actor.ID, device: e.Order.Device.ID, at: e.Time})
	case e.Order.State == lock.StateQueued && rules && e.Order.Batch == "":
		return "approval: an order that needs leave is queued at once"
	}
	return ""
}

func (d *desk) approved(before lock.Action, e lock.Event, c lock.Change) string {
	switch {
	case e.Actor.ID == "system" && (before.HeldBy != "" || d.rules != "limits"):
		return "approval: nobody approved this order"
	case e.Actor.ID == "system" && !d.within(d.orders[e.Action]):
		return "limit: an order over the limit is let go"
	case e.Actor.ID == before.By.ID && !broke(c):
		return "approval: of one's own order"
	}
	return ""
}

func (d *desk) revealed(e lock.Event) string {
	policy := d.needsTwo(lock.VerbReveal, e.Device)
	if e.Request == "" {
		if policy || d.rules == "limits" {
			return "approval: a PIN is revealed that nobody asked for"
		}
		return ""
	}
	r := d.asked[e.Request]
	if r == nil || r.used || r.rejected || r.action != e.Action || r.actor != e.Actor.ID {
		return "approval: a PIN is revealed by a request that is not open"
	}
	r.used = true
	if !r.approved && (policy || !d.within(e.Request)) {
		return "limit: a PIN is revealed over the limit, and nobody approved it"
	}
	return ""
}

// broke reports whether the change has the alarm and the review task of a break-glass.
func broke(c lock.Change) bool {
	has := func(want lock.EventType) bool {
		return slices.ContainsFunc(c.Events, func(e lock.Event) bool { return e.Type == want })
	}
	return has(lock.EventAlarm) && has(lock.EventBreakGlass)
}

// decide is somebody who looks at what waits for a second person, and decides.
func (w *fleet) decide(t *rapid.T) {
	who := w.someone(t)
	waiting, err := w.at(t).f.Service.Requests(t.Context(), who, "acme")
	require.NoError(t, err)
	waiting = slices.DeleteFunc(waiting, func(e lock.Event) bool { return e.Action == "" })
	if len(waiting) == 0 {
		return
	}
	asks := rapid.SampledFrom(waiting).Draw(t, "request")
	how := rapid.SampledFrom([]string{"approves", "approves", "rejects", "breaks the glass for"}).Draw(t, "decides")
	mishap, err := w.call(t, w.at(t), func(s *lock.Service) error {
		verb := map[string]func() (lock.Action, error){
			"approves":             func() (lock.Action, error) { return s.Approve(t.Context(), who, asks.Action, asks.ID, "fine") },
			"rejects":              func() (lock.Action, error) { return s.Reject(t.Context(), who, asks.Action, asks.ID, "no") },
			"breaks the glass for": func() (lock.Action, error) { return s.BreakGlass(t.Context(), who, asks.Action, asks.ID, "fire") },
		}[how]
		_, err := verb()
		return err
	})
	w.says("%s %s what %s asks for (%s of %s)%s", who.ID, how, asks.Actor.ID, asks.Type, w.ledger.name(asks.Action), mishap)
	w.decided(t, err)
	if how == "approves" && asks.Actor.ID == who.ID {
		require.Error(t, err, "nobody approves what they asked for")
	}
}

// approve is the second person who helps somebody to see a PIN.
func (w *fleet) approve(t *rapid.T, who, asker lock.Actor, id lock.ID) {
	waiting, err := w.at(t).f.Service.Requests(t.Context(), who, "acme")
	require.NoError(t, err)
	for _, e := range waiting {
		if e.Action != id || e.Type != lock.EventRevealRequested || e.Actor.ID != asker.ID {
			continue
		}
		how, err := w.call(t, w.at(t), func(s *lock.Service) error {
			_, err := s.Approve(t.Context(), who, id, e.ID, "")
			return err
		})
		w.says("%s approves it%s", who.ID, how)
		w.decided(t, err)
	}
}

// decided holds the error of a decision to what such a one may meet.
func (w *fleet) decided(t *rapid.T, err error) {
	var busy *lock.BusyError
	var late *lock.TransitionError
	if !errors.As(err, &busy) && !errors.As(err, &late) {
		require.True(t, expected(err, lock.ErrDenied, lock.ErrNotFound), "%v", err)
	}
}

// bulk is an order for both Macs: it is opened, approved, made, repeated and cancelled.
func (w *fleet) bulk(t *rapid.T) {
	name := rapid.SampledFrom([]string{"bulk-1", "bulk-2"}).Draw(t, "batch")
	ada, ctx := locktest.Admin(), t.Context()
	requests := []lock.Request{{Device: w.macs[0].device, Reason: "moved"}, {Device: w.macs[1].device, Reason: "moved"}}
	do := rapid.SampledFrom([]string{"opens", "orders", "orders", "approves", "cancels"}).Draw(t, "does")
	var actions []lock.Action
	var errs []error
	how, err := w.callAtOnce(t, w.at(t), func(s *lock.Service) (err error) {
		switch do {
		case "opens":
			return s.OpenBatch(ctx, ada, "acme", name, len(requests), lock.Request{Reason: "moved"})
		case "approves":
			return s.ApproveBatch(ctx, locktest.Second(), "acme", name, "fine")
		case "cancels":
			return s.CancelBatch(ctx, ada, "acme", name, "enough")
		}
		actions, errs, err = s.LockBatch(ctx, ada, "acme", name, requests)
		return err
	})
	w.says("somebody %s %s%s: %v", do, name, how, err)
	require.True(t, expected(err, lock.ErrPending, lock.ErrCancelled, lock.ErrNotFound, lock.ErrConflict), "%v", err)
	for i, a := range actions {
		w.says("of that for %s: %s, %v", requests[i].Device.ID, w.ledger.name(a.ID), errs[i])
		if errs[i] == nil {
			require.Equal(t, requests[i].Device.ID, a.Device.ID)
			w.led(t, fmt.Sprintf("%s/%s", name, a.Device.ID), a)
		}
	}
	if do != "cancels" || err != nil {
		return
	}
	for _, a := range w.ledger.of("") {
		left := a.Batch == name && a.State == lock.StateQueued && a.Version == 1
		require.False(t, left, "%s is left of a batch that was cancelled", w.ledger.name(a.ID))
	}
}
