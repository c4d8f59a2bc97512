package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

// ready is a world with one device owner on Android 14, whose token is active and whose passcode a person chose.
func ready(t *testing.T, edits ...func(*androidtest.Config)) *handset {
	t.Helper()
	cfg := androidtest.Config{Passcode: personal, Serial: "R5C1"}
	for _, edit := range edits {
		edit(&cfg)
	}
	h := newWorld(t, store.NewMemory()).handset(cfg)
	h.carriedOut(lock.KindProvisionToken)
	require.True(t, h.Type(personal))
	h.polls()
	return h
}

// resets counts how often the device was told to reset.
func (h *handset) resets() int {
	n := 0
	for _, c := range h.Commands() {
		if c.Name == "reset_password" {
			n++
		}
	}
	return n
}

func TestLostCommandComesAgain(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.LoseCommands)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	require.Equal(t, lock.StateIssued, h.w.get(reset.ID).State)
	h.remembered()
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	assert.Equal(t, 2, h.w.get(reset.ID).Deliveries)
	h.remembered()
	h.opens(reset.ID)
}

func TestLostResultIsSentAgain(t *testing.T) {
	for name, fault := range map[string]androidtest.Fault{"on its way": androidtest.LoseResults, "on the way back": androidtest.LoseReceipt} {
		t.Run(name, func(t *testing.T) {
			h := ready(t)
			reset := h.must(lock.KindResetPasscode)
			h.Script(fault)
			_, err := h.Poll(t.Context(), 0)
			require.ErrorIs(t, err, androidtest.ErrCut)
			h.remembered() // the device has the new passcode, and the server may know nothing of it
			require.Zero(t, h.polls(), "the result goes first, so the command does not come again")
			assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
			assert.Equal(t, 1, h.resets())
			h.remembered()
			h.opens(reset.ID)
		})
	}
}

func TestRepeatedResultIsRecordedOnce(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.RepeatResults)
	h.polls()
	assert.Equal(t, 1, h.count(t, reset.ID, lock.EventAcknowledged))
	h.remembered()
}

func (h *handset) count(t *testing.T, id lock.ID, of lock.EventType) int {
	t.Helper()
	events, err := h.w.svc.Events(t.Context(), admin(), lock.EventFilter{Action: id})
	require.NoError(t, err)
	n := 0
	for _, e := range events {
		if e.Type == of {
			n++
		}
	}
	return n
}

func TestDuplicateCommandGetsTheStoredResult(t *testing.T) {
	h := ready(t)
	reset := h.carriedOut(lock.KindResetPasscode)
	h.opens(reset.ID)
	chosen := "90817263"
	require.True(t, h.SetPasscode(h.Passcode(), chosen))
	last := h.Commands()[len(h.Commands())-1]
	h.Inject(last.JWS)
	h.polls()
	h.polls()
	assert.Equal(t, chosen, h.Passcode(), "it is not executed again")
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.remembered()
}

func TestLateResultMovesALapsedAction(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.HoldResults)
	h.polls()
	h.w.clock.Advance(11 * time.Minute)
	h.polls() // its deadline passed
	require.Equal(t, lock.StateUnconfirmed, h.w.get(reset.ID).State)
	h.remembered()
	h.Flush()
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.remembered()
	h.opens(reset.ID)
}

func TestExpiredCommandIsRejected(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.LoseCommands)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	delayed := h.Commands()[len(h.Commands())-1].JWS
	h.w.clock.Advance(11 * time.Minute)
	h.Inject(delayed) // it arrives after all, too late
	h.polls()
	assert.Equal(t, personal, h.Passcode())
	assert.Equal(t, "EXPIRED", h.w.code(reset.ID))
	assert.Equal(t, lock.StateRefused, h.w.get(reset.ID).State, "the PIN is certainly not on the device")
	h.remembered()
}

func TestOrderThatNobodyFetchedExpires(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Offline(true)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrOffline)
	h.w.clock.Advance(11 * time.Minute)
	h.Offline(false)
	require.Zero(t, h.polls())
	assert.Equal(t, lock.StateExpired, h.w.get(reset.ID).State)
	assert.True(t, h.Type(personal))
}

func TestTamperedEnvelopeIsRejectedAndTheTrueOneComes(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.Tamper)
	h.polls()
	require.Equal(t, "BAD_SIGNATURE", h.w.code(reset.ID))
	require.Equal(t, lock.StateIssued, h.w.get(reset.ID).State)
	require.Equal(t, personal, h.Passcode())
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.remembered()
	h.opens(reset.ID)
}

func TestCommandOfAnotherDeviceIsRejected(t *testing.T) {
	h := ready(t)
	other := h.w.handset(androidtest.Config{Serial: "R5C2"})
	other.carriedOut(lock.KindProvisionToken)
	reset := other.must(lock.KindResetPasscode)
	other.Script(androidtest.LoseCommands)
	_, err := other.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	stolen := other.Commands()[1]
	require.Equal(t, string(reset.ID), stolen.ID)

	h.Inject(stolen.JWS)
	h.polls()
	assert.Equal(t, personal, h.Passcode(), "WRONG_DEVICE")
	assert.Equal(t, lock.StateIssued, h.w.get(reset.ID).State, "a result for another device's command changes nothing")
	assert.Empty(t, h.w.code(reset.ID))
	other.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	other.remembered()
	h.remembered()
}

func TestLockOvertakesAReset(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.LoseCommands)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)
	overtaken := h.Commands()[len(h.Commands())-1]

	locked := h.must(lock.KindLock)
	h.polls()
	require.Equal(t, lock.StateConfirmed, h.w.get(locked.ID).State, "a lock jumps the queue")
	h.Script(androidtest.LoseCommands)
	h.Inject(overtaken.JWS) // late, and alone
	h.polls()
	require.Equal(t, "STALE", h.w.code(reset.ID))
	require.Equal(t, lock.StateIssued, h.w.get(reset.ID).State, "it is no refusal: it comes again, with a new number")
	require.Equal(t, personal, h.Passcode())
	h.remembered()
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.remembered()
	h.opens(reset.ID)
}

func TestCrashWhileExecuting(t *testing.T) {
	for name, fault := range map[string]androidtest.Fault{"before the act": androidtest.CrashBefore, "after the act": androidtest.CrashAfter} {
		t.Run("reset, "+name, func(t *testing.T) {
			h := ready(t)
			reset := h.must(lock.KindResetPasscode)
			h.Script(fault)
			_, err := h.Poll(t.Context(), 0)
			require.ErrorIs(t, err, androidtest.ErrCrashed)
			h.remembered()
			h.Script(androidtest.LoseCommands)
			_, err = h.Poll(t.Context(), 0)
			require.ErrorIs(t, err, androidtest.ErrCut)
			require.Equal(t, "UNKNOWN", h.w.code(reset.ID))
			require.Equal(t, lock.StateIssued, h.w.get(reset.ID).State, "the PIN may be on the device, and is delivered again")
			h.polls()
			assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
			h.remembered()
			h.opens(reset.ID)
		})
		t.Run("lock, "+name, func(t *testing.T) {
			h := ready(t)
			locked := h.must(lock.KindLock)
			h.Script(fault)
			_, err := h.Poll(t.Context(), 0)
			require.ErrorIs(t, err, androidtest.ErrCrashed)
			h.polls()
			assert.Equal(t, lock.StateConfirmed, h.w.get(locked.ID).State)
			assert.True(t, h.State().Locked)
		})
	}
}

func TestRebootInTheMiddle(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	h.Script(androidtest.CrashAfter)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCrashed)
	h.Reboot()
	h.remembered()
	h.polls()
	assert.Equal(t, lock.StateConfirmed, h.w.get(reset.ID).State)
	h.remembered()
	h.opens(reset.ID)
}

func TestClockOfTheDeviceIsWrong(t *testing.T) {
	for name, skew := range map[string]time.Duration{"a day ahead": 24 * time.Hour, "a year behind": -365 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			h := ready(t, func(c *androidtest.Config) { c.ClockSkew = skew })
			reset := h.carriedOut(lock.KindResetPasscode)
			assert.Equal(t, lock.StateConfirmed, reset.State)
			h.remembered()
			h.opens(reset.ID)
		})
	}
}

func TestPasscodeOfTheCallersOwnIsJudged(t *testing.T) {
	h := ready(t, func(c *androidtest.Config) {
		c.Policy = androidtest.Policy{Quality: androidtest.QualityNumericComplex, MinLength: 6}
	})
	_, err := h.order(lock.KindResetPasscode, own(t, "123456"))
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "123456")
	reset := h.carriedOut(lock.KindResetPasscode, own(t, "738264"))
	assert.Equal(t, lock.StateConfirmed, reset.State)
	assert.Equal(t, "738264", h.Passcode())
	h.remembered()
}

func TestCommandsHoldNoSecretInClear(t *testing.T) {
	h := ready(t)
	reset := h.carriedOut(lock.KindResetPasscode)
	code := h.w.reveal(reset.ID)
	for _, c := range h.Commands() {
		payload := decoded(t, strings.Split(c.JWS, ".")[1])
		assert.NotContains(t, payload, code)
		assert.Equal(t, c.Name != "lock", strings.Contains(payload, `"secret":"`), c.Name)
	}
}

func TestTokenThatIsGoneFailsThePrecondition(t *testing.T) {
	h := ready(t)
	reset := h.must(lock.KindResetPasscode)
	_, err := h.ClearResetPasswordToken() // by somebody at the device, while the order waits
	require.NoError(t, err)
	h.polls()
	assert.Equal(t, lock.StateRefused, h.w.get(reset.ID).State)
	assert.Equal(t, "PRECONDITION_FAILED", h.w.code(reset.ID))
	assert.Equal(t, "none", h.fact(android.FactTokenState))
	assert.Equal(t, personal, h.Passcode())
	h.remembered()
}
