package windows_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

const personal = "482915" // the PIN that the person chose

const (
	nodeReset  = "./Device/Vendor/MSFT/RemoteLock/LockAndResetPIN"
	nodeNewPIN = "./Device/Vendor/MSFT/RemoteLock/NewPINValue"
	nodeLock   = "./Device/Vendor/MSFT/RemoteLock/Lock"
)

func TestLifeOfAPhone(t *testing.T) {
	for name, ledger := range ledgers {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, ledger(t))
			m := w.machine(windowstest.Config{PIN: personal, PINRecovery: true, SyncVersion3: true})
			facts := windows.FromDevice(m.known())
			require.Equal(t, windows.ClassPhone, facts.Class)
			require.Equal(t, m.Config().Build, facts.Build)
			require.Equal(t, windows.Yes, facts.RemoteLock)

			locked := m.carriedOut(lock.KindLock)
			require.Equal(t, lock.StateConfirmed, locked.State)
			require.True(t, m.State().Locked)
			require.True(t, m.Type(personal))

			reset := m.carriedOut(lock.KindResetPasscode)
			require.Equal(t, lock.StateConfirmed, reset.State)
			require.True(t, m.State().Locked)
			require.False(t, m.Type(personal))
			require.Equal(t, m.State().PIN, w.reveal(reset.ID))
			require.True(t, m.Type(w.reveal(reset.ID)))

			w.set(m, windows.FactPINRecovery, "yes")
			recovered := m.carriedOut(lock.KindResetPasscode, func(r *lock.Request) { r.Options = map[string]string{"recover": "true"} })
			require.Equal(t, lock.StateConfirmed, recovered.State)
			require.NotEqual(t, w.reveal(reset.ID), w.reveal(recovered.ID))
			require.True(t, m.Type(w.reveal(recovered.ID)))
			candidates, err := w.service().Candidates(t.Context(), locktest.Admin(), m.known())
			require.NoError(t, err)
			require.Equal(t, recovered.ID, candidates[0].Action.ID, "what is on the device is the first candidate")
			m.accounted()
		})
	}
}

func TestResetReportsWhatIsDurable(t *testing.T) {
	var told []lock.Report
	w := newWorld(t, store.NewMemory(), func(c *windows.Config) {
		c.Reported = func(_ context.Context, r lock.Report) { told = append(told, r) }
	})
	m := w.machine(windowstest.Config{PIN: personal})
	reset := m.carriedOut(lock.KindResetPasscode)
	require.Len(t, told, 1)
	assert.Equal(t, lock.Acknowledged, told[0].Outcome)
	assert.Equal(t, reset.ID, told[0].Action)
	assert.Equal(t, m.known().ID, told[0].Device)
}

// TestResetThroughFaults is one reset for each thing that may go wrong with a device or its connection.
func TestResetThroughFaults(t *testing.T) {
	keeps := func(c *windowstest.Config) { c.KeepsPIN = true }
	for _, c := range []struct {
		name   string
		faults []windowstest.Fault
		edit   func(*windowstest.Config)
		state  lock.State
		pin    bool   // is in the ledger
		found  string // the finding that says what became of it
		kept   bool   // is in the answer that was kept
		same   bool   // the person's PIN still opens
	}{
		{name: "nothing", state: lock.StateConfirmed, pin: true},
		{name: "package 1 is lost", faults: faults(windowstest.LoseRequest(1)), state: lock.StateConfirmed, pin: true},
		{name: "the command is lost", faults: faults(windowstest.LoseAnswer(1)), state: lock.StateConfirmed, pin: true},
		{name: "the results are lost", faults: faults(windowstest.LoseRequest(2)), state: lock.StateConfirmed, pin: true},
		{name: "the receipt is lost", faults: faults(windowstest.LoseAnswer(2)), state: lock.StateConfirmed, pin: true},
		{name: "package 1 comes twice", faults: faults(windowstest.RepeatMessage(1)), state: lock.StateConfirmed, pin: true},
		{name: "the results come twice", faults: faults(windowstest.RepeatMessage(2)), state: lock.StateConfirmed, pin: true},
		{name: "in many messages", faults: faults(windowstest.SplitPackages()), state: lock.StateConfirmed, pin: true},
		{name: "no Final", faults: faults(windowstest.NoFinal()), state: lock.StateConfirmed, pin: true},
		{name: "results after their statuses", faults: faults(windowstest.LateResults()), state: lock.StateConfirmed, pin: true},
		{name: "results a session late", faults: faults(windowstest.HoldResults()), state: lock.StateConfirmed, found: "pin_lost", kept: true},
		{name: "aborted with the results", faults: faults(windowstest.Abort(2)), state: lock.StateConfirmed, pin: true},
		{name: "restart, the PIN is kept", faults: faults(windowstest.RestartInSequence()), edit: keeps, state: lock.StateConfirmed, pin: true},
		{name: "restart, the PIN is gone", faults: faults(windowstest.RestartInSequence()), state: lock.StateUnconfirmed, found: "pin_may_be_lost"},
		{name: "restart after the Get", faults: faults(windowstest.RestartAfter(1)), edit: keeps, state: lock.StateUnconfirmed, found: "pin_may_be_lost"},
		{name: "failed", faults: faults(windowstest.Refuse(nodeReset, 500)), state: lock.StateRefused, same: true},
		{name: "not there", faults: faults(windowstest.Refuse(nodeReset, 404)), state: lock.StateRefused, same: true},
		{name: "the Get found nothing", faults: faults(windowstest.Refuse(nodeNewPIN, 404)), state: lock.StateConfirmed, found: "pin_lost"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, store.NewMemory())
			cfg := windowstest.Config{PIN: personal}
			if c.edit != nil {
				c.edit(&cfg)
			}
			m := w.machine(cfg)
			reset := m.must(lock.KindResetPasscode)
			m.Script(c.faults...)
			m.settles()
			require.NoError(t, m.later(), "what it holds back comes now")
			require.Equal(t, c.state, w.get(reset.ID).State)
			require.Equal(t, c.found, lost(w.get(reset.ID)))
			require.Equal(t, c.pin, hasPIN(w.get(reset.ID)))
			if c.kept {
				w.keeps(reset.ID, m.State().PIN)
			}
			require.Equal(t, c.same, m.Type(personal))
			m.accounted()
			if c.found != "" { // an ambiguous loss is not sent again by itself; somebody orders it anew
				again := m.carriedOut(lock.KindResetPasscode)
				require.Equal(t, lock.StateConfirmed, again.State)
				require.True(t, m.Type(w.reveal(again.ID)))
				m.accounted()
			}
		})
	}
}

func faults(f ...windowstest.Fault) []windowstest.Fault { return f }

func TestAnswerThatCannotBeReadIsKept(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	reset := m.must(lock.KindResetPasscode)
	m.mangle(2, "</Status>", "</Stratus>")
	require.Error(t, m.Sync(t.Context()))
	now := m.State().PIN
	require.NotEqual(t, personal, now)
	require.False(t, hasPIN(w.get(reset.ID)))

	body, err := w.service().RevealAnswer(t.Context(), locktest.Admin(), reset.ID, "the user waits", "")
	require.NoError(t, err)
	assert.Contains(t, string(body), now, "what the device sent, whole")
	assert.NotContains(t, w.logs.String(), now)
	m.mangle(0, "", "")
	m.settles()
	assert.Equal(t, "pin_may_be_lost", lost(w.get(reset.ID)))
}

func TestMessageSizeIsJudgedBeforeAnythingLeaves(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal})
	reset := m.must(lock.KindResetPasscode) // while nothing is known of a limit
	small := w.unknown(windowstest.Config{Name: "small", PIN: personal, MaxMsgSize: 1000})
	_, err := small.order(lock.KindResetPasscode, force)
	require.NoError(t, err)
	m.syncs()
	require.Equal(t, lock.StateConfirmed, w.get(reset.ID).State)

	waiting := small.live()
	require.Len(t, waiting, 1)
	require.NoError(t, small.Sync(t.Context()))
	a := w.get(waiting[0].ID)
	assert.Equal(t, lock.StateQueued, a.State)
	assert.Zero(t, a.Deliveries, "it was not claimed")
	assert.True(t, small.Type(personal))
	assert.Contains(t, w.logs.String(), "a command waits and cannot be made")
	_, err = small.order(lock.KindLock, force)
	var blocked *lock.BlockedError
	if errors.As(err, &blocked) {
		t.Fatal("a lock is smaller, and fits")
	}
}

// settles lets the device come back until nothing waits for it any more.
func (m *machine) settles() {
	m.w.t.Helper()
	for range 30 {
		err := m.later()
		if err != nil && !errors.Is(err, windowstest.ErrRestarted) && !errors.Is(err, windowstest.ErrAborted) {
			require.NoError(m.w.t, err)
		}
		if !slices.ContainsFunc(m.live(), func(a lock.Action) bool { return a.State == lock.StateQueued || a.State == lock.StateIssued }) {
			return
		}
	}
	require.Fail(m.w.t, "something waits for ever")
}

// live is what waits for the device, or holds it.
func (m *machine) live() []lock.Action {
	m.w.t.Helper()
	live, err := m.w.service().Live(m.w.t.Context(), locktest.Admin(), "acme", m.known().ID)
	require.NoError(m.w.t, err)
	return live
}

// accounted is the invariant: a PIN that a command put on the device is in the ledger, or the ledger says that it may be lost; and what the
// ledger knows to be on the device is.
func (m *machine) accounted() {
	m.w.t.Helper()
	resets, err := m.w.service().List(m.w.t.Context(), locktest.Admin(), lock.Filter{
		Scope: "acme", Devices: []string{m.known().ID}, Kinds: []lock.Kind{lock.KindResetPasscode},
	})
	require.NoError(m.w.t, err)
	slices.SortFunc(resets, func(a, b lock.Action) int { return a.Delivered.Compare(b.Delivered) })
	now := m.State().PIN
	known, said := now == m.Config().PIN, false
	last, open := "", false // what the ledger holds for the device's PIN; something later may have replaced it
	for _, a := range resets {
		if hasPIN(a) {
			code := m.w.reveal(a.ID)
			known = known || code == now
			require.Empty(m.w.t, lost(a), "a PIN that is in the ledger is not lost")
			last, open = code, a.State != lock.StateConfirmed
			continue
		}
		if a.MayBeOnDevice() {
			open, said = true, said || lost(a) != "" || a.State == lock.StateIssued || a.State == lock.StateCancelled
			require.False(m.w.t, a.State == lock.StateConfirmed && lost(a) == "", "confirmed without a PIN, and nobody is told")
			require.False(m.w.t, a.State == lock.StateUnconfirmed && lost(a) == "", "lapsed without a PIN, and nobody is told")
		}
	}
	require.True(m.w.t, known || said, "the device has a PIN that the ledger neither knows nor misses")
	if last != "" && !open {
		require.Equal(m.w.t, now, last, "the ledger gives a wrong PIN")
	}
}

// lost is the code of the finding that says what became of a PIN.
func lost(a lock.Action) string {
	for _, f := range a.Findings {
		if f.Code == "pin_lost" || f.Code == "pin_may_be_lost" {
			return f.Code
		}
	}
	return ""
}

func hasPIN(a lock.Action) bool {
	return slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == lock.SecretPIN })
}
