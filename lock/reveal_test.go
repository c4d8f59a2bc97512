package lock_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

func reveal(t *testing.T, f *locktest.Fixture, id lock.ID, reason string) (pin.PIN, error) {
	t.Helper()
	return f.Service.Reveal(t.Context(), locktest.Admin(), id, reason, "")
}

func TestRevealIsRecorded(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, "739184"))
	for n := range 3 {
		code, err := reveal(t, f, a.ID, "owner verified by phone")
		require.NoError(t, err)
		require.Equal(t, "739184", code.Expose())
		got := f.Get(a.ID)
		require.Equal(t, n+1, got.Disclosures)
		events := eventsOf(t, f, a.ID)
		last := events[len(events)-1]
		assert.Equal(t, lock.EventRevealed, last.Type)
		assert.Equal(t, locktest.Admin(), last.Actor)
		assert.Equal(t, "owner verified by phone", last.Reason)
		assert.Equal(t, 1, last.Secret)
	}
	assert.NotContains(t, ledgerText(t, f), "739184")
	requireReplay(t, f.Store, a.ID)
}

// TestNoRecordNoPIN is I3 for disclosures.
func TestNoRecordNoPIN(t *testing.T) {
	for name, fail := range map[string]func(*locktest.Faulty){
		"before the commit": func(s *locktest.Faulty) { s.FailBefore(locktest.Forever) },
		"answers get lost":  func(s *locktest.Faulty) { s.FailAfter(locktest.Forever) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac())
			fail(f.Store)
			code, err := reveal(t, f, a.ID, "owner verified")
			require.ErrorIs(t, err, locktest.ErrFault)
			assert.True(t, code.IsZero())
		})
	}
}

func TestRevealInEveryState(t *testing.T) {
	for name, life := range map[lock.State]func(*locktest.Fixture, lock.Action){
		lock.StateQueued:    func(*locktest.Fixture, lock.Action) {},
		lock.StateIssued:    func(f *locktest.Fixture, _ lock.Action) { f.Deliver(mac()) },
		lock.StateConfirmed: func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Acknowledged) },
		lock.StateRefused:   func(f *locktest.Fixture, a lock.Action) { f.Deliver(mac()); f.Answer(a, lock.Refused) },
		lock.StateCancelled: func(f *locktest.Fixture, a lock.Action) { cancel(t, f, a.ID) },
		lock.StateExpired:   func(f *locktest.Fixture, _ lock.Action) { f.Clock.Advance(31 * 24 * time.Hour); f.Deliver(mac()) },
		lock.StateUnconfirmed: func(f *locktest.Fixture, _ lock.Action) {
			f.Deliver(mac())
			f.Clock.Advance(31 * 24 * time.Hour)
			f.Deliver(mac())
		},
		lock.StateReleased: func(f *locktest.Fixture, a lock.Action) {
			f.Deliver(mac())
			f.Answer(a, lock.Acknowledged)
			seen(t, f, lock.EvidenceReenrolled)
		},
	} {
		t.Run(string(name), func(t *testing.T) {
			f := newFixture(t)
			a := f.Lock(mac(), supplied(t, "739184"))
			life(f, a)
			require.Equal(t, name, f.Get(a.ID).State)
			assert.Equal(t, "739184", f.PIN(a.ID))
			assert.Equal(t, name, f.Get(a.ID).State)
			requireReplay(t, f.Store, a.ID)
		})
	}
}

func TestRevealRefused(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac(), supplied(t, "739184"))
	for name, reason := range map[string]string{
		"no reason": "", "with the PIN in it": "is it 739184?", "too long": strings.Repeat("x", 1025), "a line break": "a\nb",
	} {
		t.Run(name, func(t *testing.T) {
			code, err := reveal(t, f, a.ID, reason)
			require.Equal(t, "reason", inputField(err))
			assert.NotContains(t, err.Error(), "739184")
			assert.True(t, code.IsZero())
			assert.Equal(t, 1, f.Get(a.ID).Version)
		})
	}
	t.Run("unknown action", func(t *testing.T) {
		_, err := reveal(t, f, "0190-none", "owner verified")
		require.ErrorIs(t, err, lock.ErrNotFound)
	})
}

func TestRevealOfWhatIsNoPIN(t *testing.T) {
	t.Run("an escrow", func(t *testing.T) {
		f := newFixture(t)
		require.NoError(t, f.Service.Escrow(t.Context(), mac(), "unlock-token", parsed(t, "token")))
		kept, err := f.Store.List(t.Context(), lock.Filter{})
		require.NoError(t, err)
		_, err = reveal(t, f, kept[0].ID, "curious")
		require.ErrorIs(t, err, lock.ErrNotFound)
	})
	t.Run("a lock without a PIN", func(t *testing.T) {
		f := newFixture(t)
		f.Codec.Answer = &lock.Plan{NoPIN: true}
		_, err := reveal(t, f, f.Lock(mac()).ID, "curious")
		require.ErrorIs(t, err, lock.ErrNotFound)
	})
}

func TestRevealWhenTheKeyIsMissing(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	without := locktest.New(t, f.Store, func(c *lock.Config) { c.Sealer = locktest.Keyring("another") })
	_, err := reveal(t, without, a.ID, "owner verified")
	require.ErrorIs(t, err, lock.ErrSealed)
	require.ErrorContains(t, err, `"test"`)
	var missing *pin.MissingKeyError
	require.ErrorAs(t, err, &missing)
	assert.Equal(t, 1, f.Get(a.ID).Version)
}

// TestBoxesOpenInTheirPlaceOnly moves a sealed PIN to another action.
func TestBoxesOpenInTheirPlaceOnly(t *testing.T) {
	f := newFixture(t)
	a, b := f.Lock(mac()), f.Lock(locktest.Device("mac-2"))
	mixed := locktest.New(t, swapped{f.Store, a.ID, b.ID})
	_, err := reveal(t, mixed, a.ID, "owner verified")
	require.ErrorIs(t, err, lock.ErrSealed)
	require.ErrorIs(t, err, pin.ErrOpen)
}

func TestCancel(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	got, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "found")
	require.NoError(t, err)
	assert.Equal(t, lock.StateCancelled, got.State)
	assert.Equal(t, "found", got.Cause)
	assert.Nil(t, got.Secrets[0].Box)
	again, err := f.Service.Cancel(t.Context(), locktest.Admin(), a.ID, "found again")
	require.NoError(t, err)
	assert.Equal(t, got.Version, again.Version, "cancelling twice is the same as once")
	requireReplay(t, f.Store, a.ID)

	held := confirmed(t, f)
	_, err = f.Service.Cancel(t.Context(), locktest.Admin(), held.ID, "too late")
	var impossible *lock.TransitionError
	require.ErrorAs(t, err, &impossible)
	_, err = f.Service.Cancel(t.Context(), locktest.Admin(), "0190-none", "")
	require.ErrorIs(t, err, lock.ErrNotFound)
	_, err = f.Service.Cancel(t.Context(), locktest.Admin(), held.ID, strings.Repeat("x", 1025))
	assert.Equal(t, "reason", inputField(err))
}
