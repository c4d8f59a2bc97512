package lock_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// revealLimit lets each actor reveal the PINs of so many devices an hour.
func revealLimit(count int) func(*lock.Config) {
	return locktest.Limited(lock.Limit{Verb: lock.VerbReveal, Count: count, Window: time.Hour})
}

// revealAs asks for a PIN, and returns it as text; empty when it waits for a second person.
func revealAs(t testing.TB, f *locktest.Fixture, actor string, id lock.ID) string {
	t.Helper()
	code, err := f.Service.Reveal(t.Context(), lock.Actor{ID: actor}, id, "owner at the desk", "INC-471100")
	if errors.Is(err, lock.ErrPending) {
		require.True(t, code.IsZero())
		return ""
	}
	require.NoError(t, err)
	return code.Expose()
}

func TestARevealWaitsForASecondPerson(t *testing.T) {
	var heard told
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal), heard.edit)
	a := f.Lock(mac(), supplied(t, "739184"))
	require.Empty(t, revealAs(t, f, "ada", a.ID))
	require.Empty(t, revealAs(t, f, "ada", a.ID), "asking again changes nothing")
	waiting := requests(t, f, locktest.Second())
	require.Len(t, waiting, 1)
	assert.Equal(t, "owner at the desk", waiting[0].Reason)
	assert.Equal(t, "INC-[digits]", waiting[0].Ticket)
	require.Len(t, heard.events, 1)
	assert.Equal(t, waiting[0].ID, heard.events[0].ID)
	assert.Empty(t, alarmsOf(t, f, a.ID))
	assert.Zero(t, f.Get(a.ID).Disclosures)

	_, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "saw the owner's passport")
	require.NoError(t, err)
	_, err = f.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "twice is as once")
	require.NoError(t, err)
	assert.Empty(t, requests(t, f, locktest.Second()))
	assert.Empty(t, revealAs(t, f, "eve", a.ID), "it is Ada's")
	assert.Equal(t, "739184", revealAs(t, f, "ada", a.ID))
	events := eventsOf(t, f, a.ID)
	last := events[len(events)-1]
	assert.Equal(t, lock.EventRevealed, last.Type)
	assert.Equal(t, waiting[0].ID, last.Request)
	assert.Equal(t, "INC-471100", last.Ticket)
	assert.Equal(t, []lock.EventType{
		lock.EventOrdered, lock.EventRevealRequested, lock.EventRevealApproved, lock.EventRevealRequested, lock.EventRevealed,
	}, typesOf(events))

	assert.Empty(t, revealAs(t, f, "ada", a.ID), "an approval is good for once")
	assert.Len(t, requests(t, f, locktest.Second()), 2, "Eve's and Ada's next")
	requireReplay(t, f.Store, a.ID)
}

func TestARejectedReveal(t *testing.T) {
	for name, first := range map[string]func(*testing.T, *locktest.Fixture, lock.ID){
		"that waited":           func(*testing.T, *locktest.Fixture, lock.ID) {},
		"that was approved too": func(t *testing.T, f *locktest.Fixture, id lock.ID) { approve(t, f, id) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, locktest.TwoPersons(lock.VerbReveal))
			a := f.Lock(mac())
			require.Empty(t, revealAs(t, f, "ada", a.ID))
			asked := requests(t, f, locktest.Second())[0]
			first(t, f, a.ID)
			_, err := f.Service.Reject(t.Context(), locktest.Second(), a.ID, "", "not the owner")
			require.NoError(t, err)
			assert.Empty(t, requests(t, f, locktest.Second()))
			assert.Empty(t, revealAs(t, f, "ada", a.ID))
			_, err = f.Service.Approve(t.Context(), locktest.Second(), a.ID, asked.ID, "")
			assert.ErrorIs(t, err, lock.ErrNotFound)
		})
	}
}

// TestRevealRequestsExpire: one that waits, and one that was approved and not used.
func TestRevealRequestsExpire(t *testing.T) {
	const patience = 24 * time.Hour
	f := newFixture(t, locktest.TwoPersons(lock.VerbReveal))
	a := f.Lock(mac())
	require.Empty(t, revealAs(t, f, "ada", a.ID))
	asked := requests(t, f, locktest.Second())[0]
	f.Clock.Advance(patience)
	assert.Empty(t, requests(t, f, locktest.Second()))
	_, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, asked.ID, "")
	require.ErrorIs(t, err, lock.ErrNotFound)

	require.Empty(t, revealAs(t, f, "ada", a.ID))
	f.Clock.Advance(patience - time.Microsecond)
	approve(t, f, a.ID)
	f.Clock.Advance(patience)
	require.Empty(t, revealAs(t, f, "ada", a.ID), "too late")
	f.Clock.Advance(patience - time.Microsecond)
	approve(t, f, a.ID)
	f.Clock.Advance(patience - time.Microsecond)
	assert.NotEmpty(t, revealAs(t, f, "ada", a.ID))
}

// TestAnApprovalIsUsedOnce, by one of fifty who come at once through two services.
func TestAnApprovalIsUsedOnce(t *testing.T) {
	for name, st := range map[string]lock.Store{"positions at commit": store.NewMemory(), "positions later": newTardy(5)} {
		t.Run(name, func(t *testing.T) {
			f := locktest.New(t, st, locktest.TwoPersons(lock.VerbReveal))
			services := []*lock.Service{f.Service, locktest.New(t, f.Store, locktest.TwoPersons(lock.VerbReveal)).Service}
			a := f.Lock(mac())
			require.Empty(t, revealAs(t, f, "ada", a.ID))
			approve(t, f, a.ID)
			var given atomic.Int32
			var wg sync.WaitGroup
			for n := range 50 {
				wg.Go(func() {
					_, err := services[n%2].Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
					if err == nil {
						given.Add(1)
						return
					}
					assert.ErrorIs(t, err, lock.ErrPending)
				})
			}
			wg.Wait()
			assert.EqualValues(t, 1, given.Load())
			assert.Equal(t, 1, f.Get(a.ID).Disclosures)
			assert.Len(t, requests(t, f, locktest.Second()), 1, "one more request, however many ask")
		})
	}
}

func TestLimitOfReveals(t *testing.T) {
	var heard told
	f := newFixture(t, revealLimit(2), heard.edit)
	var ids []lock.ID
	for n := range 4 {
		ids = append(ids, f.Lock(numbered(n)).ID)
	}
	for _, id := range []lock.ID{ids[0], ids[1], ids[0], ids[1]} { // a device counts once
		require.NotEmpty(t, revealAs(t, f, "ada", id))
	}
	for range 2 {
		require.Empty(t, revealAs(t, f, "ada", ids[2]))
	}
	alarms := alarmsOf(t, f, ids[2])
	require.Len(t, alarms, 1, "one alarm, however often it is asked for")
	waiting := requests(t, f, locktest.Second())
	require.Len(t, waiting, 1)
	assert.Equal(t, waiting[0].ID, alarms[0].Request)
	assert.Len(t, heard.events, 1)
	assert.NotEmpty(t, revealAs(t, f, "bob", ids[2]), "each actor by itself")
	approve(t, f, ids[2])
	assert.NotEmpty(t, revealAs(t, f, "ada", ids[2]))
	f.Clock.Advance(time.Hour)
	assert.NotEmpty(t, revealAs(t, f, "ada", ids[3]))
	for _, id := range ids {
		requireReplay(t, f.Store, id)
	}
}

// TestFiftyRevealsRace through two services on one store.
func TestFiftyRevealsRace(t *testing.T) {
	for name, st := range map[string]lock.Store{"positions at commit": store.NewMemory(), "positions later": newTardy(7)} {
		t.Run(name, func(t *testing.T) {
			const limit = 7
			f := locktest.New(t, st, revealLimit(limit))
			services := []*lock.Service{f.Service, locktest.New(t, f.Store, revealLimit(limit)).Service}
			var given atomic.Int32
			var wg sync.WaitGroup
			for n := range 50 {
				a := f.Lock(numbered(n))
				wg.Go(func() {
					_, err := services[n%2].Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
					if err == nil {
						given.Add(1)
						return
					}
					assert.ErrorIs(t, err, lock.ErrPending)
				})
			}
			wg.Wait()
			assert.EqualValues(t, limit, given.Load())
			assert.Len(t, requests(t, f, locktest.Second()), 50-limit)
		})
	}
}

// TestARevealThatWasInterrupted: the request is on record, and the process that made it ended there.
func TestARevealThatWasInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		limit, alarms int
	}{"within the limit": {1, 0}, "over the limit": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, revealLimit(c.limit))
			a := f.Lock(mac())
			interrupted := locktest.New(t, &mute{Store: f.Store, after: 1}, revealLimit(c.limit))
			_, err := interrupted.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
			require.ErrorIs(t, err, locktest.ErrFault)
			require.Empty(t, alarmsOf(t, f, a.ID))
			require.Equal(t, lock.EventRevealRequested, eventsOf(t, f, a.ID)[1].Type)
			assert.Equal(t, c.limit == 1, revealAs(t, f, "ada", a.ID) != "")
			assert.Len(t, alarmsOf(t, f, a.ID), c.alarms)
			requested := 0
			for _, e := range eventsOf(t, f, a.ID) {
				if e.Type == lock.EventRevealRequested {
					requested++
				}
			}
			assert.Equal(t, 1, requested, "the same request is used")
		})
	}
}

// mute is a store whose commits fail after some that did not.
type mute struct {
	lock.Store
	after int
}

func (m *mute) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if m.after--; m.after < 0 {
		return nil, locktest.ErrFault
	}
	return m.Store.Commit(ctx, changes)
}
