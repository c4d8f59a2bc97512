package lock_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// TestAnApprovalOutlivesAPINThatDoesNotOpen: what gave no PIN used nothing up.
func TestAnApprovalOutlivesAPINThatDoesNotOpen(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal))
	a, b := f.Lock(mac()), f.Lock(locktest.Device("mac-2"))
	require.Empty(t, revealAs(t, f, "ada", a.ID))
	approve(t, f, a.ID)
	sealed := locktest.New(t, swapped{Store: f.Store, of: a.ID, from: b.ID}, locktest.TwoPersons(lock.VerbReveal))
	_, err := sealed.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
	require.ErrorIs(t, err, lock.ErrSealed)
	assert.NotEmpty(t, revealAs(t, f, "ada", a.ID))
}

// TestNobodyIsAskedForAPINThatIsNotThere: no request, and the error says what is the matter.
func TestNobodyIsAskedForAPINThatIsNotThere(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal))
	a, b := f.Lock(mac()), f.Lock(locktest.Device("mac-2"))
	sealed := locktest.New(t, swapped{Store: f.Store, of: a.ID, from: b.ID}, locktest.TwoPersons(lock.VerbReveal))
	_, err := sealed.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
	require.ErrorIs(t, err, lock.ErrSealed)
	assert.Empty(t, requests(t, f, locktest.Second()))
	assert.Len(t, eventsOf(t, f, a.ID), 1)
}

// TestAPINPurgedBetweenApprovalAndReveal says when and by whom.
func TestAPINPurgedBetweenApprovalAndReveal(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal), func(c *lock.Config) { c.Patience = 100 * 24 * time.Hour })
	a := f.Lock(mac())
	cancel(t, f, a.ID)
	require.Empty(t, revealAs(t, f, "ada", a.ID))
	approve(t, f, a.ID)
	f.Clock.Advance(8 * 24 * time.Hour)
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{
		Scope: "acme", Before: f.Clock.Now().Add(-24 * time.Hour), Reason: "rule 7", Apply: true,
	})
	require.NoError(t, err)
	require.Equal(t, 1, counts["purged"])
	_, err = f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
	require.ErrorIs(t, err, lock.ErrPurged)
	require.ErrorContains(t, err, "by ada")
	assert.Zero(t, f.Get(a.ID).Disclosures)
}

// TestAPurgeKeepsWhatIsHeld.
func TestAPurgeKeepsWhatIsHeld(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock), func(c *lock.Config) { c.Patience = 100 * 24 * time.Hour })
	f.Lock(mac(), func(r *lock.Request) { r.NotAfter = f.Clock.Now().Add(100 * 24 * time.Hour) })
	f.Clock.Advance(8 * 24 * time.Hour)
	counts, err := f.Service.Purge(t.Context(), locktest.Admin(), lock.Purge{
		Scope: "acme", Before: f.Clock.Now().Add(-24 * time.Hour), Reason: "rule 7", Apply: true,
	})
	require.NoError(t, err)
	assert.Equal(t, map[string]int{"held": 1}, counts)
}

// TestARequestSaysNothingOfThePIN: a guess in its words is no way to find the PIN out, and the PIN itself is not kept.
func TestARequestSaysNothingOfThePIN(t *testing.T) {
	f := locktest.New(t, store.NewMemory(), locktest.TwoPersons(lock.VerbReveal))
	a := f.Lock(mac(), supplied(t, "739184"))
	for _, reason := range []string{"is it 284617?", "is it 739184?"} {
		_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, reason, "")
		require.ErrorIs(t, err, lock.ErrPending, "the same answer to a right and a wrong guess")
		waiting := requests(t, f, locktest.Second())
		require.Len(t, waiting, 1)
		assert.Equal(t, "is it [digits]?", waiting[0].Reason)
		_, err = f.Service.Reject(t.Context(), locktest.Second(), a.ID, "", "")
		require.NoError(t, err)
	}
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "739 184")
	require.ErrorIs(t, err, lock.ErrPending)
	approve(t, f, a.ID)
	for field, say := range map[string][2]string{"reason": {"739184", ""}, "ticket": {"owner at the desk", "739184"}} {
		_, err = f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, say[0], say[1])
		require.Equal(t, field, inputField(err))
	}
	assert.NotEmpty(t, revealAs(t, f, "ada", a.ID), "the approval is still there")
	assert.NotContains(t, ledgerText(t, f), "739184")
	assert.NotContains(t, ledgerText(t, f), "739 184")
}
