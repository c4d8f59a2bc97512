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

func keep(r *lock.Request) { r.Keep = true }

// wasLocked is a lock that the device acknowledged and that was opened since.
func wasLocked(t *testing.T, f *locktest.Fixture, edits ...func(*lock.Request)) (a lock.Action, code string) {
	t.Helper()
	a = f.Lock(mac(), edits...)
	f.Clock.Advance(time.Second)
	code = f.Deliver(mac()).PIN
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	return a, code
}

// requireNotKept expects that keeping is blocked with this code alone, in an order and beforehand.
func requireNotKept(t *testing.T, f *locktest.Fixture, code string, edits ...func(*lock.Request)) {
	t.Helper()
	_, err := order(t, f, append(edits, keep)...)
	var blocked *lock.BlockedError
	require.ErrorAs(t, err, &blocked)
	require.Equal(t, []string{code}, codes(blocked.Findings))
	assert.Equal(t, "keep", blocked.Findings[0].Field)
	findings, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: mac(), Keep: true})
	require.NoError(t, err)
	assert.Equal(t, blocked.Findings, findings)
}

func TestKeptPIN(t *testing.T) {
	f := newFixture(t)
	_, older := wasLocked(t, f)
	first, code := wasLocked(t, f)
	require.NotEqual(t, older, code)
	ended(t, f) // never left, so it is not the PIN in use

	a, again := wasLocked(t, f, keep)
	assert.Equal(t, code, again, "the one confirmed last")
	assert.Equal(t, first.ID, a.Kept)
	assert.Equal(t, first.Created, a.PINMade)
	assert.False(t, a.Supplied)
	assert.Equal(t, []string{"pin_kept"}, codes(a.Findings))
	requireReplay(t, f.Store, a.ID)

	b, again := wasLocked(t, f, keep)
	assert.Equal(t, code, again)
	assert.Equal(t, a.ID, b.Kept)
	assert.Equal(t, first.Created, b.PINMade, "it does not get younger")
	assert.NotEqual(t, a.Secrets[0].SHA256, b.Secrets[0].SHA256, "a box of its own")
}

func TestKeepWithNothingToKeep(t *testing.T) {
	f := newFixture(t)
	requireNotKept(t, f, "pin_nothing_to_keep")
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	requireNotKept(t, f, "pin_nothing_to_keep")
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	f.Lock(mac(), keep)
}

func TestKeepObeysTheMaximumAge(t *testing.T) {
	f := newFixture(t, func(c *lock.Config) { c.Rotation.MaxAge = 10 * 24 * time.Hour })
	wasLocked(t, f)
	f.Clock.Advance(9 * 24 * time.Hour)
	wasLocked(t, f, keep)
	f.Clock.Advance(2 * 24 * time.Hour)
	requireNotKept(t, f, "pin_age")
	requireNotKept(t, f, "pin_age", because("we like it"))
}

// TestKeepAfterAReveal: also when the PIN was shown as that of another action which had it.
func TestKeepAfterAReveal(t *testing.T) {
	for name, which := range map[string]int{"of the last lock": 1, "of the one before, with the same PIN": 0} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first, code := wasLocked(t, f)
			second, _ := wasLocked(t, f, keep)
			f.PIN([]lock.ID{first.ID, second.ID}[which])
			requireNotKept(t, f, "pin_disclosed")

			a, again := wasLocked(t, f, keep, because("the owner cannot be reached"))
			assert.Equal(t, code, again)
			assert.Equal(t, "the owner cannot be reached", a.Reuse)
			assert.ElementsMatch(t, []string{"pin_reused", "pin_kept"}, codes(a.Findings))
		})
	}
}

func TestKeepAcrossAReenrolment(t *testing.T) {
	for name, before := range map[string]func(*testing.T, *locktest.Fixture){
		"of an open device": func(t *testing.T, f *locktest.Fixture) { wasLocked(t, f) },
		"of a locked device": func(_ *testing.T, f *locktest.Fixture) {
			a := f.Lock(mac())
			f.Deliver(mac())
			f.Answer(a, lock.Acknowledged)
		},
		"when a lock was on its way": func(t *testing.T, f *locktest.Fixture) {
			wasLocked(t, f)
			f.Lock(mac())
			f.Deliver(mac())
		},
		"and a late answer": func(t *testing.T, f *locktest.Fixture) {
			a := f.Lock(mac())
			f.Deliver(mac())
			seen(t, f, lock.EvidenceReenrolled)
			f.Clock.Advance(time.Second)
			f.Answer(a, lock.Acknowledged)
			f.Clock.Advance(time.Hour)
			seen(t, f, lock.EvidencePoll)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			before(t, f)
			f.Clock.Advance(time.Second)
			seen(t, f, lock.EvidenceReenrolled)
			f.Clock.Advance(time.Second)
			requireNotKept(t, f, "pin_re_enrolled")
			requireNotKept(t, f, "pin_re_enrolled", because("it is the same person"))
			count := len(eventsOfDevice(t, f))
			seen(t, f, lock.EvidenceReenrolled)
			assert.Len(t, eventsOfDevice(t, f), count, "once is enough")

			wasLocked(t, f)
			f.Lock(mac(), keep)
		})
	}
}

func eventsOfDevice(t *testing.T, f *locktest.Fixture) []lock.Event {
	t.Helper()
	events, err := f.Store.Events(t.Context(), lock.EventFilter{Scope: "acme", Devices: []string{"mac-1"}, Limit: 1000})
	require.NoError(t, err)
	return events
}

// TestKeepAnOrderThatWaitedThroughAReenrolment: the wiped device took the PIN afterwards.
func TestKeepAnOrderThatWaitedThroughAReenrolment(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	seen(t, f, lock.EvidenceReenrolled)
	f.Clock.Advance(time.Second)
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	assert.Equal(t, a.ID, f.Lock(mac(), keep).Kept)
}

func TestKeepObeysTodaysRules(t *testing.T) {
	f := newFixture(t)
	f.Codec.Answer = &lock.Plan{Policy: pin.Policy{Length: 6, Alphabet: "0123456789"}, Holds: true}
	wasLocked(t, f, supplied(t, "112233"))
	f.Codec.Answer = nil
	requireNotKept(t, f, "pin_pattern")
}

func TestKeepOfASharedPIN(t *testing.T) {
	f := newFixture(t)
	wasLocked(t, f, supplied(t, "739184"), func(r *lock.Request) { r.Batch = "lab-7" })
	requireNotKept(t, f, "pin_shared")
}

func TestKeepWhereTheOrderCarriesNone(t *testing.T) {
	f := newFixture(t)
	f.Codec.Answer = &lock.Plan{NoPIN: true}
	_, err := order(t, f, keep)
	require.Equal(t, "keep", inputField(err))
}

func TestKeepJoinsALiveLock(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	b := f.Lock(mac(), keep)
	assert.Equal(t, a.ID, b.ID)
	assert.True(t, b.Joined)
}

func TestKeptPINThatDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	wasLocked(t, f)
	other := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	_, err := order(t, other, keep)
	require.ErrorIs(t, err, lock.ErrSealed)
}

// TestKeepIsNotForced: force is for what the platform says of the device.
func TestKeepIsNotForced(t *testing.T) {
	f := newFixture(t)
	a, _ := wasLocked(t, f)
	f.PIN(a.ID)
	requireNotKept(t, f, "pin_disclosed", func(r *lock.Request) { r.Force = true })
}

// TestKeepIsNotOutlivedByOtherOrders: what somebody saw stays seen, however many orders came since.
func TestKeepIsNotOutlivedByOtherOrders(t *testing.T) {
	f := newFixture(t)
	a, code := wasLocked(t, f)
	f.PIN(a.ID)
	for range 120 {
		f.Clock.Advance(time.Second)
		ended(t, f)
	}
	requireNotKept(t, f, "pin_disclosed")
	_, err := order(t, f, supplied(t, code))
	require.ErrorIs(t, err, pin.ReasonDisclosed)
}

// TestKeepTakesWhatWasDeliveredLast, and of its own kind.
func TestKeepTakesWhatWasDeliveredLast(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	f.Deliver(mac())
	cancel(t, f, a.ID)
	f.Clock.Advance(time.Second)
	b := f.Lock(mac())
	code := f.Deliver(mac()).PIN
	f.Clock.Advance(time.Second)
	f.Answer(b, lock.Acknowledged)
	f.Clock.Advance(time.Second)
	f.Answer(a, lock.Acknowledged) // late
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	kept, again := wasLocked(t, f, keep)
	assert.Equal(t, b.ID, kept.Kept)
	assert.Equal(t, code, again)
}

// TestKeptPINComparedInPart: an earlier PIN does not open, and the order says so.
func TestKeptPINComparedInPart(t *testing.T) {
	f := newFixture(t)
	old := ended(t, f)
	f.Clock.Advance(time.Second)
	wasLocked(t, f)
	half := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = blind{c.Sealer, string(old.ID), pin.ErrOpen} })
	a := half.Lock(mac(), keep)
	assert.Equal(t, []string{"pin_history_unread", "pin_kept"}, codes(a.Findings))
}

// TestKeepAfterARevealWhoseBoxDoesNotOpen: that it is the same PIN is on record.
func TestKeepAfterARevealWhoseBoxDoesNotOpen(t *testing.T) {
	f := newFixture(t)
	first, _ := wasLocked(t, f)
	wasLocked(t, f, keep)
	f.PIN(first.ID)
	half := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = blind{c.Sealer, string(first.ID), pin.ErrOpen} })
	half.Clock.Set(f.Clock.Now())
	requireNotKept(t, half, "pin_disclosed")
}

// TestKeptPINIsNotFoundOut: whoever may order but not reveal learns nothing of it, whatever the order says.
func TestKeptPINIsNotFoundOut(t *testing.T) {
	f := newFixture(t)
	_, code := wasLocked(t, f)
	spaced := code[:3] + " " + code[3:]
	for _, field := range []string{"message", "reason", "ticket"} {
		for _, text := range []string{"call " + code, "call " + spaced, "call 000000", "call 0-0-0-0-0-0", "call " + code + "0"} {
			_, err := order(t, f, keep, func(r *lock.Request) { textFields()[field](r, text) })
			require.Equal(t, field, inputField(err))
			require.Contains(t, err.Error(), "they might be it", "right or wrong, the answer is the same")
		}
	}
	renamed := mac()
	renamed.Name = "Mac " + code
	for _, edit := range []func(*lock.Request){
		func(r *lock.Request) { r.PhoneNumber = "5" + code },
		func(r *lock.Request) { r.Key = "5" + code },
		func(r *lock.Request) { r.Batch = code },
		func(r *lock.Request) { r.Device = renamed },
		func(r *lock.Request) { r.Message = "Call 020 7946 0000" },
	} {
		findings, err := f.Service.Preflight(t.Context(), locktest.Admin(), lock.Request{Device: renamed, Keep: true})
		require.NoError(t, err)
		require.Equal(t, []string{"pin_kept"}, codes(findings))
		a := f.Lock(mac(), keep, edit)
		cancel(t, f, a.ID)
	}
	require.Empty(t, noticesOf(t, f))
}
