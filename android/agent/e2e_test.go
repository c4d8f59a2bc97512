package agent_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

const personal = "482915" // the passcode that the person chose

// TestLifeOfADevice is a device's whole life, on the ledger in memory and on SQLite.
func TestLifeOfADevice(t *testing.T) {
	for name, ledger := range map[string]func(*testing.T) lock.Store{
		"memory": func(*testing.T) lock.Store { return store.NewMemory() },
		"sqlite": sqliteStore,
	} {
		t.Run(name, func(t *testing.T) { live(t, newWorld(t, ledger(t))) })
	}
}

func live(t *testing.T, w *world) {
	h := w.handset(androidtest.Config{APILevel: 34, Passcode: personal, Serial: "R5C1", User: "grace"})
	require.Equal(t, "none", h.fact(android.FactTokenState))

	token := h.carriedOut(lock.KindProvisionToken)
	require.Equal(t, lock.StateConfirmed, token.State)
	require.Equal(t, "pending", h.fact(android.FactTokenState), "a passcode is set: nobody typed it yet")
	_, err := h.order(lock.KindResetPasscode)
	require.Error(t, err, "the rules say so beforehand")

	require.True(t, h.Type(personal))
	require.Zero(t, h.polls())
	require.Equal(t, "active", h.fact(android.FactTokenState))

	reset := h.carriedOut(lock.KindResetPasscode, option("require_entry", "lock_now"))
	require.Equal(t, lock.StateConfirmed, reset.State)
	require.Equal(t, token.ID, reset.Uses)
	require.True(t, h.State().Locked)
	h.remembered()
	require.False(t, h.Type(personal))
	h.opens(reset.ID)

	locked := h.carriedOut(lock.KindLock)
	require.Equal(t, lock.StateConfirmed, locked.State)
	require.True(t, h.State().Locked)

	h.Reboot()
	require.False(t, h.State().Unlocked, "direct boot")
	h.polls()
	require.Equal(t, "false", h.fact(android.FactUserUnlocked))
	second := h.carriedOut(lock.KindResetPasscode)
	require.Equal(t, lock.StateConfirmed, second.State, "the token works before the first unlock")
	h.remembered()
	h.opens(second.ID)

	cleared := h.carriedOut(lock.KindClearPasscode)
	require.Equal(t, lock.StateConfirmed, cleared.State)
	require.Empty(t, h.Passcode())
	require.Equal(t, lock.StateReleased, w.get(second.ID).State)

	revoked, err := w.svc.RevokeToken(t.Context(), admin(), token.ID, lock.Request{Device: h.known(), Reason: "handed back"})
	require.NoError(t, err)
	require.Equal(t, 1, h.polls())
	assert.Equal(t, lock.StateConfirmed, w.get(revoked.ID).State)
	assert.Equal(t, lock.StateReleased, w.get(token.ID).State)
	assert.Equal(t, "none", h.fact(android.FactTokenState))
	assert.Equal(t, androidtest.TokenNone, h.State().Token)
}

func TestTokenIsActiveAtOnceWithoutAPasscode(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{APILevel: 26})
	h.carriedOut(lock.KindProvisionToken)
	require.Equal(t, "active", h.fact(android.FactTokenState))
	reset := h.carriedOut(lock.KindResetPasscode)
	h.remembered()
	h.opens(reset.ID)
}

func TestActiveTokenIsNotProvisionedAgain(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{WeaverSlots: 2, WeaverLeaks: true})
	first := h.carriedOut(lock.KindProvisionToken)
	_, err := h.order(lock.KindProvisionToken)
	require.Error(t, err)

	second := h.carriedOut(lock.KindProvisionToken, force)
	require.Equal(t, lock.StateConfirmed, second.State, "a token is rotated when somebody asks for it")
	require.Equal(t, string(second.ID), h.fact(android.FactTokenID))

	third := h.carriedOut(lock.KindProvisionToken, force)
	assert.Equal(t, lock.StateRefused, third.State)
	assert.Equal(t, "WEAVER_EXHAUSTED", w.code(third.ID))
	assert.NotEqual(t, first.ID, second.ID)
}

func TestPendingTokenIsLostAtARebootAndProvisionedAgain(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{Passcode: personal})
	h.carriedOut(lock.KindProvisionToken)
	h.Reboot()
	h.polls()
	require.Equal(t, "none", h.fact(android.FactTokenState))

	again := h.carriedOut(lock.KindProvisionToken)
	require.True(t, h.Type(personal))
	h.polls()
	require.Equal(t, "active", h.fact(android.FactTokenState))
	require.Equal(t, string(again.ID), h.fact(android.FactTokenID))
	reset := h.carriedOut(lock.KindResetPasscode)
	h.remembered()
	h.opens(reset.ID)
}

func TestDirectResetOnAndroid7(t *testing.T) {
	for _, c := range []struct {
		name    string
		cfg     androidtest.Config
		ordered bool // else the rules block it
		forced  string
	}{
		{"admin without a passcode", androidtest.Config{APILevel: 24, Mode: androidtest.DeviceAdmin}, true, ""},
		{"admin over a passcode", androidtest.Config{APILevel: 24, Mode: androidtest.DeviceAdmin, Passcode: personal}, false, "NOT_OWNER"},
		{"owner without a passcode", androidtest.Config{APILevel: 25}, true, ""},
		{"owner over a passcode", androidtest.Config{APILevel: 25, Passcode: personal}, true, ""},
		{"owner with a managed profile", androidtest.Config{APILevel: 25, ManagedProfile: true}, false, "ILLEGAL_STATE"},
		{"profile owner", androidtest.Config{APILevel: 24, Mode: androidtest.ProfileOwner, WorkPasscode: "739152"}, true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			h := w.handset(c.cfg)
			if c.ordered {
				reset := h.carriedOut(lock.KindResetPasscode)
				require.Equal(t, lock.StateConfirmed, reset.State)
				h.remembered()
				h.opens(reset.ID)
				return
			}
			_, err := h.order(lock.KindResetPasscode)
			require.Error(t, err)
			reset := h.carriedOut(lock.KindResetPasscode, force)
			assert.Equal(t, lock.StateRefused, reset.State)
			assert.Equal(t, c.forced, w.code(reset.ID))
			h.remembered()
		})
	}
}

func TestDirectResetBeforeFirstUnlock(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{APILevel: 24, Passcode: personal})
	h.Reboot()
	h.polls()
	_, err := h.order(lock.KindResetPasscode)
	require.Error(t, err)
	reset := h.carriedOut(lock.KindResetPasscode, force)
	assert.Equal(t, lock.StateRefused, reset.State)
	assert.Equal(t, "ILLEGAL_STATE", w.code(reset.ID))
	assert.True(t, h.Type(personal))
}

func TestProfileOwnerResetsTheProfileAlone(t *testing.T) {
	for _, mode := range []androidtest.Mode{androidtest.ProfileOwner, androidtest.CompanyProfileOwner} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			h := w.handset(androidtest.Config{Mode: mode, Passcode: personal})
			h.carriedOut(lock.KindProvisionToken)
			require.True(t, h.Type(personal))
			h.polls()
			reset := h.carriedOut(lock.KindResetPasscode, option("lock_now"))
			require.Equal(t, lock.StateConfirmed, reset.State)
			require.Equal(t, personal, h.Passcode(), "the person's own passcode stays")
			require.True(t, h.State().WorkLocked)
			require.False(t, h.State().Locked)
			h.remembered()
			h.opens(reset.ID)
		})
	}
}

func TestLockWithoutAPasscodeSaysSo(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{})
	a := h.carriedOut(lock.KindLock, func(r *lock.Request) { r.Message = "Please call us" })
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Equal(t, "NO_SECURE_LOCK", w.code(a.ID))
	assert.False(t, h.State().ScreenOn)
	assert.Equal(t, "Please call us", h.State().Message)
	assert.True(t, h.Type(""))
}

func TestEscrowDisabledIsLearnt(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{EscrowDisabled: true})
	a := h.carriedOut(lock.KindProvisionToken)
	assert.Equal(t, lock.StateRefused, a.State)
	assert.Equal(t, "ESCROW_DISABLED", w.code(a.ID))
	assert.Equal(t, "unsupported", h.fact(android.FactTokenState))
	_, err := h.order(lock.KindProvisionToken)
	require.Error(t, err)
}
