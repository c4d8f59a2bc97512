package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

func says(t *testing.T, f *locktest.Fixture, a lock.Action, said lock.Feedback) lock.Action {
	t.Helper()
	f.Clock.Advance(time.Second)
	a, err := f.Service.Feedback(t.Context(), locktest.Admin(), a.ID, said, "")
	require.NoError(t, err)
	f.Clock.Advance(time.Second)
	return a
}

// three are candidates of one device, in this order: acknowledged, delivered, never left.
func three(t *testing.T, f *locktest.Fixture) (acknowledged, delivered, unsent lock.Action) {
	t.Helper()
	acknowledged = f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, acknowledged.ID)
	f.Clock.Advance(time.Second)
	delivered = f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, delivered.ID)
	f.Clock.Advance(time.Second)
	unsent = ended(t, f)
	f.Answer(acknowledged, lock.Acknowledged)
	return acknowledged, delivered, unsent
}

func TestFeedbackReordersTheCandidates(t *testing.T) {
	f := newFixture(t)
	a, b, c := three(t, f)
	require.Equal(t, []lock.ID{a.ID, b.ID, c.ID}, candidateIDs(t, f, mac()))

	says(t, f, a, lock.FeedbackOther)
	require.Equal(t, []lock.ID{a.ID, b.ID, c.ID}, candidateIDs(t, f, mac()), "other says nothing of the PIN")
	got := says(t, f, a, lock.FeedbackWrongPIN)
	assert.Equal(t, lock.FeedbackWrongPIN, got.Feedback)
	all := candidates(t, f, mac())
	last := all[len(all)-1]
	require.Equal(t, a.ID, last.Action.ID, "tried in vain: at the end, and there")
	assert.Contains(t, last.Reason, "tried it")
	require.Equal(t, b.ID, all[0].Action.ID)

	says(t, f, c, lock.FeedbackWorked)
	first := candidates(t, f, mac())[0]
	require.Equal(t, c.ID, first.Action.ID, "whatever we thought of it")
	assert.Contains(t, first.Reason, "opened the device")
	for _, a := range []lock.Action{a, b, c} {
		requireReplay(t, f.Store, a.ID)
	}
}

// TestFeedbackOfAKeptPIN: what is said of a PIN goes for every action that has it, and so does that somebody saw it.
func TestFeedbackOfAKeptPIN(t *testing.T) {
	f := newFixture(t)
	first, _ := wasLocked(t, f)
	second := f.Lock(mac(), keep)
	f.Deliver(mac())
	cancel(t, f, second.ID)
	f.Clock.Advance(time.Second)
	other := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, other.ID)
	says(t, f, second, lock.FeedbackWrongPIN)
	require.Equal(t, []lock.ID{other.ID, second.ID, first.ID}, candidateIDs(t, f, mac()))
	for _, c := range candidates(t, f, mac())[1:] {
		assert.Contains(t, c.Reason, "somebody tried it")
		assert.Equal(t, lock.FeedbackWrongPIN, c.Feedback)
		assert.False(t, c.Disclosed)
	}
	f.PIN(first.ID)
	for _, c := range candidates(t, f, mac()) {
		assert.Equal(t, c.Action.ID != other.ID, c.Disclosed)
	}
	says(t, f, first, lock.FeedbackWorked)
	require.Equal(t, []lock.ID{second.ID, first.ID, other.ID}, candidateIDs(t, f, mac()))
}

// TestFeedbackOfAKeptPINOfAKeptPIN: the chain may be long.
func TestFeedbackOfAKeptPINOfAKeptPIN(t *testing.T) {
	f := newFixture(t)
	first, _ := wasLocked(t, f)
	wasLocked(t, f, keep)
	third, _ := wasLocked(t, f, keep)
	f.PIN(third.ID)
	got := says(t, f, first, lock.FeedbackWrongPIN)
	require.Equal(t, first.ID, got.ID)
	for _, c := range candidates(t, f, mac()) {
		assert.Equal(t, lock.FeedbackWrongPIN, c.Feedback)
		assert.True(t, c.Disclosed)
	}
}

func TestOtherTakesNothingBack(t *testing.T) {
	f := newFixture(t)
	a, b, c := three(t, f)
	says(t, f, a, lock.FeedbackWrongPIN)
	got := says(t, f, a, lock.FeedbackOther)
	assert.Equal(t, lock.FeedbackWrongPIN, got.Feedback)
	require.Equal(t, []lock.ID{b.ID, c.ID, a.ID}, candidateIDs(t, f, mac()))
	assert.Equal(t, lock.FeedbackOther, says(t, f, b, lock.FeedbackOther).Feedback)
}

func TestOtherOfTheSamePINTakesNothingBack(t *testing.T) {
	f := newFixture(t)
	first, _ := wasLocked(t, f)
	second, _ := wasLocked(t, f, keep)
	says(t, f, first, lock.FeedbackWrongPIN)
	says(t, f, second, lock.FeedbackOther)
	for _, c := range candidates(t, f, mac()) {
		assert.Equal(t, lock.FeedbackWrongPIN, c.Feedback)
	}
}

// TestFeedbackByAClockThatIsBehind is still after the deliveries that were before it.
func TestFeedbackByAClockThatIsBehind(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Advance(time.Second)
	b := f.Lock(mac())
	f.Deliver(mac())
	f.Clock.Advance(-time.Hour)
	says(t, f, a, lock.FeedbackWorked)
	require.Equal(t, []lock.ID{a.ID, b.ID}, candidateIDs(t, f, mac()))
}

// TestWorkedIsWhenItWasSaid: of two that were acknowledged, the older one opened the device.
func TestWorkedIsWhenItWasSaid(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Advance(time.Second)
	b := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Answer(b, lock.Acknowledged)
	require.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
	says(t, f, a, lock.FeedbackWorked)
	require.Equal(t, []lock.ID{a.ID, b.ID}, candidateIDs(t, f, mac()))
}

// TestNewsOverFeedback: what a person said holds until the PIN may be on the device again.
func TestNewsOverFeedback(t *testing.T) {
	t.Run("delivered again", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		f.Deliver(mac())
		says(t, f, a, lock.FeedbackWrongPIN)
		f.Clock.Advance(time.Hour)
		require.Equal(t, a.ID, f.Deliver(mac()).ID)
		assert.Contains(t, candidates(t, f, mac())[0].Reason, "the command left")
	})
	t.Run("seen open", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		f.Deliver(mac())
		f.Answer(a, lock.Acknowledged)
		says(t, f, a, lock.FeedbackWorked)
		f.Clock.Advance(time.Hour)
		seen(t, f, lock.EvidencePoll)
		assert.Contains(t, candidates(t, f, mac())[0].Reason, "seen open again")
		b := f.Lock(mac())
		f.Deliver(mac())
		assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
	})
	t.Run("another PIN left since", func(t *testing.T) { // the device was open then: if it is locked, then not by the old one
		f := newFixture(t)
		a, _ := wasLocked(t, f)
		says(t, f, a, lock.FeedbackWorked)
		assert.Equal(t, lock.FeedbackWorked, candidates(t, f, mac())[0].Feedback)
		b := f.Lock(mac())
		f.Deliver(mac())
		assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
		assert.Contains(t, candidates(t, f, mac())[1].Reason, "seen open again")
	})
	t.Run("a late acknowledgement is no news of the device", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		f.Deliver(mac())
		cancel(t, f, a.ID)
		f.Clock.Advance(time.Second)
		b := f.Lock(mac())
		f.Deliver(mac())
		says(t, f, a, lock.FeedbackWrongPIN)
		f.Answer(a, lock.Acknowledged)
		assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
	})
	t.Run("another lock acknowledged since", func(t *testing.T) {
		f := newFixture(t)
		a := f.Lock(mac())
		f.Deliver(mac())
		cancel(t, f, a.ID)
		says(t, f, a, lock.FeedbackWorked)
		b := f.Lock(mac())
		f.Deliver(mac())
		f.Answer(b, lock.Acknowledged)
		assert.Equal(t, []lock.ID{b.ID, a.ID}, candidateIDs(t, f, mac()))
	})
}

func TestFeedbackIsRecorded(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, "739184"))
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), a.ID, lock.FeedbackOther, "typed 739184 and 111111, ticket 4711")
	require.NoError(t, err)
	e := eventsOf(t, f, a.ID)[1]
	assert.Equal(t, lock.EventFeedback, e.Type)
	assert.Equal(t, locktest.Admin(), e.Actor)
	assert.Equal(t, "other", e.Facts["outcome"])
	assert.Equal(t, "typed [digits] and [digits], ticket 4711", e.Reason)
	assert.Equal(t, lock.StateQueued, f.Get(a.ID).State, "nothing else changes")
}

func TestFeedbackIsRefused(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	ctx := t.Context()
	_, err := f.Service.Feedback(ctx, locktest.Admin(), a.ID, "fine", "")
	require.Equal(t, "feedback", inputField(err))
	_, err = f.Service.Feedback(ctx, locktest.Admin(), a.ID, lock.FeedbackWorked, "a\nb")
	require.Equal(t, "note", inputField(err))
	_, err = f.Service.Feedback(ctx, locktest.Admin(), lock.NewID(f.Clock.Now()), lock.FeedbackWorked, "")
	require.ErrorIs(t, err, lock.ErrNotFound)

	f.Codec.Answer = &lock.Plan{NoPIN: true}
	bare := f.Lock(locktest.Device("mac-2"))
	_, err = f.Service.Feedback(ctx, locktest.Admin(), bare.ID, lock.FeedbackWorked, "")
	require.ErrorIs(t, err, lock.ErrNotFound)

	f.Rights.Deny(lock.VerbFeedback)
	_, err = f.Service.Feedback(ctx, locktest.Admin(), a.ID, lock.FeedbackWorked, "")
	require.ErrorIs(t, err, lock.ErrDenied)
	require.Len(t, eventsOf(t, f, a.ID), 1)
}
