package lock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// TestPurgeJudgesByTheLedgerOfItsStep: what happens to a device between two steps of a purge counts from the next one on.
func TestPurgeJudgesByTheLedgerOfItsStep(t *testing.T) {
	f := newFixture(t)
	late := released(t, f, mac()) // the oldest is judged last
	for i := range 200 {
		released(t, f, locktest.Device(fmt.Sprint("other-", i)))
	}
	newest := ended(t, f) // the newest is judged first, and with it the device is known
	f.Clock.Advance(30 * day)
	var again lock.Action
	racing := &outrun{Store: f.Store, first: func() { again = f.Lock(mac(), keep) }}
	counts, err := locktest.New(t, racing, func(c *lock.Config) { c.Now = f.Clock.Now }).Service.Purge(t.Context(), locktest.Admin(), old(f))
	require.NoError(t, err)
	require.Equal(t, late.ID, again.Kept)
	assert.Equal(t, map[string]int{"purged": 201, "pin_in_use": 1}, counts)
	assert.True(t, gone(t, f, newest.ID))
	assert.False(t, gone(t, f, late.ID))
}

// TestPurgeThatLostARaceJudgesByTheLedgerOfThen: the clock of whoever won is behind, so that the action is not too young.
func TestPurgeThatLostARaceJudgesByTheLedgerOfThen(t *testing.T) {
	f := newFixture(t)
	a := released(t, f, mac())
	f.Clock.Advance(30 * day)
	r := old(f)
	racing := &outrun{Store: f.Store, first: func() {
		f.Clock.Set(f.Get(a.ID).Changed.Add(time.Hour))
		feedback(t, f, a.ID, lock.FeedbackOther)
		require.Equal(t, a.ID, f.Lock(mac(), keep).Kept)
	}}
	counts, err := locktest.New(t, racing, func(c *lock.Config) { c.Now = f.Clock.Now }).Service.Purge(t.Context(), locktest.Admin(), r)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"pin_in_use": 1}, counts)
	assert.False(t, gone(t, f, a.ID))
}

// TestPurgeOfTheLastConfirmedPIN: each action that has it keeps its box.
func TestPurgeOfTheLastConfirmedPIN(t *testing.T) {
	f := newFixture(t)
	first, last := released(t, f, mac()), released(t, f, mac(), keep)
	require.Equal(t, first.ID, last.Kept)
	unsure := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, unsure.ID)
	f.Clock.Advance(8 * day)
	assert.Equal(t, map[lock.ID]string{first.ID: "last_confirmed", last.ID: "last_confirmed", unsure.ID: "may_be_on_device"}, purge(t, f))
}

// TestPurgeOfAPINThatWorkedAgainstTheLedger: it is in force for as long as nothing newer is known.
func TestPurgeOfAPINThatWorkedAgainstTheLedger(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Refused)
	says(t, f, a, lock.FeedbackWorked)
	f.Clock.Advance(8 * day)
	require.Equal(t, map[lock.ID]string{a.ID: "pin_in_use"}, purge(t, f))
	b := released(t, f, mac())
	assert.Equal(t, map[lock.ID]string{a.ID: "purged", b.ID: "too_young"}, purge(t, f))
}

// TestPurgeOfMachinesThatShareANumber, which is none: what ends on one of them does not end on the other.
func TestPurgeOfMachinesThatShareANumber(t *testing.T) {
	const none = "To be filled by O.E.M."
	one, other := as("mac-1", none), as("mac-2", none)
	t.Run("last confirmed", func(t *testing.T) {
		f := newFixture(t)
		a := released(t, f, one)
		unsure := f.Lock(one)
		f.Deliver(one)
		cancel(t, f, unsure.ID)
		released(t, f, other)
		f.Clock.Advance(8 * day)
		assert.Equal(t, "last_confirmed", purge(t, f)[a.ID])
	})
	t.Run("worked", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(one)
		cancel(t, f, a.ID)
		says(t, f, a, lock.FeedbackWorked)
		b := released(t, f, other)
		f.Clock.Advance(8 * day)
		assert.Equal(t, map[lock.ID]string{a.ID: "pin_in_use", b.ID: "purged"}, purge(t, f))
	})
}
