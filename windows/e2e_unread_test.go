package windows_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// TestPINIsAskedForAgain: a device that carried the reset out and not the question still has the PIN to tell. The next session asks, and does
// not reset it again.
func TestPINIsAskedForAgain(t *testing.T) {
	for _, code := range []int{215, 408, 413, 500} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			w := newWorld(t, store.NewMemory())
			m := w.machine(windowstest.Config{PIN: personal})
			m.Script(windowstest.Refuse(nodeNewPIN, code))
			reset := m.must(lock.KindResetPasscode)
			m.syncs()
			made := m.State().PIN
			require.NotEqual(t, personal, made)
			require.Equal(t, lock.StateIssued, w.get(reset.ID).State)
			m.settles()
			require.Equal(t, lock.StateConfirmed, w.get(reset.ID).State)
			require.Empty(t, lost(w.get(reset.ID)))
			require.Equal(t, made, w.reveal(reset.ID), "it was reset once")
			m.accounted()
		})
	}
}

// TestPINDespiteRefusal: a PIN that nobody read comes with the refusal of a later reset. It is what opens the device.
func TestPINDespiteRefusal(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	m := w.machine(windowstest.Config{PIN: personal, KeepsPIN: true})
	m.carriedOut(lock.KindResetPasscode)
	w.clock.Advance(time.Hour)
	m.Script(windowstest.RestartInSequence())
	unread := m.must(lock.KindResetPasscode)
	require.ErrorIs(t, m.Sync(t.Context()), windowstest.ErrRestarted)
	_, err := w.service().Cancel(t.Context(), locktest.Admin(), unread.ID, "not needed any more")
	require.NoError(t, err)

	w.clock.Advance(time.Hour)
	m.Script(windowstest.Refuse(nodeReset, 500))
	refused := m.must(lock.KindResetPasscode)
	require.NoError(t, m.later())
	refused = w.get(refused.ID)
	require.Equal(t, lock.StateConfirmed, refused.State)
	require.Equal(t, "500", refused.Facts["code"])
	require.True(t, slices.ContainsFunc(refused.Findings, func(f lock.Finding) bool { return f.Code == "pin_despite_refusal" }))
	candidates, err := w.service().Candidates(t.Context(), locktest.Admin(), m.known())
	require.NoError(t, err)
	require.Equal(t, refused.ID, candidates[0].Action.ID)
	require.Equal(t, m.State().PIN, w.reveal(refused.ID))
}
