package lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// next is another PIN of the same device, longer than made: what hides the one does not hide the other.
const next = "heron-28461599"

// TestAPINReturnedWithARefusal is on the device: what it returned counts for more than what it says of the command.
func TestAPINReturnedWithARefusal(t *testing.T) {
	f := newFixture(t)
	before := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(before, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	a := deliveredReset(t, f)
	f.Return(a, lock.Refused, made)
	require.Equal(t, lock.StateRefused, f.Get(a.ID).State)
	assert.True(t, f.Get(a.ID).MayBeOnDevice())
	found := candidates(t, f, mac())
	require.Len(t, found, 2)
	assert.Equal(t, a.ID, found[0].Action.ID)
	assert.Equal(t, "the device returned this PIN, though it said that it did not do this", found[0].Reason)
	f.Clock.Advance(30 * day)
	assert.Equal(t, "may_be_on_device", purge(t, f)[a.ID])

	cleared := clearPasscode(t, f)
	require.Equal(t, cleared.ID, f.Deliver(mac()).ID)
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, lock.StateReleased, f.Get(a.ID).State, "the device removed it")
	requireReplay(t, f.Store, a.ID)
	f.Clock.Advance(30 * day)
	assert.Equal(t, "purged", purge(t, f)[a.ID])
}

// TestARefusalWithoutAPIN leaves nothing on the device that could be removed from there.
func TestARefusalWithoutAPIN(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Answer(a, lock.Refused)
	assert.False(t, f.Get(a.ID).MayBeOnDevice())
	f.Clock.Advance(time.Minute)
	cleared := clearPasscode(t, f)
	f.Deliver(mac())
	f.Answer(cleared, lock.Acknowledged)
	assert.Equal(t, lock.StateRefused, f.Get(a.ID).State)
}

// TestAnEarlierPINSaidOnceMore does not take the place of the newest.
func TestAnEarlierPINSaidOnceMore(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Progress, made)
	f.Return(a, lock.Acknowledged, next)
	f.Return(a, lock.Progress, made)
	assert.Equal(t, next, f.PIN(a.ID))
	assert.Len(t, f.Get(a.ID).Secrets, 2)
}

// TestNoPINOfAnActionIsWritten: neither in what the device says nor in what people do, whichever of its PINs it is.
func TestNoPINOfAnActionIsWritten(t *testing.T) {
	for name, say := range map[string]func(t *testing.T, f *locktest.Fixture, a lock.Action) error{
		"by the device": func(t *testing.T, f *locktest.Fixture, a lock.Action) error {
			return f.Service.Report(t.Context(), answerOf(a, lock.Progress, map[string]string{"was": made, made: "it was", "state": "fine"}))
		},
		"in a note": func(t *testing.T, f *locktest.Fixture, a lock.Action) error {
			_, err := f.Service.Feedback(t.Context(), locktest.Admin(), a.ID, lock.FeedbackWorked, "it was "+made)
			return err
		},
		"in the reason of a reveal": func(t *testing.T, f *locktest.Fixture, a lock.Action) error {
			_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "is it "+made+" still?", "")
			return err
		},
		"in its ticket": func(t *testing.T, f *locktest.Fixture, a lock.Action) error {
			_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "why", made)
			return err
		},
		"in the reason of another order": func(t *testing.T, f *locktest.Fixture, _ lock.Action) error {
			_, err := order(t, f, func(r *lock.Request) { r.Reason = made + " was forgotten" })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := deliveredReset(t, f)
			f.Return(a, lock.Progress, made)
			f.Return(a, lock.Progress, next)
			require.NoError(t, say(t, f, a))
			assert.NotContains(t, ledgerText(t, f), made)
		})
	}
}

// TestWhatWasSaidOfAnEarlierPIN is not said of the one that came after.
func TestWhatWasSaidOfAnEarlierPIN(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	f.Return(a, lock.Progress, made)
	f.Clock.Advance(time.Minute)
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), a.ID, lock.FeedbackWrongPIN, "")
	require.NoError(t, err)
	_, err = reseal(t, rotated(t, f))
	require.NoError(t, err)
	assert.Equal(t, lock.FeedbackWrongPIN, f.Get(a.ID).Feedback, "a new box is no new PIN")
	f.Return(a, lock.Acknowledged, next)
	got := f.Get(a.ID)
	assert.Empty(t, got.Feedback)
	assert.Zero(t, got.FeedbackAt)
	assert.Empty(t, candidates(t, f, mac())[0].Feedback)
	requireReplay(t, f.Store, a.ID)
}

// TestNotNowExcusesTheCommandAlone: a delivery that only asks is put off in vain.
func TestNotNowExcusesTheCommandAlone(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	require.True(t, f.Deliver(mac()).Asks)
	events := len(eventsOf(t, f, a.ID))
	f.Answer(a, lock.NotNow)
	assert.Len(t, eventsOf(t, f, a.ID), events)
	assert.Zero(t, f.Get(a.ID).Deferrals)
	assert.Empty(t, f.Deliver(mac()).ID)
	assert.Equal(t, lock.StateUnconfirmed, f.Get(a.ID).State, "so the order ends, and the device makes no other PIN")
}

// TestAPINInAnswerToAnEarlierDelivery: what the provider says of it is out of date, but for the PIN.
func TestAPINInAnswerToAnEarlierDelivery(t *testing.T) {
	s := &midway{}
	f := newFixture(t, through(s))
	other := locktest.New(t, f.Store, through(s), func(c *lock.Config) { c.Now = f.Clock.Now })
	other.Clock = f.Clock
	a := resetting(t, f)
	f.Service.NewTicker().Tick(t.Context())
	s.Settle("operations/1", lock.Report{Outcome: lock.Refused, Secret: parsed(t, made)})
	s.polling = func() {
		require.NoError(t, other.Service.Report(t.Context(), byName("operations/1", lock.NotNow)))
		passing(t, other, 1, time.Minute)
		require.Equal(t, "operations/2", f.Get(a.ID).Ref)
	}
	passing(t, f, 1, time.Minute)
	assert.Nil(t, s.polling)
	assert.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	assert.Equal(t, made, f.PIN(a.ID))
}

// TestNothingToResumeOfAProvider: what somebody else's queue delivers has no further parts.
func TestNothingToResumeOfAProvider(t *testing.T) {
	f := newFixture(t, through(&locktest.Sender{}))
	a := f.Lock(mac())
	f.Service.NewTicker().Tick(t.Context())
	require.Equal(t, lock.StateIssued, f.Get(a.ID).State)
	assert.Empty(t, resume(t, f, mac(), a.ID).ID)
}

// TestAnAnswerBesideAPINThatDoesNotOpen is given out all the same.
func TestAnAnswerBesideAPINThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	other := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer, c.Now = locktest.Keyring("another"), f.Clock.Now })
	keepBody(t, f, "a message")
	other.Return(a, lock.Acknowledged, made)
	assert.Equal(t, "a message", readAnswer(t, f, a.ID))
}

// TestATicketThatMayBeThePIN: nobody knows which it is while it is only in an answer that could not be read.
func TestATicketThatMayBeThePIN(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	keepBody(t, f, "a message")
	_, err := f.Service.RevealAnswer(t.Context(), locktest.Admin(), a.ID, "why", "739184")
	require.NoError(t, err)
	assert.NotContains(t, ledgerText(t, f), "739184")
}

// TestPurgedAnswersAreNoPurgedPIN: what an acknowledgement without a PIN means is said once, and not as if a purge had taken it.
func TestPurgedAnswersAreNoPurgedPIN(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	keepBody(t, f, "a message")
	f.Answer(a, lock.Refused)
	f.Clock.Advance(30 * day)
	require.Equal(t, "purged", purge(t, f)[a.ID])
	f.Answer(a, lock.Acknowledged)
	require.Equal(t, lock.StateConfirmed, f.Get(a.ID).State)
	require.Len(t, alarms(t, f, a.ID), 1)
	assert.NotContains(t, alarms(t, f, a.ID)[0], "purged")
}

// TestKeepThatLostARace: the PIN came meanwhile, so nothing is kept, and no action is named.
func TestKeepThatLostARace(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	racing := &keptTooLate{Store: f.Store, first: func() { f.Return(a, lock.Acknowledged, made) }}
	id, err := locktest.New(t, racing).Service.Keep(t.Context(), mac(), []byte("a message"))
	require.NoError(t, err)
	assert.Empty(t, id)
	assert.Len(t, f.Get(a.ID).Secrets, 1)
}

// keptTooLate is a store where something happens before the first message is kept.
type keptTooLate struct {
	lock.Store
	first func()
}

func (k *keptTooLate) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	once(&k.first)
	return k.Store.Commit(ctx, changes)
}

// TestMoreAnswersThanAreKept: people hear that no more are, once, and no more once the PIN came.
func TestMoreAnswersThanAreKept(t *testing.T) {
	f := newFixture(t)
	a := deliveredReset(t, f)
	for i := range 20 {
		assert.Equal(t, i >= 16, len(f.Get(a.ID).Findings) == 1)
		keepBody(t, f, string(rune('a'+i)))
	}
	assert.Equal(t, []string{"answers_full"}, codesOf(f.Get(a.ID).Findings))
	assert.Empty(t, alarms(t, f, a.ID))
	f.Return(a, lock.Acknowledged, made)
	assert.Empty(t, f.Get(a.ID).Findings)
	requireReplay(t, f.Store, a.ID)
}
