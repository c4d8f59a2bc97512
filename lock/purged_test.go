package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// held is a lock that waits for a second person, put into the ledger by hand.
func held(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	at := f.Clock.Now()
	box, err := locktest.Keyring("test").Seal(t.Context(), parsed(t, "739184"), pin.Binding{Scope: "acme", Platform: locktest.Platform, Action: "any", Secret: 1})
	require.NoError(t, err)
	e := lock.Event{
		ID: lock.NewID(at), Action: lock.NewID(at), Seq: 1, Type: lock.EventOrdered, Time: at, Scope: "acme", Device: "mac-1", Actor: locktest.Admin(),
		Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: box.KeyID(), SHA256: sum(string(box)), Box: box}},
		Order:   &lock.Action{Kind: lock.KindLock, State: lock.StateHeld, Device: mac()},
	}
	require.NoError(t, e.Seal(nil))
	a, err := lock.Action{}.Apply(e)
	require.NoError(t, err)
	errs, err := f.Store.Commit(t.Context(), []lock.Change{{Actions: []lock.Action{a}, Events: []lock.Event{e}}})
	require.NoError(t, err)
	require.NoError(t, errs[0])
	return a
}

// handedOver is a secret that a device handed over.
func handedOver(t *testing.T, f *locktest.Fixture) lock.Action {
	t.Helper()
	require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", parsed(t, "a token")))
	found, err := f.Store.List(t.Context(), lock.Filter{Kinds: []lock.Kind{lock.KindEscrow}})
	require.NoError(t, err)
	return found[0]
}

func feedback(t *testing.T, f *locktest.Fixture, id lock.ID, said lock.Feedback) {
	t.Helper()
	_, err := f.Service.Feedback(t.Context(), locktest.Admin(), id, said, "")
	require.NoError(t, err)
}

// purgedLock is a lock that was released long ago and purged now, with the PIN that it had.
func purgedLock(t *testing.T, f *locktest.Fixture, edits ...func(*lock.Request)) (a lock.Action, code string) {
	t.Helper()
	a = released(t, f, mac(), edits...)
	code = opened(t, get(t, f, a.ID))
	f.Clock.Advance(8 * day)
	require.Equal(t, "purged", purge(t, f)[a.ID])
	return a, code
}

func TestPurgedPINIsNotRevealed(t *testing.T) {
	f := newFixture(t)
	a, _ := purgedLock(t, f)
	at := f.Clock.Now()
	f.Clock.Advance(day)
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
	require.ErrorIs(t, err, lock.ErrPurged)
	require.EqualError(t, err, "the secret was purged: pin 1 of action "+string(a.ID)+", on "+at.Format(time.RFC3339)+" by ada")
	assert.Zero(t, f.Get(a.ID).Disclosures)
}

// TestPurgedPINIsNoCandidate, but stays in the history.
func TestPurgedPINIsNoCandidate(t *testing.T) {
	f := newFixture(t)
	a, _ := purgedLock(t, f)
	b := f.Lock(mac())
	assert.Equal(t, []lock.ID{b.ID}, candidateIDs(t, f, mac()))
	listed, err := f.Service.List(t.Context(), locktest.Admin(), lock.Filter{Serial: "S-mac-1"})
	require.NoError(t, err)
	require.Len(t, listed, 2)
	assert.Equal(t, a.ID, listed[1].ID)
	assert.True(t, listed[1].Secrets[0].Purged())
	assert.False(t, listed[0].Secrets[0].Purged())
	events, err := f.Service.Events(t.Context(), locktest.Admin(), lock.EventFilter{Action: a.ID})
	require.NoError(t, err)
	assert.Len(t, events, a.Version+4)
}

// TestWhatIsKnownOfAPurgedPIN counts on for another action that has it: somebody has seen it.
func TestWhatIsKnownOfAPurgedPIN(t *testing.T) {
	f := newFixture(t)
	a := released(t, f, mac())
	code := f.PIN(a.ID)
	f.Clock.Advance(8 * day)
	b := released(t, f, mac(), keep, because("the owner knows it"))
	require.Equal(t, a.ID, b.Kept)
	require.Equal(t, "purged", purge(t, f)[a.ID])
	found := candidates(t, f, mac())
	require.Len(t, found, 1)
	assert.Equal(t, b.ID, found[0].Action.ID)
	assert.True(t, found[0].Disclosed)
	_, err := order(t, f, supplied(t, code))
	require.ErrorIs(t, err, pin.ReasonDisclosed)
	requireNotKept(t, f, "pin_disclosed")
}

// TestOrdersAfterAPurge: an empty box stands in nobody's way, and is not said to be unread.
func TestOrdersAfterAPurge(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = 2 })
	recent := released(t, f, mac())
	code := opened(t, get(t, f, recent.ID))
	f.Clock.Advance(2 * day)
	for range 3 {
		released(t, f, locktest.Device("mac-1"))
	}
	f.Clock.Advance(8 * day)
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), old(f))
	require.NoError(t, err)
	require.Equal(t, 4, counts["purged"])
	requireNotKept(t, f, "pin_purged")
	a := f.Lock(mac(), supplied(t, code))
	assert.Empty(t, a.Findings)
	assert.Empty(t, a.Kept)
	cancel(t, f, a.ID)
	assert.Empty(t, f.Lock(mac()).Findings)
}

// TestHistoryLooksPastWhatWasPurged: the last PINs are the last that there are.
func TestHistoryLooksPastWhatWasPurged(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.History = 1 })
	kept := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	cancel(t, f, kept.ID)
	f.Clock.Advance(time.Second)
	newer := ended(t, f)
	f.Clock.Advance(8 * day)
	require.Equal(t, map[lock.ID]string{kept.ID: "may_be_on_device", newer.ID: "purged"}, purge(t, f))
	_, err := order(t, f, supplied(t, code))
	require.ErrorIs(t, err, pin.ReasonHistory)
}

// TestPurgedInPart: of two actions with one PIN, the older was purged, and the other's box does not open. That is said as ever.
func TestPurgedInPart(t *testing.T) {
	f := newFixture(t)
	a := released(t, f, mac())
	f.Clock.Advance(8 * day)
	b := released(t, f, mac(), keep)
	require.Equal(t, a.ID, b.Kept)
	require.Equal(t, map[lock.ID]string{a.ID: "purged", b.ID: "too_young"}, purge(t, f))
	broken := locktest.New(t, f.Store, func(c *lock.Config) {
		c.Now, c.Sealer = f.Clock.Now, blind{c.Sealer, string(b.ID), pin.ErrOpen}
	})
	assert.Equal(t, []string{"pin_history_unread"}, codes(broken.Lock(mac()).Findings))
}

// TestResealAfterAPurge: no key is needed for what is gone, and it does not come back.
func TestResealAfterAPurge(t *testing.T) {
	f := newFixture(t)
	a, _ := purgedLock(t, f)
	b := f.Lock(mac())
	r := rotated(t, f)
	assert.Equal(t, 1, sealedBy(t, r, "test"))
	done, err := reseal(t, r)
	require.NoError(t, err)
	assert.Equal(t, 1, done)
	assert.True(t, gone(t, f, a.ID))
	assert.False(t, gone(t, f, b.ID))
}

// TestDeviceThatContradictsItself refused a lock, which was purged later, and says then that it did it after all.
func TestDeviceThatContradictsItself(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Refused)
	f.Clock.Advance(8 * day)
	require.Equal(t, "purged", purge(t, f)[a.ID])
	require.NoError(t, f.Service.Report(t.Context(), answerOf(a, lock.Acknowledged, map[string]string{"message_result": "Success"})))
	assert.Equal(t, lock.StateConfirmed, f.Get(a.ID).State, "the device wins")
	notices := noticesOf(t, f)
	alarm := notices[len(notices)-1]
	assert.Equal(t, lock.EventAlarm, alarm.Type)
	assert.Equal(t, a.ID, alarm.Other)
	assert.Contains(t, alarm.Reason, "whose PIN was purged")
	assert.Empty(t, candidateIDs(t, f, mac()))
	requireReplay(t, f.Store, a.ID)

	feedback(t, f, a.ID, lock.FeedbackOther)
	assert.Equal(t, "already_purged", purge(t, f)[a.ID])
}
