package lock_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestAnySending plays random lives of devices that somebody else's queue serves: two processes on one store, which die at any commit and
// send through a provider whose answers get lost, which refuses, has no time, tells results before its own answer, and goes on with what was
// withdrawn. Whatever happens, the PIN that it took last is among the candidates, what was acknowledged is not sent again, no delivery
// number leaves twice, and each action is what its events say.
func TestAnySending(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newSendings(t)
		defer func() {
			if t.Failed() {
				t.Log(strings.Join(w.story, "\n"))
			}
		}()
		t.Repeat(map[string]func(*rapid.T){ // an act that has nothing to act on skips its turn, and another one is drawn
			"": w.check, "order": w.order, "run": w.run, "run again": w.run, "wait": w.wait, "do": w.execute, "tell": w.notify, "cancel": w.cancel,
		})
		w.finish(t)
	})
}

// sendings is everything there is.
type sendings struct {
	store     lock.Store
	clock     *locktest.Clock
	processes []*locktest.Fixture
	provider  *provider
	story     []string
}

func newSendings(t *rapid.T) *sendings {
	w := &sendings{store: store.NewMemory(), clock: &locktest.Clock{}}
	w.clock.Set(time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC))
	w.provider = &provider{
		w: w, pins: map[lock.ID]string{}, last: map[string]lock.ID{}, over: map[lock.ID]bool{}, left: map[string]bool{},
	}
	w.processes = []*locktest.Fixture{w.process(t), w.process(t)}
	return w
}

func (w *sendings) process(t *rapid.T) *locktest.Fixture {
	return locktest.New(t, w.store, through(w.provider), func(c *lock.Config) { c.Now = w.clock.Now })
}

func (w *sendings) says(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

// faulty lets one process do something, which may kill it at one of its commits. Then it is started again.
func (w *sendings) faulty(t *rapid.T, do func(*locktest.Fixture)) {
	i := rapid.IntRange(0, 1).Draw(t, "process")
	if rapid.IntRange(0, 3).Draw(t, "dies") == 0 {
		at, unheard := rapid.IntRange(0, 4).Draw(t, "at commit"), rapid.Bool().Draw(t, "unheard")
		w.says("process %d dies after commit %d (unheard: %v) if it comes so far:", i, at, unheard)
		w.processes[i].Store.DieAfter(at, unheard && at > 0)
		defer func() { w.processes[i] = w.process(t) }()
	}
	do(w.processes[i])
}

func (w *sendings) order(t *rapid.T) {
	d := locktest.Device(rapid.SampledFrom([]string{"phone-1", "phone-2"}).Draw(t, "device"))
	kind := rapid.SampledFrom([]lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindClearPasscode}).Draw(t, "kind")
	w.faulty(t, func(f *locktest.Fixture) {
		do := map[lock.Kind]func(context.Context, lock.Actor, lock.Request) (lock.Action, error){
			lock.KindLock: f.Service.Lock, lock.KindResetPasscode: f.Service.ResetPasscode, lock.KindClearPasscode: f.Service.ClearPasscode,
		}[kind]
		a, err := do(t.Context(), locktest.Admin(), lock.Request{Device: d})
		w.says("%s ordered for %s: %s, %v", kind, d.ID, a.ID, err)
	})
}

// run has a process look once at what is due, while the provider is in some mood.
func (w *sendings) run(t *rapid.T) {
	w.provider.mood = rapid.SampledFrom([]string{"takes", "takes", "takes", "tells first", "loses", "loses", "broken", "busy", "refuses", "down"}).Draw(t, "mood")
	w.faulty(t, func(f *locktest.Fixture) {
		w.says("run, provider %s", w.provider.mood)
		f.Service.NewTicker().Tick(t.Context())
	})
}

func (w *sendings) wait(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, time.Hour, 31 * 24 * time.Hour}).Draw(t, "wait")
	w.says("%s pass", d)
	w.clock.Advance(d)
}

func (w *sendings) cancel(t *rapid.T) {
	live, err := w.store.List(t.Context(), lock.Filter{Live: true})
	require.NoError(t, err)
	if len(live) == 0 {
		t.Skip("nothing to cancel")
	}
	a := rapid.SampledFrom(live).Draw(t, "action")
	w.faulty(t, func(f *locktest.Fixture) {
		_, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "")
		w.says("cancel %s: %v", a.ID, err)
		if err == nil {
			w.provider.over[a.ID] = true
		}
	})
}

// execute has a device do what waits for it at the provider, in any order.
func (w *sendings) execute(t *rapid.T) {
	open := slices.DeleteFunc(slices.Clone(w.provider.taken), func(o *operation) bool { return o.outcome != "" })
	if len(open) == 0 {
		t.Skip("nothing waits for a device")
	}
	o := rapid.SampledFrom(open).Draw(t, "operation")
	o.outcome = rapid.SampledFrom([]lock.Outcome{lock.Acknowledged, lock.Acknowledged, lock.NotNow}).Draw(t, "outcome")
	w.says("%s of %s: %s", o.ref, o.action, o.outcome)
}

// notify has the provider tell of a result, which it repeats until somebody takes it.
func (w *sendings) notify(t *rapid.T) {
	done := slices.DeleteFunc(slices.Clone(w.provider.taken), func(o *operation) bool { return o.outcome == "" })
	if len(done) == 0 {
		t.Skip("nothing to tell")
	}
	o := rapid.SampledFrom(done).Draw(t, "operation")
	w.faulty(t, func(f *locktest.Fixture) { w.says("told of %s: %v", o.ref, w.provider.tell(t.Context(), f, o)) })
}

// check holds the ledger to what the provider knows.
func (w *sendings) check(t *rapid.T) {
	require.Empty(t, w.provider.wrong)
	for device, id := range w.provider.last {
		candidates, err := w.processes[0].Service.Candidates(t.Context(), locktest.Admin(), locktest.Device(device))
		require.NoError(t, err)
		known := func(c lock.Candidate) bool { return c.Action.ID == id }
		require.True(t, slices.ContainsFunc(candidates, known), "I2: the PIN that the provider took last is a candidate")
	}
	for _, o := range w.provider.taken {
		if o.outcome != "" {
			continue
		}
		a, err := w.store.Get(t.Context(), o.action)
		require.NoError(t, err)
		may := a.MayBeOnDevice() || a.State == lock.StateReleased && !w.clock.Now().Before(a.NotAfter)
		require.True(t, may, "I2: %s may still be done, and its action is %s", o.ref, a.State)
	}
}

// checkSent says that nothing was sent again whose result will come.
func (w *sendings) checkSent(t *rapid.T, a lock.Action) {
	events, err := w.store.Events(t.Context(), lock.EventFilter{Action: a.ID, Limit: 1000})
	require.NoError(t, err)
	waits := false
	for _, e := range events {
		require.False(t, e.Type == lock.EventRedelivered && waits, "%s was taken, and is sent again", a.ID)
		waits = (waits || e.Ref != "") && e.Type != lock.EventNotNow
	}
}

// finish lets everything come to rest, and looks once more.
func (w *sendings) finish(t *rapid.T) {
	w.says("all is well again")
	w.processes = []*locktest.Fixture{w.process(t), w.process(t)}
	w.provider.mood = "takes"
	for range 25 {
		w.processes[0].Service.NewTicker().Tick(t.Context())
		for _, o := range w.provider.taken {
			if o.outcome == "" || o.outcome == lock.NotNow {
				o.outcome = lock.Acknowledged
			}
		}
		w.clock.Advance(2 * time.Minute)
	}
	w.check(t)
	for id, code := range w.provider.pins {
		require.Equal(t, code, w.processes[0].PIN(id), "I1: what left is what is sealed")
	}
	all, err := w.store.List(t.Context(), lock.Filter{})
	require.NoError(t, err)
	for _, a := range all {
		requireReplay(t, w.store, a.ID)
		w.checkSent(t, a)
		require.False(t, a.State == lock.StateIssued && w.provider.did(a.Ref), "%s: its result is there to be asked for", a.ID)
	}
}

// provider takes commands, in some mood.
type provider struct {
	w     *sendings
	mu    sync.Mutex
	mood  string
	taken []*operation
	pins  map[lock.ID]string // that left
	last  map[string]lock.ID // by device: the action whose PIN was taken last
	over  map[lock.ID]bool   // acknowledged, or withdrawn, which was durable
	left  map[string]bool    // delivery numbers
	wrong []string
}

// operation is a command that the provider took.
type operation struct {
	ref, device string
	action      lock.ID
	outcome     lock.Outcome // what the device said; empty: nothing yet
}

func (p *provider) Send(ctx context.Context, o lock.Order, body []byte) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.leaves(ctx, o, body)
	switch p.mood {
	case "broken":
		return "", errors.New("connection reset")
	case "busy":
		return "", locktest.SendError{Untaken: true, WakeFailure: locktest.WakeFailure{Class: "busy", Answered: true}}
	case "down":
		return "", locktest.SendError{Untaken: true, WakeFailure: locktest.WakeFailure{Class: "down", Provider: true}}
	case "refuses":
		return "", locktest.SendError{Refused: map[string]string{"code": "INVALID_VALUE"}}
	}
	op := &operation{ref: fmt.Sprintf("operations/%d", len(p.taken)+1), device: o.Device.ID, action: o.Action.ID}
	p.taken = append(p.taken, op)
	if o.PIN.Expose() != "" {
		p.last[op.device] = op.action
	}
	p.w.says("%s takes delivery %d of %s", op.ref, o.Action.Deliveries, op.action)
	if p.mood == "loses" {
		return "", errors.New("the answer got lost")
	}
	if p.mood == "tells first" {
		op.outcome = lock.Acknowledged
		if err := p.tell(ctx, p.w.processes[0], op); errors.Is(err, lock.ErrNotOurs) {
			p.wrong = append(p.wrong, "a result that came early was taken for somebody else's")
		}
	}
	return op.ref, nil
}

// leaves holds a command that leaves to the rules.
func (p *provider) leaves(ctx context.Context, o lock.Order, body []byte) {
	var c locktest.Command
	if err := json.Unmarshal(body, &c); err != nil {
		p.wrong = append(p.wrong, err.Error())
	}
	number := fmt.Sprintf("%s/%d", o.Action.ID, o.Action.Deliveries)
	kept, err := p.w.store.Get(ctx, o.Action.ID)
	switch was, sent := p.pins[o.Action.ID]; {
	case err != nil || kept.Deliveries < o.Action.Deliveries:
		p.wrong = append(p.wrong, "I6: "+number+" left and is not on record")
	case p.left[number]:
		p.wrong = append(p.wrong, "I6: "+number+" left twice")
	case p.over[o.Action.ID]:
		p.wrong = append(p.wrong, number+" left after it was over")
	case sent && was != c.PIN:
		p.wrong = append(p.wrong, "I1: "+number+" left with another PIN")
	}
	p.left[number] = true
	if c.PIN != "" {
		p.pins[o.Action.ID] = c.PIN
	}
}

// tell tells a process what became of a command.
func (p *provider) tell(ctx context.Context, f *locktest.Fixture, o *operation) error {
	err := f.Service.Report(ctx, lock.Report{Scope: "acme", Device: o.device, Ref: o.ref, Outcome: o.outcome})
	if err == nil && o.outcome == lock.Acknowledged {
		p.over[o.action] = true
	}
	return err
}

func (p *provider) Poll(_ context.Context, a lock.Action) (lock.Report, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.taken, func(o *operation) bool { return o.ref == a.Ref })
	if i < 0 {
		p.wrong = append(p.wrong, "asked for "+a.Ref+", which is nothing that was taken")
		return lock.Report{}, nil
	}
	if p.mood == "broken" || p.mood == "down" {
		return lock.Report{}, locktest.WakeError("unavailable")
	}
	return lock.Report{Outcome: p.taken[i].outcome}, nil
}

func (p *provider) Withdraw(context.Context, lock.Action) error {
	return errors.New("it goes on all the same")
}

// did reports whether a device did what has this name.
func (p *provider) did(ref string) bool {
	return slices.ContainsFunc(p.taken, func(o *operation) bool { return o.ref == ref && o.outcome == lock.Acknowledged })
}
