package lock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// TestATicketTellsNoPIN: who may read a request back learns nothing of which number in it is the PIN.
func TestATicketTellsNoPIN(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal))
	a := f.Lock(mac(), supplied(t, "739184"))
	var kept []string
	for _, ticket := range []string{"INC 739184", "INC 739185"} {
		_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", ticket)
		require.ErrorIs(t, err, lock.ErrPending)
		waiting := requests(t, f, locktest.Second())
		require.Len(t, waiting, 1)
		kept = append(kept, waiting[0].Ticket)
		_, err = f.Service.Reject(t.Context(), locktest.Admin(), a.ID, waiting[0].ID, ticket)
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"INC [digits]", "INC [digits]"}, kept)
}

// TestRunRaisesALostAlarm of a reveal request over the limit, whose process died before it.
func TestRunRaisesALostAlarm(t *testing.T) {
	limit := locktest.Limited(lock.Limit{Verb: lock.VerbReveal, Count: 0, Window: time.Hour})
	var heard told
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		synctest.Wait() // the device was woken, which is a commit of its own
		dying := locktest.New(t, f.Store, byBubble, limit)
		dying.Store.DieAfter(1, false)
		_, err := dying.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
		require.ErrorIs(t, err, locktest.ErrFault)
		require.Empty(t, alarmsOf(t, f, a.ID))
		for range 2 {
			restarted := locktest.New(t, f.Store, byBubble, limit, heard.edit)
			stop := start(t, restarted)
			after(time.Second)
			stop()
		}
		assert.Len(t, alarmsOf(t, f, a.ID), 1)
		assert.Len(t, heard.events, 1)
	}, limit)
}
