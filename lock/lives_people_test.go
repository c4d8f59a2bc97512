package lock_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// pinNone withdraws a secret.
var pinNone pin.PIN

// order asks for a lock, or what else there is for the device.
func (w *fleet) order(t *rapid.T) { w.orderFor(t, w.any(t)) }

func (w *fleet) orderFor(t *rapid.T, m *machine) {
	kind, who := rapid.SampledFrom(m.kinds).Draw(t, "kind"), w.someone(t)
	req := w.request(t, m)
	if kind == lock.KindClearPasscode || kind == lock.KindProvisionToken { // which carry none
		req.PIN, req.Keep, req.Reuse = pinNone, false, ""
	}
	m.chooses(kind, &req)
	live := w.live(m, kind)
	var a lock.Action
	how, err := w.call(t, w.at(t), func(s *lock.Service) (err error) {
		a, err = ordering(s, kind)(t.Context(), who, req)
		return err
	})
	what := fmt.Sprintf("%s orders a %s of %s (%s)%s", who.ID, kind, m, w.inWords(req), how)
	if w.refusal(t, req, kind, err) {
		w.says("%s: %s", what, plainly(err))
		return
	}
	w.says("%s: %s, %s", what, w.ledger.name(a.ID), a.State)
	require.Equal(t, m.device.ID, a.Device.ID)
	if !req.PIN.IsZero() && (req.Key == "" || !a.Joined) {
		require.Equal(t, req.PIN.Expose(), w.ledger.code(a.ID), "a PIN of one's own is the one that locks")
	}
	if !a.Joined {
		w.kept(t, m, a, !strings.Contains(how, "overtaken"))
	} else if req.Key == "" && live != "" && w.live(m, kind) == live {
		require.Equal(t, live, a.ID, "I5: a repeated order is answered with the live action")
	}
	w.led(t, req.Key, a)
}

// ordering is the verb for a kind.
func ordering(s *lock.Service, kind lock.Kind) func(context.Context, lock.Actor, lock.Request) (lock.Action, error) {
	switch kind {
	case lock.KindLostMode:
		return s.LostMode
	case lock.KindResetPasscode:
		return s.ResetPasscode
	case lock.KindClearPasscode:
		return s.ClearPasscode
	case lock.KindProvisionToken:
		return s.ProvisionToken
	}
	return s.Lock
}

// led remembers where a key led, and holds it to that.
func (w *fleet) led(t *rapid.T, key string, a lock.Action) {
	if key == "" {
		return
	}
	if led, ok := w.keys[key]; ok {
		require.Equal(t, led, a.ID, "I5: a key leads to one action for ever")
	}
	w.keys[key] = a.ID
}

// someone draws who acts.
func (w *fleet) someone(t *rapid.T) lock.Actor {
	return rapid.SampledFrom([]lock.Actor{locktest.Admin(), locktest.Second()}).Draw(t, "who")
}

// unlock asks for the end of what the device confirmed.
func (w *fleet) unlock(t *rapid.T) {
	m, who := w.any(t), w.someone(t)
	reason := w.words(t, m)
	of := w.ends(m)
	if of == "" {
		return
	}
	how, err := w.call(t, w.at(t), func(s *lock.Service) error {
		_, err := s.Unlock(t.Context(), who, of, lock.Request{Device: m.device, Reason: reason})
		return err
	})
	w.says("%s orders the end of %s%s", who.ID, w.ledger.name(of), how)
	var busy *lock.BusyError
	if inputField(err) != "of" && !errors.As(err, &busy) {
		require.True(t, expected(err), "%v", err)
	}
}

// refusal reports whether the order did not come about, and holds the error to what such an order may meet.
func (w *fleet) refusal(t *rapid.T, r lock.Request, kind lock.Kind, err error) bool {
	var busy *lock.BusyError
	var blocked *lock.BlockedError
	switch {
	case err == nil:
		return false
	case errors.As(err, &busy):
		require.True(t, !r.PIN.IsZero() || busy.Live.Kind != kind, "I5: an order without a PIN of its own joins")
	case errors.As(err, &blocked):
		require.True(t, r.Keep)
	case errors.Is(err, lock.ErrKeyReused):
		other := w.ledger.action(w.keys[r.Key])
		require.False(t, other.Device.ID == r.Device.ID && other.Kind == kind, "I5: the key is another order's")
	case errors.Is(err, pin.ReasonHistory), errors.Is(err, pin.ReasonDisclosed):
		require.False(t, r.PIN.IsZero())
		require.Empty(t, r.Reuse)
	case inputField(err) == "pin":
		require.ErrorContains(t, err, "in a day")
		require.False(t, r.PIN.IsZero())
	case inputField(err) == "reason":
		require.NotEqual(t, "stolen", r.Reason, "only a reason that says a PIN is refused")
	default:
		require.True(t, expected(err), "%v", err)
	}
	return true
}

// inWords is the request without its PIN.
func (w *fleet) inWords(r lock.Request) string {
	var words []string
	switch {
	case r.Keep:
		words = append(words, "keep the PIN")
	case !r.PIN.IsZero():
		words = append(words, "a PIN of one's own")
	default:
		words = append(words, "a new PIN")
	}
	if r.Key != "" {
		words = append(words, "key "+r.Key)
	}
	if r.Reason != "stolen" {
		words = append(words, "the reason says digits")
	}
	return strings.Join(words, ", ")
}

func plainly(err error) string {
	if errors.Is(err, locktest.ErrFault) {
		return "nobody hears how that went"
	}
	return err.Error()
}

func (w *fleet) request(t *rapid.T, m *machine) lock.Request {
	r := lock.Request{Device: m.device, Reason: w.words(t, m), Key: rapid.SampledFrom([]string{"", "", "", "a", "b"}).Draw(t, "key")}
	switch code := rapid.SampledFrom([]string{"", "", "", "keep", "keep", "739184052618", "284617930572"}).Draw(t, "pin"); code {
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

// words are a person's, who may write down a PIN that was seen.
func (w *fleet) words(t *rapid.T, m *machine) string {
	seen := make([]string, 0, len(m.shown))
	for code := range m.shown {
		seen = append(seen, code)
	}
	if len(seen) == 0 || rapid.IntRange(0, 3).Draw(t, "reason") < 3 {
		return "stolen"
	}
	code := slices.Max(seen)
	return rapid.SampledFrom([]string{code + " did not work", "not " + code[:6] + "-" + code[6:]}).Draw(t, "words")
}

// live is the action that holds the lane of this kind.
func (w *fleet) live(m *machine, kind lock.Kind) lock.ID {
	lane := "lock"
	switch kind {
	case lock.KindResetPasscode, lock.KindClearPasscode:
		lane = "passcode"
	case lock.KindProvisionToken:
		lane = "secret"
	}
	for _, a := range w.ledger.of(m.device.ID) {
		if a.Lane == lane {
			return a.ID
		}
	}
	return ""
}

// anew is an impatient administrator: the Mac is opened, what was ordered last is withdrawn, and another lock ordered.
func (w *fleet) anew(t *rapid.T) {
	m := w.any(t)
	w.openOne(t, m)
	if actions := w.ledger.of(m.device.ID); len(actions) > 0 {
		w.withdraw(t, m, actions[len(actions)-1].ID)
	}
	w.orderFor(t, m)
}

func (w *fleet) cancel(t *rapid.T) {
	m := w.any(t)
	if actions := w.ledger.of(m.device.ID); len(actions) > 0 {
		w.withdraw(t, m, rapid.SampledFrom(actions).Draw(t, "action").ID)
	}
}

func (w *fleet) withdraw(t *rapid.T, m *machine, id lock.ID) {
	reason := w.words(t, m)
	how, err := w.call(t, w.at(t), func(s *lock.Service) error {
		_, err := s.Cancel(t.Context(), locktest.Admin(), id, reason)
		return err
	})
	w.says("somebody withdraws %s%s", w.ledger.name(id), how)
	var impossible *lock.TransitionError
	if !errors.As(err, &impossible) {
		require.True(t, expected(err), "%v", err)
	}
	if err == nil && !w.inner {
		require.NotContains(t, []lock.State{lock.StateHeld, lock.StateQueued, lock.StateIssued}, w.ledger.action(id).State)
	}
}

// open is a person who tries the candidates one after the other, and sometimes says how that went. Or the owner knew the PIN.
func (w *fleet) open(t *rapid.T) { w.openOne(t, w.any(t)) }

func (w *fleet) openOne(t *rapid.T, m *machine) {
	if m.locked != "" && !w.silent(m) {
		return // no PIN ends lost mode
	}
	if m.locked == "" || rapid.Bool().Draw(t, "by the owner") {
		w.says("the owner opens %s", m)
		m.unlock()
		return
	}
	for _, c := range w.candidates(t, m) {
		code, ok := w.show(t, m, c.Action.ID)
		if !ok {
			continue
		}
		opens := code == m.got[m.locked]
		if opens {
			w.says("%s opens %s", w.ledger.pin(code), m)
			m.unlock()
		}
		if rapid.Bool().Draw(t, "says") {
			w.feedback(t, m, c.Action.ID, code, opens)
		}
		if opens {
			return
		}
	}
	if !m.gone {
		t.Fatalf("no candidate opens %s", m)
	}
	w.says("%s is opened in a workshop", m)
	m.unlock()
}

// show reveals a PIN, until somebody sees it.
func (w *fleet) show(t *rapid.T, m *machine, id lock.ID) (code string, ok bool) {
	who := w.someone(t)
	for range 10 {
		code, err := w.ask(t, m, id, who)
		switch {
		case err == nil:
			return code, true
		case errors.Is(err, lock.ErrPending):
			w.approve(t, besides(who), who, id)
		case !errors.Is(err, locktest.ErrFault):
			return "", false
		}
	}
	t.Fatalf("nobody gets to see the PIN of %s", w.ledger.name(id))
	return "", false
}

// besides is somebody else.
func besides(who lock.Actor) lock.Actor {
	if who.ID == locktest.Admin().ID {
		return locktest.Second()
	}
	return locktest.Admin()
}

// ask is one request for a PIN. What it returns, somebody has seen.
func (w *fleet) ask(t *rapid.T, m *machine, id lock.ID, who lock.Actor) (code string, err error) {
	before := w.ledger.action(id).Disclosures
	how, err := w.call(t, w.at(t), func(s *lock.Service) error {
		given, err := s.Reveal(t.Context(), who, id, "owner at the desk", "4711")
		if err == nil {
			code = given.Expose()
		} else {
			require.True(t, given.IsZero(), "I3: no PIN without its event")
		}
		return err
	})
	w.says("%s asks for the PIN of %s%s", who.ID, w.ledger.name(id), how)
	require.True(t, expected(err, lock.ErrPurged, lock.ErrNotFound, lock.ErrPending), "%v", err)
	if w.ledger.action(id).Disclosures > before { // on record, also when nobody was told
		m.shown[w.ledger.code(id)] = true
	}
	if err == nil {
		w.ledger.disclose(id, code)
	}
	return code, err
}

func (w *fleet) reveal(t *rapid.T) {
	m := w.any(t)
	if actions := w.ledger.of(m.device.ID); len(actions) > 0 {
		_, _ = w.ask(t, m, rapid.SampledFrom(actions).Draw(t, "action").ID, w.someone(t))
	}
}

func (w *fleet) feedback(t *rapid.T, m *machine, id lock.ID, code string, worked bool) {
	said := map[bool]lock.Feedback{true: lock.FeedbackWorked, false: lock.FeedbackWrongPIN}[worked]
	how, err := w.call(t, w.at(t), func(s *lock.Service) error {
		_, err := s.Feedback(t.Context(), locktest.Admin(), id, said, "it was "+code)
		return err
	})
	w.says("somebody says of the PIN of %s: %s%s", w.ledger.name(id), said, how)
	require.True(t, expected(err), "%v", err)
	if at := slices.IndexFunc(w.candidates(t, m), func(c lock.Candidate) bool { return c.Action.ID == id }); worked && err == nil && how == "" {
		require.Zero(t, at, "what worked comes first")
	}
}

// candidates asks the first process; looking has no part in what goes wrong.
func (w *fleet) candidates(t *rapid.T, m *machine) []lock.Candidate {
	found, err := w.replicas[0].f.Service.Candidates(t.Context(), locktest.Admin(), m.device)
	require.NoError(t, err)
	return found
}

// kept holds a new action to what a PIN may be kept for. What was revealed while it was ordered was revealed after.
func (w *fleet) kept(t *rapid.T, m *machine, a lock.Action, alone bool) {
	if a.Kept == "" {
		return
	}
	if a.Supplied {
		require.NotEmpty(t, a.Reuse, "used before")
		return
	}
	from := w.ledger.action(a.Kept)
	require.Equal(t, w.ledger.code(a.Kept), w.ledger.code(a.ID), "kept is kept")
	require.Positive(t, from.Answers, "the device confirmed it")
	require.Greater(t, m.gotAt[a.Kept], m.wiped, "not from before the device was wiped")
	require.LessOrEqual(t, a.Created.Sub(a.PINMade), 90*24*time.Hour)
	if alone {
		require.Equal(t, m.shown[w.ledger.code(a.Kept)], a.Reuse != "", "disclosed, unless for a reason on record")
	}
}
