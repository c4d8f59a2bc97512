package windows_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// TestAnyLifeIsAccountedFor lets devices of any class live any life: orders, cancels, faults, connections that are cut, a server that dies or
// is another one for each message. Whatever happens, a PIN that the device made is in the ledger or said to be lost, what the ledger gives
// is never a wrong one, and what a lock-out changed can be restored.
func TestAnyLifeIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, store.NewMemory())
		l := anyLife(rt, w)
		rt.Repeat(map[string]func(*rapid.T){
			"":              func(*rapid.T) { l.accounted() },
			"order":         l.orders,
			"unlock":        l.unlocks,
			"session":       func(*rapid.T) { l.session() },
			"again":         func(*rapid.T) { l.session() },
			"faulty device": l.faulty,
			"cut":           l.cuts,
			"dying server":  l.dies,
			"unsaved state": func(rt *rapid.T) {
				w.sessions.failAt(rapid.IntRange(1, 4).Draw(rt, "save"), rapid.Bool().Draw(rt, "stored"))
				l.session()
				w.sessions.failAt(0, false)
			},
			"lost states": func(*rapid.T) { w.sessions.forget() },
			"replicas":    func(rt *rapid.T) { w.replicas = rapid.Bool().Draw(rt, "replicas") },
			"cancel":      l.cancels,
			"restart":     func(*rapid.T) { l.Restart() },
			"time": func(rt *rapid.T) {
				w.clock.Advance(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "seconds")) * time.Second)
			},
		})
		l.ends()
	})
}

// life is one device's.
type life struct {
	*machine
	t   *rapid.T
	was policies
}

func anyLife(t *rapid.T, w *world) *life {
	cfg := windowstest.Config{
		Class:    rapid.SampledFrom([]windowstest.Class{windowstest.Phone, windowstest.Phone, windowstest.HoloLens, windowstest.Desktop}).Draw(t, "class"),
		PIN:      personal,
		KeepsPIN: rapid.Bool().Draw(t, "keeps PIN"), MessagePIN: rapid.Bool().Draw(t, "message PIN"), SyncVersion3: rapid.Bool().Draw(t, "version 3"),
		PINRecovery: true, MaxMsgSize: rapid.SampledFrom([]int{0, 0, 4000, 1500}).Draw(t, "size"),
	}
	enrol := func(*windows.Enrolled) {}
	if rapid.Bool().Draw(t, "digest") {
		cfg.User, cfg.Secret = "device-0001", "s3cret-0001"
		enrol = func(e *windows.Enrolled) { e.User, e.Inner = cfg.User, syncml.Inner(cfg.User, cfg.Secret) }
	}
	l := &life{machine: w.machine(cfg, enrol), t: t}
	if cfg.Class == windowstest.Desktop {
		for uri, value := range before[rapid.SampledFrom([]string{"unset", "set", "several"}).Draw(t, "policies")] {
			l.Set(uri, value)
		}
	}
	l.was = l.policies()
	return l
}

// session is one that may fail for what the device's life brings, and for no breach of the protocol.
func (l *life) session() {
	err := l.Sync(l.t.Context())
	var breach *windowstest.Violation
	require.NotErrorAs(l.t, err, &breach)
}

// taken is an order that was taken, joined, or refused for a reason.
func (l *life) taken(err error) {
	var blocked *lock.BlockedError
	var busy *lock.BusyError
	var transition *lock.TransitionError
	var input *lock.InputError
	var size *omadm.SizeError
	if err != nil && !errors.As(err, &size) && !errors.As(err, &blocked) && !errors.As(err, &busy) && !errors.As(err, &transition) && !errors.As(err, &input) {
		require.NoError(l.t, err)
	}
}

func (l *life) orders(t *rapid.T) {
	kind := rapid.SampledFrom([]lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindResetPasscode}).Draw(t, "kind")
	recovers := kind == lock.KindResetPasscode && rapid.Bool().Draw(t, "recover")
	_, err := l.order(kind, func(r *lock.Request) {
		r.Force = true
		if recovers {
			r.Options = map[string]string{"recover": "true"}
		}
	})
	l.taken(err)
}

// locks are the orders for a lock, newest first.
func (l *life) locks() []lock.Action {
	found, err := l.w.service().List(l.t.Context(), locktest.Admin(), lock.Filter{
		Scope: "acme", Devices: []string{l.known().ID}, Kinds: []lock.Kind{lock.KindLock},
	})
	require.NoError(l.t, err)
	return found
}

func (l *life) unlocks(t *rapid.T) {
	if locks := l.locks(); len(locks) > 0 {
		_, err := l.order(lock.KindUnlock, of(rapid.SampledFrom(locks).Draw(t, "lock").ID), force)
		l.taken(err)
	}
}

func (l *life) faulty(t *rapid.T) {
	n := rapid.IntRange(0, 3).Draw(t, "message")
	l.Script(rapid.SampledFrom([]windowstest.Fault{
		windowstest.LoseRequest(n), windowstest.LoseAnswer(n), windowstest.RepeatMessage(n), windowstest.SplitPackages(), windowstest.NoFinal(),
		windowstest.RestartInSequence(), windowstest.RestartAfter(n), windowstest.Refuse(nodeReset, 500), windowstest.Refuse(nodeNewPIN, 404),
		windowstest.RefuseAtomic(nodeDeny, 425), windowstest.FailRollback(507), windowstest.WrongDigest(), windowstest.StaleNonce(),
		windowstest.Abort(n), windowstest.LateResults(), windowstest.HoldResults(), windowstest.Refuse(nodeLock, 405),
	}).Draw(t, "fault"))
	l.session()
}

func (l *life) cuts(t *rapid.T) {
	n := rapid.IntRange(1, 4).Draw(t, "message")
	cut := func(got int, _ []byte) error {
		if got == n {
			return errCut
		}
		return nil
	}
	if rapid.Bool().Draw(t, "sending") {
		l.OnSend(cut)
	} else {
		l.OnReceive(cut)
	}
	l.session()
	l.OnSend(nil)
	l.OnReceive(nil)
}

func (l *life) dies(t *rapid.T) {
	l.w.ledger.DieAfter(rapid.IntRange(0, 5).Draw(t, "commits"), rapid.Bool().Draw(t, "unheard"))
	l.session()
	l.w.ledger.DieAfter(locktest.Forever, false)
	l.w.boot()
}

func (l *life) cancels(t *rapid.T) {
	if live := l.live(); len(live) > 0 {
		_, err := l.w.service().Cancel(l.t.Context(), locktest.Admin(), rapid.SampledFrom(live).Draw(t, "action").ID, "not needed any more")
		l.taken(err)
	}
}

// ends lets everything be said, and undoes every lock-out.
func (l *life) ends() {
	for range 40 {
		l.w.clock.Advance(11 * time.Minute)
		l.session()
	}
	l.accounted()
	for range 5 {
		for _, a := range l.locks() {
			if a.Talks && a.MayBeOnDevice() {
				_, err := l.order(lock.KindUnlock, of(a.ID), force)
				l.taken(err)
			}
		}
		l.w.clock.Advance(25 * time.Hour)
		l.session()
		l.w.clock.Advance(11 * time.Minute)
		l.session()
	}
	if slices.ContainsFunc(l.locks(), func(a lock.Action) bool { return a.Talks && a.MayBeOnDevice() }) {
		return // it says that it may be locked out still
	}
	require.Equal(l.t, l.was, l.policies(), "no lock-out is on the device, and its values are not what they were")
}
