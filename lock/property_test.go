package lock_test

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestAnyLife plays random lives of one device and its locks, against a model of the device that knows one thing: whether a PIN locks it,
// and which. However it goes, that PIN must be found.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{f: locktest.New(t, store.NewMemory()), pins: map[lock.ID]string{}, keys: map[string]lock.ID{}, shown: map[string]bool{}}
		t.Repeat(map[string]func(*rapid.T){
			"":          w.check,
			"order":     w.order,
			"anew":      w.anew,
			"cancel":    w.cancel,
			"poll":      w.poll,
			"poll more": w.poll, // twice, because all else hangs on it
			"open":      w.open,
			"crash":     w.crash,
			"arrive":    w.arrive,
			"seen":      w.seen,
			"repeat":    w.repeat,
			"wipe":      w.wipe,
			"wait":      w.wait,
			"purge":     w.purge,
			"hold":      w.hold,
		})
		w.finish(t)
	})
}

// world is the service and the device.
type world struct {
	f *locktest.Fixture

	locked lock.ID   // the action whose PIN locks the device; empty: it is open
	cached []lock.ID // acknowledgements that the device could not send yet
	late   []lock.ID // acknowledgements that left the device and did not arrive yet

	acked lock.ID            // the last acknowledgement that the ledger took in
	pins  map[lock.ID]string // what was delivered
	keys  map[string]lock.ID // where each key led
	shown map[string]bool    // digits that somebody has seen
	wiped time.Time          // when the device was last enrolled anew
	held  bool               // by a legal hold
}

// tick keeps two acts from happening at the same time.
func (w *world) tick() { w.f.Clock.Advance(2 * time.Millisecond) }

func (w *world) all(t *rapid.T) []lock.Action {
	actions, err := w.f.Store.List(t.Context(), lock.Filter{Limit: 1000})
	require.NoError(t, err)
	return actions
}

func (w *world) order(t *rapid.T) {
	w.tick()
	r := w.request(t)
	a, err := w.f.Service.Lock(t.Context(), locktest.Admin(), r)
	var busy *lock.BusyError
	var blocked *lock.BlockedError
	switch {
	case errors.As(err, &busy):
		require.False(t, r.PIN.IsZero(), "an order without a PIN of its own joins")
		return
	case errors.As(err, &blocked):
		require.True(t, r.Keep)
		return
	case errors.Is(err, pin.ReasonHistory), errors.Is(err, pin.ReasonDisclosed):
		require.False(t, r.PIN.IsZero())
		require.Empty(t, r.Reuse)
		return
	}
	if inputField(err) == "pin" {
		require.ErrorContains(t, err, "in a day")
		require.False(t, r.PIN.IsZero())
		return
	}
	require.NoError(t, err)
	if !a.Joined {
		w.kept(t, a)
	}
	if r.Key != "" {
		if led, ok := w.keys[r.Key]; ok {
			require.Equal(t, led, a.ID, "a key leads to one action for ever")
		}
		w.keys[r.Key] = a.ID
	}
}

func (w *world) request(t *rapid.T) lock.Request {
	r := lock.Request{Device: mac(), Key: rapid.SampledFrom([]string{"", "", "", "a", "b"}).Draw(t, "key")}
	switch code := rapid.SampledFrom([]string{"", "", "", "keep", "keep", "739184", "284617"}).Draw(t, "pin"); code {
	case "":
		return r
	case "keep":
		r.Keep = true
	default:
		r.PIN = parsed(t, code)
	}
	r.Reuse = rapid.SampledFrom([]string{"", "", "it is known already"}).Draw(t, "reuse")
	return r
}

// anew is an impatient administrator: the device is opened, what is live is withdrawn, and another lock ordered.
func (w *world) anew(t *rapid.T) {
	w.open(t)
	if actions := w.all(t); len(actions) > 0 {
		w.withdraw(t, actions[0].ID)
	}
	w.order(t)
}

func (w *world) cancel(t *rapid.T) {
	if actions := w.all(t); len(actions) > 0 {
		w.withdraw(t, rapid.SampledFrom(actions).Draw(t, "action").ID)
	}
}

func (w *world) withdraw(t *rapid.T, id lock.ID) {
	w.tick()
	_, err := w.f.Service.Cancel(t.Context(), locktest.Admin(), id, "")
	var impossible *lock.TransitionError
	if !errors.As(err, &impossible) {
		require.NoError(t, err)
	}
}

// fates are what becomes of a command. Slow answers are where actions meet in one lane, so there are more of them.
var fates = []string{"lost", "not now", "refused", "unanswered", "slow", "slow", "slow", "locked", "locked, one more Idle"}

// poll is one connection of an open device: first the answers that it kept, then Idle, then what it does with the command.
func (w *world) poll(t *rapid.T) {
	if w.locked != "" {
		return // a locked Mac is silent
	}
	for _, id := range w.cached {
		w.report(t, id, lock.Acknowledged)
	}
	w.cached = nil
	w.sign(t, lock.EvidencePoll)
	c := w.next(t)
	if c.ID == "" {
		return
	}
	switch fate := rapid.SampledFrom(fates).Draw(t, "fate"); fate {
	case "lost":
	case "not now":
		w.report(t, c.ID, lock.NotNow)
	case "refused":
		w.report(t, c.ID, lock.Refused)
	case "unanswered":
		w.locked = c.ID
		w.cached = append(w.cached, c.ID)
	case "slow":
		w.locked = c.ID
		w.late = append(w.late, c.ID)
	default:
		w.locked = c.ID
		w.report(t, c.ID, lock.Acknowledged)
		if fate != "locked" {
			w.sign(t, lock.EvidencePoll)
			w.next(t) // whatever comes is lost: the screen is locking
		}
	}
}

func (w *world) next(t *rapid.T) locktest.Command {
	w.tick()
	c := w.f.Deliver(mac())
	if c.ID == "" {
		return c
	}
	if code, before := w.pins[c.ID]; before {
		require.Equal(t, code, c.PIN, "every delivery of one action carries the same PIN")
	}
	if kept, delivered := w.pins[w.f.Get(c.ID).Kept]; delivered {
		require.Equal(t, kept, c.PIN, "kept is kept")
	}
	w.pins[c.ID] = c.PIN
	return c
}

func (w *world) report(t *rapid.T, id lock.ID, outcome lock.Outcome) {
	w.tick()
	before := w.f.Get(id).Answers
	require.NoError(t, w.f.Service.Report(t.Context(), lock.Report{Scope: "acme", Device: "mac-1", Action: id, Outcome: outcome}))
	if w.f.Get(id).Answers > before {
		w.acked = id
	}
}

// arrive brings in an answer that was slow, whatever happened since.
func (w *world) arrive(t *rapid.T) {
	if len(w.late) > 0 {
		w.report(t, w.late[0], lock.Acknowledged)
		w.late = w.late[1:]
	}
}

// repeat sends an answer once more that the ledger has, or never got.
func (w *world) repeat(t *rapid.T) {
	if w.acked != "" {
		w.report(t, w.acked, lock.Acknowledged)
	}
}

func (w *world) sign(t *rapid.T, e lock.Evidence) {
	w.tick()
	require.NoError(t, w.f.Service.Seen(t.Context(), mac(), e))
}

func (w *world) seen(t *rapid.T) {
	if w.locked == "" {
		w.sign(t, rapid.SampledFrom([]lock.Evidence{lock.EvidenceAgent, lock.EvidenceUserChannel}).Draw(t, "evidence"))
	}
}

func (w *world) wipe(t *rapid.T) {
	w.locked, w.cached = "", nil
	w.sign(t, lock.EvidenceReenrolled)
	w.wiped = w.f.Clock.Now()
}

func (w *world) wait(t *rapid.T) {
	w.f.Clock.Advance(rapid.SampledFrom([]time.Duration{
		time.Second, 59 * time.Second, time.Minute, time.Hour, 31 * 24 * time.Hour,
	}).Draw(t, "wait"))
}

// open is a person who tries the candidates one after the other, and sometimes says how that went. Or the owner knew the PIN.
func (w *world) open(t *rapid.T) {
	w.tick()
	if w.locked == "" || rapid.Bool().Draw(t, "by the owner") {
		w.locked = ""
		return
	}
	for _, c := range w.candidates(t) {
		code := w.f.PIN(c.Action.ID)
		w.shown[code] = true
		opens := code == w.pins[w.locked]
		if opens {
			w.locked = ""
		}
		if rapid.Bool().Draw(t, "says") {
			w.says(t, c.Action.ID, opens)
		}
		if opens {
			return
		}
	}
	t.Fatalf("no candidate opens the device")
}

func (w *world) says(t *rapid.T, id lock.ID, worked bool) {
	w.tick()
	said := map[bool]lock.Feedback{true: lock.FeedbackWorked, false: lock.FeedbackWrongPIN}[worked]
	_, err := w.f.Service.Feedback(t.Context(), locktest.Admin(), id, said, "")
	require.NoError(t, err)
	at := slices.IndexFunc(w.candidates(t), func(c lock.Candidate) bool { return c.Action.ID == id })
	if worked {
		require.Zero(t, at, "what worked comes first")
	}
}

func (w *world) candidates(t *rapid.T) []lock.Candidate {
	found, err := w.f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	return found
}

// kept holds a new action to what a PIN may be kept for.
func (w *world) kept(t *rapid.T, a lock.Action) {
	if a.Kept == "" {
		return
	}
	if a.Supplied {
		require.NotEmpty(t, a.Reuse, "used before")
		return
	}
	from := w.f.Get(a.Kept)
	require.Positive(t, from.Answers, "the device confirmed it")
	require.True(t, w.wiped.IsZero() || from.Delivered.After(w.wiped), "not from before the device was wiped")
	require.LessOrEqual(t, a.Created.Sub(a.PINMade), 90*24*time.Hour)
	require.Equal(t, w.shown[w.pins[a.Kept]], a.Reuse != "", "disclosed, unless for a reason on record")
}

// crash is a process that dies in a commit, before or after it was stored: nobody hears how it went. The device asks again.
func (w *world) crash(t *rapid.T) {
	w.tick()
	fail := w.f.Store.FailBefore
	if rapid.Bool().Draw(t, "stored") {
		fail = w.f.Store.FailAfter
	}
	ctx := t.Context()
	acts := map[string]func() error{
		"order": func() error {
			_, err := w.f.Service.Lock(ctx, locktest.Admin(), lock.Request{Device: mac()})
			return err
		},
		"next": func() error { _, err := w.f.Service.Next(ctx, mac()); return err },
		"seen": func() error { return w.f.Service.Seen(ctx, mac(), lock.EvidencePoll) },
		"report": func() error {
			return w.f.Service.Report(ctx, answerOf(lock.Action{ID: w.late[0], Device: mac()}, lock.Acknowledged, nil))
		},
	}
	if w.locked != "" { // a locked Mac is silent
		delete(acts, "next")
		delete(acts, "seen")
	}
	if len(w.late) == 0 {
		delete(acts, "report")
	}
	during := rapid.SampledFrom(slices.Sorted(maps.Keys(acts))).Draw(t, "during")
	fail(locktest.Forever)
	err := acts[during]()
	fail(0)
	if err != nil {
		require.ErrorIs(t, err, locktest.ErrFault)
	}
}

func (w *world) check(t *rapid.T) {
	lanes := map[string]int{}
	for _, a := range w.all(t) {
		if a.Lane != "" {
			lanes[a.Lane]++
		}
		require.LessOrEqual(t, a.Deliveries-a.Deferrals, 3, "MaxDeliveries")
	}
	for lane, n := range lanes {
		require.Equal(t, 1, n, "one live action in lane %s", lane)
	}
	if w.locked == "" {
		return
	}
	now := w.f.Get(w.locked)
	require.True(t, now.MayBeOnDevice(), "the PIN is on the device")
	at := slices.IndexFunc(w.candidates(t), func(c lock.Candidate) bool { return w.pins[c.Action.ID] == w.pins[w.locked] })
	require.GreaterOrEqual(t, at, 0, "the PIN that locks the device is a candidate")
	for _, c := range w.candidates(t)[:at] {
		require.True(t, c.Action.MayBeOnDevice(), "what is known to be gone comes after what may be there")
	}
	if now.State == lock.StateConfirmed {
		require.Zero(t, at, "the PIN that the device acknowledged comes first")
	}
}

func (w *world) finish(t *rapid.T) {
	for _, a := range w.all(t) {
		requireReplay(t, w.f.Store, a.ID)
		if code, delivered := w.pins[a.ID]; delivered && !a.Secrets[0].Purged() {
			require.Equal(t, code, w.f.PIN(a.ID), "what was delivered can be revealed, however it went on, until it is purged")
		}
	}
}
