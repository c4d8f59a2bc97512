package lock_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func TestLockBatch(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3))
	commits := f.Store.Commits()
	actions := lockAll(t, f, macs(3))
	assert.Equal(t, 1, f.Store.Commits()-commits, "one commit for all")
	pins := map[string]bool{}
	for i, a := range actions {
		assert.Equal(t, []string{"b", "b/" + a.Device.ID}, []string{a.Batch, a.Key})
		assert.Equal(t, macs(3)[i].Device.ID, a.Device.ID)
		assert.False(t, a.Joined)
		assert.Nil(t, a.Secrets[0].Box)
		pins[f.PIN(a.ID)] = true
		requireReplay(t, f.Store, a.ID)
	}
	assert.Len(t, pins, 3, "a PIN of its own for each")
	for i, again := range lockAll(t, f, macs(3)) {
		assert.Equal(t, actions[i].ID, again.ID)
		assert.True(t, again.Joined)
	}
	assert.Len(t, listAll(t, f), 3)
}

func TestLockBatchOutcomes(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 9))
	live := f.Lock(locktest.Device("mac-1"))
	lost := f.Lock(locktest.Device("mac-2"), func(r *lock.Request) { r.Key = "b/mac-2" })
	cancel(t, f, lost.ID)
	requests := macs(7)
	requests[2].Device.Scope = "other"
	requests[3].Message = "\n"
	requests[4].Device.Platform = "unheard-of"
	requests[5].PIN = parsed(t, "739184")
	requests[6] = requests[0]
	actions, errs, err := lockBatch(t, f, requests)
	require.NoError(t, err)
	assert.Equal(t, live.ID, actions[0].ID, "joined")
	assert.True(t, actions[0].Joined)
	assert.Empty(t, actions[0].Batch)
	assert.Equal(t, live.ID, actions[6].ID, "the same device again")
	assert.Equal(t, lost.ID, actions[1].ID, "a key leads to one action for ever")
	for i, field := range map[int]string{2: "device.scope", 3: "message", 4: "device.platform", 5: "pin"} {
		assert.Equal(t, field, inputField(errs[i]))
		assert.Empty(t, actions[i].ID)
	}
}

func TestLockBatchBlockedAndDenied(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 2))
	f.Rights.Deny(lock.VerbLock)
	_, errs, err := lockBatch(t, f, macs(2))
	require.NoError(t, err)
	require.ErrorIs(t, errs[0], lock.ErrDenied)
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventDenied, lock.EventDenied}, typesOf(noticesOf(t, f)))
	f.Rights.Allow(lock.VerbLock)
	f.Codec.Answer = &lock.Plan{Findings: []lock.Finding{{Code: "asleep", Level: lock.LevelBlock, Text: "No."}}}
	_, errs, err = lockBatch(t, f, macs(2))
	require.NoError(t, err)
	var blocked *lock.BlockedError
	require.ErrorAs(t, errs[1], &blocked)
	assert.Equal(t, "asleep", blocked.Findings[0].Code)
	assert.Empty(t, listAll(t, f))
}

func TestLockBatchBusy(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 1, supplied(t, "739184")))
	live := f.Lock(locktest.Device("mac-1"))
	_, errs, err := lockBatch(t, f, macs(1, supplied(t, "739184")))
	require.NoError(t, err)
	var busy *lock.BusyError
	require.ErrorAs(t, errs[0], &busy)
	assert.Equal(t, live.ID, busy.Live.ID)
}

func TestLockBatchIsItsOpenersAlone(t *testing.T) {
	f := newFixture(t)
	_, _, err := lockBatch(t, f, macs(1))
	require.ErrorIs(t, err, lock.ErrNotFound)
	require.NoError(t, openBatch(t, f, 1))
	_, _, err = f.Service.LockBatch(t.Context(), locktest.Second(), "acme", "b", macs(1))
	require.ErrorIs(t, err, lock.ErrDenied)
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened, lock.EventDenied}, typesOf(noticesOf(t, f)))
	_, _, err = lockBatch(t, f, macs(1001))
	assert.Equal(t, "requests", inputField(err))
}

func TestLockBatchKeepsToItsSize(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3))
	lockAll(t, f, macs(2))
	restarted := locktest.New(t, f.Store)
	for _, svc := range []*locktest.Fixture{f, restarted, f} {
		_, errs, err := lockBatch(t, svc, macs(5))
		require.NoError(t, err)
		require.NoError(t, errs[2])
		assert.Equal(t, "batch", inputField(errs[3]))
		assert.Equal(t, "batch", inputField(errs[4]))
		assert.Len(t, listAll(t, f), 3)
	}
}

func TestLockBatchKeepsToItsSizeWhenAnswersAreLost(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 3))
	lockAll(t, f, macs(1))
	f.Store.FailAfter(locktest.Forever)
	_, _, err := lockBatch(t, f, macs(3))
	require.ErrorIs(t, err, locktest.ErrFault)
	f.Store.FailAfter(0)
	_, errs, err := lockBatch(t, f, macs(5))
	require.NoError(t, err)
	assert.Equal(t, "batch", inputField(errs[3]))
	assert.Len(t, listAll(t, f), 3)
}

func TestLockBatchSharedPIN(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 4, supplied(t, "739184")))
	_, _, err := lockBatch(t, f, macs(1))
	assert.Equal(t, "pin", inputField(err), "there is no action yet from which it could be opened")
	lockAll(t, f, macs(1, supplied(t, "739184")))
	actions := lockAll(t, f, macs(3))
	for _, a := range actions {
		assert.Equal(t, "739184", f.PIN(a.ID))
		assert.True(t, a.Supplied)
	}
	_, errs, err := lockBatch(t, f, macs(4, supplied(t, "518402")))
	require.NoError(t, err)
	assert.Equal(t, "pin", inputField(errs[3]), "another PIN is not the batch's")
	assert.Len(t, listAll(t, f), 3)
}

func TestLockBatchKeeps(t *testing.T) {
	f := newFixture(t)
	first := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	f.Answer(first, lock.Acknowledged)
	f.Clock.Advance(1e12)
	seen(t, f, lock.EvidencePoll)
	keep := func(r *lock.Request) { r.Keep = true }
	require.NoError(t, openBatch(t, f, 2, keep))
	actions, errs, err := lockBatch(t, f, macs(2, keep))
	require.NoError(t, err)
	assert.Equal(t, code, f.PIN(actions[0].ID))
	var blocked *lock.BlockedError
	require.ErrorAs(t, errs[1], &blocked, "it never had a PIN")
	_, errs, err = lockBatch(t, f, macs(1))
	require.NoError(t, err)
	assert.Equal(t, "pin", inputField(errs[0]), "a batch chooses its PINs in one way")
}

func TestLockBatchLongIDs(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 2))
	requests := macs(2)
	for i := range requests {
		requests[i].Device.ID = strings.Repeat("x", 200) + requests[i].Device.ID
	}
	actions := lockAll(t, f, requests)
	again := lockAll(t, f, requests)
	for i, a := range actions {
		assert.LessOrEqual(t, len(a.Key), 128)
		assert.Equal(t, a.ID, again[i].ID)
	}
}

func TestLockBatchStopsWhenTheStoreFails(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 5))
	f.Store.FailBefore(locktest.Forever)
	_, _, err := lockBatch(t, f, macs(5))
	require.ErrorIs(t, err, locktest.ErrFault)
	f.Store.FailBefore(0)
	lockAll(t, f, macs(5))
}

func TestLockBatchStopsWhenTheSealerFails(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 5))
	broken := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = brokenSealer{} })
	_, _, err := lockBatch(t, broken, macs(5))
	require.ErrorIs(t, err, errSealer)
	assert.Empty(t, listAll(t, f))
	lockAll(t, f, macs(5))
}

func TestLockBatchUndecided(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 2))
	asked := locktest.New(t, f.Store, func(c *lock.Config) { c.Authorize = undecided{} })
	_, _, err := lockBatch(t, asked, macs(2))
	require.ErrorIs(t, err, lock.ErrUndecided)
	assert.Equal(t, []lock.EventType{lock.EventBatchOpened}, typesOf(noticesOf(t, f)), "nobody was told no")
}

func TestCancelBatch(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 9))
	actions := lockAll(t, f, macs(4))
	f.Deliver(locktest.Device("mac-1"))
	f.Lock(locktest.Device("mac-2")) // somebody wants this one for itself
	require.NoError(t, f.Service.CancelBatch(t.Context(), locktest.Second(), "acme", "b", "found the lorry, code 739184"))
	require.NoError(t, f.Service.CancelBatch(t.Context(), locktest.Second(), "acme", "b", ""))
	var states []lock.State
	for _, a := range actions {
		states = append(states, f.Get(a.ID).State)
	}
	assert.Equal(t, []lock.State{lock.StateIssued, lock.StateQueued, lock.StateCancelled, lock.StateCancelled}, states)
	assert.Equal(t, locktest.Second(), eventsOf(t, f, actions[2].ID)[1].Actor)
	assert.Equal(t, "found the lorry, code [digits]", noticesOf(t, f)[1].Reason)
	assert.Len(t, noticesOf(t, f), 2)

	got, errs, err := lockBatch(t, f, macs(6))
	require.ErrorIs(t, err, lock.ErrCancelled)
	for i := range actions {
		assert.Equal(t, actions[i].ID, got[i].ID, "what was ordered is told all the same")
	}
	require.ErrorIs(t, errs[5], lock.ErrCancelled)
	assert.Len(t, listAll(t, f), 4)
}

func TestCancelledBatchWithdrawsWhatAKilledRunLeft(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, openBatch(t, f, 2))
	lockAll(t, f, macs(1))
	f.Store.FailBefore(0)
	killed := locktest.New(t, f.Store)
	killed.Store.DieAfter(1, false)
	require.ErrorIs(t, killed.Service.CancelBatch(t.Context(), locktest.Admin(), "acme", "b", ""), locktest.ErrFault)
	assert.Equal(t, lock.StateQueued, listAll(t, f)[0].State, "killed between the notice and the withdrawal")
	_, _, err := lockBatch(t, f, macs(2))
	require.ErrorIs(t, err, lock.ErrCancelled)
	assert.Equal(t, lock.StateCancelled, listAll(t, f)[0].State)
}

func TestNoteOpensNoBatch(t *testing.T) {
	f := newFixture(t)
	for _, typ := range []lock.EventType{lock.EventBatchOpened, lock.EventBatchApproved, lock.EventBatchRejected, lock.EventBatchCancelled} {
		assert.Equal(t, "type", inputField(f.Service.Note(t.Context(), locktest.Admin(), typ, "acme", map[string]string{"batch": "b"})))
	}
}
