package lock_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestAnyLife plays random lives of a small fleet: Macs that come, lock, answer late or never and are wiped; people who order, withdraw,
// look and write PINs into their reasons; three processes on one store, whose clocks differ, whose commits fail and which die at any of
// them. The witness holds each commit to the invariants; check holds the ledger to what is true of the Macs. A life that goes wrong is
// told in words.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newFleet(t, store.NewMemory())
		defer w.tell(t)
		t.Repeat(w.steps())
		w.finish(t)
	})
}

// fleet is everything there is: the Macs, the processes, the ledger that they share, and what time it is.
type fleet struct {
	macs     []*machine
	replicas []*replica
	ledger   *witness
	clock    *locktest.Clock
	codec    *codec
	log      *lines

	desk  *desk              // what needs a second person, and who decided
	keys  map[string]lock.ID // where each idempotency key led
	held  map[string]bool    // devices under a legal hold
	turn  int                // counts what happens, so that order does not depend on clocks
	inner bool               // within another step
	story []string
}

func newFleet(t *rapid.T, st lock.Store) *fleet {
	w := &fleet{
		clock: &locktest.Clock{}, codec: &codec{}, log: &lines{},
		keys: map[string]lock.ID{}, held: map[string]bool{},
	}
	w.clock.Set(time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC))
	w.ledger = newWitness(st, w.judge)
	w.desk = newDesk(rapid.SampledFrom([]string{"", "", "limits", "second person"}).Draw(t, "rules"))
	w.says("rules: %q", w.desk.rules)
	for _, m := range []*machine{
		{device: locktest.Device("mac-1"), kinds: []lock.Kind{lock.KindLock}},
		{device: locktest.Device("mac-2"), kinds: []lock.Kind{lock.KindLock}},
		{device: locktest.Device("phone-3"), kinds: []lock.Kind{lock.KindLostMode, lock.KindResetPasscode, lock.KindClearPasscode, lock.KindProvisionToken}},
		{device: locktest.Device("pc-4"), kinds: []lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindResetPasscode}, maker: &maker{}},
	} {
		m.got, m.gotAt, m.shown = map[lock.ID]string{}, map[lock.ID]int{}, map[string]bool{}
		w.macs = append(w.macs, m)
	}
	for _, name := range []string{"A", "B", "C"} {
		r := &replica{name: name, w: w}
		r.start(t)
		w.replicas = append(w.replicas, r)
	}
	return w
}

// steps are what may happen, the simplest first, so that a life that goes wrong is told by these. Some are there more than once.
func (w *fleet) steps() map[string]func(*rapid.T) {
	steps := map[string]func(*rapid.T){"": w.check}
	for i, do := range []func(*rapid.T){
		w.order, w.order, w.poll, w.poll, w.poll, w.wait, w.cancel, w.open, w.arrive, w.reveal, w.run, w.seen, w.wipe, w.renew, w.statement,
		w.repeat, w.knock, w.nonsense, w.setClock, w.purge, w.hold, w.escrow, w.reseal, w.anew, w.unlock, w.decide, w.decide, w.bulk,
	} {
		steps[fmt.Sprintf("step %02d", i)] = func(t *rapid.T) {
			w.clock.Advance(2 * time.Millisecond)
			do(t)
		}
	}
	return steps
}

// meanwhile is what another process does in the middle of a call. The device that is being served may have come there as well.
func (w *fleet) meanwhile(t *rapid.T, busy *replica) {
	w.inner = true
	defer func() { w.inner = false }()
	happens := rapid.SampledFrom([]func(*rapid.T){
		w.order, w.cancel, w.knock, w.repeat, w.arrive, w.reveal, w.seen, w.reseal, w.purge, w.decide, w.unlock,
	}).Draw(t, "meanwhile")
	rest := w.replicas
	w.replicas = slices.DeleteFunc(slices.Clone(rest), func(r *replica) bool { return r == busy })
	defer func() { w.replicas = rest }()
	happens(t)
}

// at draws the process that a caller reaches.
func (w *fleet) at(t *rapid.T) *replica { return rapid.SampledFrom(w.replicas).Draw(t, "at") }

// any draws a Mac.
func (w *fleet) any(t *rapid.T) *machine { return rapid.SampledFrom(w.macs).Draw(t, "mac") }

// awake draws a device that talks; nil when none does. A locked Mac is silent, lost mode is not.
func (w *fleet) awake(t *rapid.T) *machine {
	open := slices.DeleteFunc(slices.Clone(w.macs), w.silent)
	if len(open) == 0 {
		return nil
	}
	return rapid.SampledFrom(open).Draw(t, "mac")
}

func (w *fleet) wait(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{time.Second, 59 * time.Second, time.Minute, time.Hour, 31 * 24 * time.Hour}).Draw(t, "wait")
	w.clock.Advance(d)
	w.says("%s pass", d)
}

// setClock is a process whose clock is a little wrong, or all clocks set forward or back.
func (w *fleet) setClock(t *rapid.T) {
	if rapid.Bool().Draw(t, "all") {
		d := rapid.SampledFrom([]time.Duration{-time.Second, time.Hour, -time.Hour, -40 * 24 * time.Hour}).Draw(t, "jump")
		w.clock.Advance(d)
		w.says("all clocks jump by %s", d)
		return
	}
	r := w.at(t)
	r.skew = rapid.SampledFrom([]time.Duration{0, 20 * time.Second, -20 * time.Second, time.Millisecond}).Draw(t, "skew")
	w.says("the clock of %s is %s off", r.name, r.skew)
}

// says adds a line to the story.
func (w *fleet) says(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.inner {
		line = "  meanwhile: " + line
	}
	w.story = append(w.story, line)
}

// tell prints the story of a life that went wrong.
func (w *fleet) tell(t *rapid.T) {
	if !t.Failed() {
		return
	}
	var out strings.Builder
	for i, line := range w.story {
		fmt.Fprintf(&out, "%3d  %s\n", i+1, line)
	}
	t.Logf("what happened:\n%s\nwhat the ledger has:\n%s", out.String(), w.ledger.summary())
}

// check holds the ledger to what is true of the Macs, after each step.
func (w *fleet) check(t *rapid.T) {
	w.ledger.scan("the log", w.log.drain())
	require.Empty(t, w.ledger.complaints())
	for _, m := range w.macs {
		if m.locked != "" {
			w.checkLocked(t, m)
		}
		w.checkMade(t, m, false)
	}
}

// checkLocked says that the PIN of a locked Mac is found, and before those that are known to be gone.
func (w *fleet) checkLocked(t *rapid.T, m *machine) {
	now := w.ledger.action(m.locked)
	if m.gone {
		return
	}
	found := w.candidates(t, m)
	at := slices.IndexFunc(found, func(c lock.Candidate) bool { return m.got[c.Action.ID] == m.got[m.locked] })
	require.GreaterOrEqual(t, at, 0, "the PIN that locks %s is a candidate", m)
	if m.misled { // somebody said that it was open
		return
	}
	require.True(t, now.MayBeOnDevice(), "the PIN of %s is on %s", w.ledger.name(m.locked), m)
	for _, c := range found[:at] {
		require.True(t, c.Action.MayBeOnDevice(), "%s is known to be gone from %s, and comes after what may be there", w.ledger.name(c.Action.ID), m)
	}
	if now.State == lock.StateConfirmed && w.silent(m) {
		require.Zero(t, at, "the PIN that %s acknowledged comes first", m)
	}
}

// finish holds the whole ledger to its events: nothing is lost, nothing differs, and Run will look at whatever waits.
func (w *fleet) finish(t *rapid.T) {
	w.settleMade(t)
	for _, id := range w.ledger.ids {
		requireReplay(t, w.ledger.Store, id)
		require.Empty(t, w.ledger.unreadable(t.Context(), id))
	}
	live, err := w.ledger.List(t.Context(), lock.Filter{Live: true})
	require.NoError(t, err)
	for _, a := range live {
		looks := !a.Due.IsZero() || (a.Talks || a.Kind == lock.KindLostMode) && a.State == lock.StateConfirmed // which comes by itself
		require.True(t, looks, "nothing looks at %s, which is %s", w.ledger.name(a.ID), a.State)
	}
}
