package agent_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestAnyLifeIsRemembered lets devices of any level and mode live any life: orders, faults, crashes, reboots, people who choose passcodes
// of their own, old commands that turn up again. Whatever happens, a passcode that a command set is among the candidates.
func TestAnyLifeIsRemembered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, store.NewMemory())
		l := &life{handset: w.handset(anyConfig(rt)), t: rt}
		rt.Repeat(map[string]func(*rapid.T){
			"":             func(*rapid.T) { l.remembered() },
			"order":        l.orders,
			"poll":         func(*rapid.T) { l.round() },
			"poll, faulty": l.faulty,
			"type":         func(*rapid.T) { l.Type(l.Passcode()); l.Type(l.WorkPasscode()) },
			"choose":       l.chooses,
			"reboot":       func(*rapid.T) { l.Reboot() },
			"time": func(rt *rapid.T) {
				w.clock.Advance(time.Duration(rapid.IntRange(1, 900).Draw(rt, "seconds")) * time.Second)
			},
			"old command":   l.replays,
			"cancel":        l.cancels,
			"late results":  func(*rapid.T) { l.Flush() },
			"network":       func(rt *rapid.T) { l.Offline(rapid.Bool().Draw(rt, "off")) },
			"factory reset": l.factoryReset,
		})
		l.settles()
	})
}

// life is one device's.
type life struct {
	*handset
	t *rapid.T
}

func anyConfig(t *rapid.T) androidtest.Config {
	cfg := androidtest.Config{
		APILevel: rapid.IntRange(22, 36).Draw(t, "level"), Serial: "R5C1", WeaverSlots: rapid.SampledFrom([]int{0, 3}).Draw(t, "slots"),
		Mode: rapid.SampledFrom([]androidtest.Mode{
			androidtest.DeviceOwner, androidtest.DeviceOwner, androidtest.DeviceAdmin, androidtest.ProfileOwner, androidtest.CompanyProfileOwner,
		}).Draw(t, "mode"),
		TargetSDK: rapid.SampledFrom([]int{0, 25}).Draw(t, "target"), Passcode: rapid.SampledFrom([]string{"", personal}).Draw(t, "passcode"),
	}
	if rapid.Bool().Draw(t, "policy") {
		cfg.Policy = androidtest.Policy{Quality: androidtest.QualityNumericComplex, MinLength: 6}
	}
	return cfg
}

// round is one that may fail for what the device's life brings, and for nothing else.
func (l *life) round() {
	_, err := l.Poll(l.t.Context(), 0)
	if err != nil && !anyOf(err, androidtest.ErrOffline, androidtest.ErrCut, androidtest.ErrCrashed) {
		require.NoError(l.t, err)
	}
}

func anyOf(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// orders is somebody who orders something, maybe over what the rules say, and is refused or not.
func (l *life) orders(t *rapid.T) {
	kinds := []lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindResetPasscode, lock.KindClearPasscode, lock.KindProvisionToken}
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	forced, now := rapid.Bool().Draw(t, "forced"), rapid.Bool().Draw(t, "lock now")
	_, err := l.order(kind, func(r *lock.Request) {
		r.Force = forced
		if now && kind == lock.KindResetPasscode {
			option("lock_now", "require_entry")(r)
		}
	})
	var blocked *lock.BlockedError
	var busy *lock.BusyError
	if err != nil && !errors.As(err, &blocked) && !errors.As(err, &busy) {
		require.NoError(l.t, err)
	}
}

func (l *life) faulty(t *rapid.T) {
	faults := []androidtest.Fault{
		androidtest.LoseCommands, androidtest.Tamper, androidtest.LoseResults, androidtest.LoseReceipt, androidtest.RepeatResults,
		androidtest.HoldResults, androidtest.CrashBefore, androidtest.CrashAfter, androidtest.CrashSettingToken,
	}
	l.Script(rapid.SampledFrom(faults).Draw(t, "fault"))
	l.round()
}

// chooses is the person who changes the passcode, or removes it.
func (l *life) chooses(t *rapid.T) {
	next := rapid.SampledFrom([]string{"", "90817263", "260917", "garden1!"}).Draw(t, "next")
	l.SetPasscode(l.Passcode(), next)
}

// replays brings a command of long ago, or of just now.
func (l *life) replays(t *rapid.T) {
	sent := l.Commands()
	if len(sent) == 0 {
		return
	}
	l.Inject(rapid.SampledFrom(sent).Draw(t, "command").JWS)
}

func (l *life) cancels(t *rapid.T) {
	live, err := l.w.svc.Live(l.t.Context(), admin(), "acme", l.known().ID)
	require.NoError(l.t, err)
	if len(live) > 0 {
		a := rapid.SampledFrom(live).Draw(t, "action")
		_, err = l.w.svc.Cancel(l.t.Context(), admin(), a.ID, "not needed any more")
		var transition *lock.TransitionError
		if !errors.As(err, &transition) {
			require.NoError(l.t, err)
		}
	}
}

// factoryReset wipes the device, and enrols it anew.
func (l *life) factoryReset(*rapid.T) {
	l.FactoryReset()
	l.Offline(false)
	l.w.renew("code-of-R5C1")
	require.NoError(l.t, l.Enroll(l.t.Context(), l.w.server.URL, "code-of-R5C1"))
}

// settles lets everything be said. Then the ledger holds for possible that the passcode of a command is on the device, if it is; and if it
// knows that, it is the first candidate.
func (l *life) settles() {
	l.Offline(false)
	l.Flush()
	for range 20 {
		l.round()
	}
	l.remembered()
	id := l.ours()
	if id == "" {
		return
	}
	a := l.w.get(id)
	require.NotContains(l.t, []lock.State{lock.StateRefused, lock.StateExpired, lock.StateQueued}, a.State)
	if a.State == lock.StateConfirmed {
		candidates, err := l.w.svc.Candidates(l.t.Context(), admin(), l.known())
		require.NoError(l.t, err)
		require.Equal(l.t, id, candidates[0].Action.ID, "what is known to be on the device is the first")
	}
}
