package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// What random lives have found is held here, each as short as it can be told.

// TestWhatWorkedIsOverOnceAnotherPINLeft, also when the clock was set back in between.
func TestWhatWorkedIsOverOnceAnotherPINLeft(t *testing.T) {
	f := newFixture(t)
	first := acknowledgedLock(t, f)
	f.Clock.Advance(time.Minute)
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), first.ID, lock.FeedbackWorked, "")
	require.NoError(t, err)
	f.Clock.Advance(-time.Second)
	seen(t, f, lock.EvidenceReenrolled)
	second := acknowledgedLock(t, f)
	found, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, second.ID, found[0].Action.ID, "it is what the device acknowledged")
}

// TestAChosenPINBesideOneThatWasPurged: there is nothing to compare with, so the device is busy.
func TestAChosenPINBesideOneThatWasPurged(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, "739184"))
	f.Deliver(mac())
	f.Answer(a, lock.Refused)
	f.Clock.Advance(48 * time.Hour)
	_, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{
		Scope: "acme", Before: f.Clock.Now().Add(-24 * time.Hour), Reason: "old", Apply: true,
	})
	require.NoError(t, err)
	f.Answer(a, lock.Acknowledged)
	_, err = order(t, f, supplied(t, "739184"))
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, a.ID, busy.Live.ID)
}

// TestLostModeGoesOnTalking: that it polls is no evidence that it is over.
func TestLostModeGoesOnTalking(t *testing.T) {
	f := newFixture(t)
	a, err := f.Service.LostMode(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Reason: "stolen"})
	require.NoError(t, err)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	seen(t, f, lock.EvidenceStatement)
	assert.Equal(t, lock.StateReleased, f.Get(a.ID).State, "a person may know")
}

// TestWhatIsSaidOfAnUnlockSaysNoPIN, though an unlock has none of its own.
func TestWhatIsSaidOfAnUnlockSaysNoPIN(t *testing.T) {
	f := newFixture(t)
	a := acknowledgedLock(t, f)
	code := f.PIN(a.ID)
	unlock, err := f.Service.Unlock(t.Context(), locktest.Admin(), a.ID, lock.Request{Device: mac(), Reason: "found, " + code + " works"})
	require.NoError(t, err)
	_, err = f.Service.Cancel(t.Context(), locktest.Admin(), unlock.ID, code+" did not work")
	require.NoError(t, err)
	for _, e := range eventsOf(t, f, unlock.ID) {
		assert.NotContains(t, string(e.Body), code)
	}
}

// acknowledgedLock is one that the device acknowledged.
func acknowledgedLock(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	return f.Get(a.ID)
}
