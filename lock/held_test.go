package lock_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// told remembers what approvers were told.
type told struct {
	mu     sync.Mutex
	events []lock.Event
}

func (n *told) edit(c *lock.Config) {
	c.Notify = func(_ context.Context, e lock.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.events = append(n.events, e)
	}
}

// alarmsOf are the alarms about an action.
func alarmsOf(t *testing.T, f *locktest.Fixture, id lock.ID) (alarms []lock.Event) {
	t.Helper()
	for _, e := range noticesOf(t, f) {
		if e.Type == lock.EventAlarm && e.Other == id {
			alarms = append(alarms, e)
		}
	}
	return alarms
}

func requests(t *testing.T, f *locktest.Fixture, by lock.Actor) []lock.Event {
	t.Helper()
	waiting, err := f.Service.Requests(t.Context(), by, "acme")
	require.NoError(t, err)
	return waiting
}

func approve(t *testing.T, f *locktest.Fixture, id lock.ID) lock.Action {
	t.Helper()
	a, err := f.Service.Approve(t.Context(), locktest.Second(), id, "", "spoke to ada")
	require.NoError(t, err)
	return a
}

func TestAnOrderWaitsForASecondPerson(t *testing.T) {
	var heard told
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock), heard.edit)
	a := f.Lock(mac(), withKey("k"))
	require.Equal(t, lock.StateHeld, a.State)
	assert.Equal(t, "policy", a.HeldBy)
	assert.Empty(t, f.Deliver(mac()).ID, "nothing leaves")
	assert.Empty(t, alarmsOf(t, f, a.ID))
	again := f.Lock(mac())
	assert.True(t, again.Joined && again.ID == a.ID, "a repetition joins it")

	waiting := requests(t, f, locktest.Second())
	require.Len(t, waiting, 1)
	assert.Equal(t, a.ID, waiting[0].Action)
	require.Len(t, heard.events, 1, "told once")
	assert.Equal(t, waiting[0].ID, heard.events[0].ID)

	approved, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, waiting[0].ID, "spoke to ada")
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, approved.State)
	assert.Empty(t, requests(t, f, locktest.Second()))
	assert.Equal(t, f.PIN(a.ID), f.Deliver(mac()).PIN, "with the PIN that was sealed when it was ordered")
	events := eventsOf(t, f, a.ID)
	assert.Equal(t, []lock.EventType{lock.EventOrdered, lock.EventJoined, lock.EventApproved}, typesOf(events)[:3])
	assert.Equal(t, locktest.Second(), events[2].Actor)
	assert.Equal(t, "spoke to ada", events[2].Reason)
	requireReplay(t, f.Store, a.ID)
}

func TestARejectedOrderIsCancelled(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	rejected, err := f.Service.Reject(t.Context(), locktest.Second(), a.ID, "", "not stolen: at the repair shop")
	require.NoError(t, err)
	assert.Equal(t, lock.StateCancelled, rejected.State)
	assert.Equal(t, "not stolen: at the repair shop", rejected.Cause)
	assert.Empty(t, f.Deliver(mac()).ID)
	_, err = f.Service.Approve(t.Context(), locktest.Second(), a.ID, "", "")
	var impossible *lock.TransitionError
	require.ErrorAs(t, err, &impossible)
	assert.Equal(t, lock.StateCancelled, impossible.State)
	assert.NotEqual(t, a.ID, f.Lock(mac()).ID, "the next order is another one")
}

// TestNobodyApprovesTheirOwn: the ID decides, whatever name and address come with it.
func TestNobodyApprovesTheirOwn(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock, lock.VerbReveal))
	a := f.Lock(mac())
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "4711")
	require.ErrorIs(t, err, lock.ErrPending)
	alias := lock.Actor{ID: locktest.Admin().ID, Name: "Somebody else", Address: "198.51.100.1"}
	for _, request := range requests(t, f, locktest.Second()) {
		before := len(noticesOf(t, f))
		_, err := f.Service.Approve(t.Context(), alias, a.ID, request.ID, "")
		require.ErrorIs(t, err, lock.ErrDenied)
		notices := noticesOf(t, f)
		require.Len(t, notices, before+1)
		denied := notices[len(notices)-1]
		assert.Equal(t, lock.EventDenied, denied.Type)
		assert.Equal(t, map[string]string{"verb": "approve", "action": string(a.ID), "request": string(request.ID)}, denied.Facts)
	}
	assert.Len(t, requests(t, f, locktest.Second()), 2)
	assert.Equal(t, lock.StateHeld, f.Get(a.ID).State)
}

// TestApprovalNeedsItsLane: what took it stays, and the order stays held.
func TestApprovalNeedsItsLane(t *testing.T) {
	f := newFixture(t)
	guarded := locktest.New(t, f.Store, locktest.TwoPersons(lock.VerbLock))
	held := guarded.Lock(mac())
	live := f.Lock(mac())
	require.Equal(t, lock.StateQueued, live.State, "a held order blocks nothing")
	_, err := guarded.Service.Approve(t.Context(), locktest.Second(), held.ID, "", "")
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, live.ID, busy.Live.ID)
	require.Equal(t, lock.StateHeld, f.Get(held.ID).State)
	cancel(t, f, live.ID)
	assert.Equal(t, lock.StateQueued, approve(t, guarded, held.ID).State)
}

func TestHeldOrdersExpire(t *testing.T) {
	short := func(c *lock.Config) { c.Patience = time.Hour }
	for name, c := range map[string]struct {
		edit func(*lock.Request)
		wait time.Duration
	}{
		"patience": {func(*lock.Request) {}, time.Hour},
		"deadline": {func(r *lock.Request) { r.NotAfter = time.Date(2026, 3, 14, 9, 56, 53, 589793000, time.UTC) }, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, locktest.TwoPersons(lock.VerbLock), short)
			a := f.Lock(mac(), c.edit)
			f.Clock.Advance(c.wait - time.Microsecond)
			require.Len(t, requests(t, f, locktest.Second()), 1)
			f.Clock.Advance(time.Microsecond)
			assert.Empty(t, requests(t, f, locktest.Second()))
			_, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, "", "")
			var impossible *lock.TransitionError
			require.ErrorAs(t, err, &impossible)
			assert.Equal(t, lock.StateExpired, impossible.State)
			assert.Equal(t, lock.StateExpired, f.Get(a.ID).State)
		})
	}
}

// TestAnOrderJoinsNoneThatWaitedTooLong, also before Run has found it.
func TestAnOrderJoinsNoneThatWaitedTooLong(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	f.Clock.Advance(24 * time.Hour)
	b := f.Lock(mac())
	assert.NotEqual(t, a.ID, b.ID)
	assert.Equal(t, lock.StateExpired, f.Get(a.ID).State)
	assert.Equal(t, lock.StateHeld, b.State)
}

func TestRunExpiresHeldOrders(t *testing.T) {
	running(t, func(t *testing.T, f *locktest.Fixture) {
		a := f.Lock(mac())
		after(24*time.Hour - time.Second)
		require.Equal(t, lock.StateHeld, f.Get(a.ID).State)
		after(2 * time.Second)
		assert.Equal(t, lock.StateExpired, f.Get(a.ID).State)
		assert.Empty(t, f.Waker.Woken())
	}, locktest.TwoPersons(lock.VerbLock))
}

// TestTwoDecideAtOnce: however many approve, reject and cancel, one of them decides.
func TestTwoDecideAtOnce(t *testing.T) {
	for range 20 {
		f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
		other := locktest.New(t, f.Store)
		a := f.Lock(mac())
		carol := lock.Actor{ID: "carol"}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for _, decide := range []func(context.Context, lock.Actor, lock.ID, lock.ID, string) (lock.Action, error){
			f.Service.Approve, other.Service.Approve, f.Service.Reject, other.Service.Reject,
		} {
			wg.Go(func() {
				if _, err := decide(t.Context(), carol, a.ID, "", ""); err == nil {
					mu.Lock()
					defer mu.Unlock()
					won++
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, won)
		require.Len(t, eventsOf(t, f, a.ID), 2)
		requireReplay(t, f.Store, a.ID)
	}
}

// TestCancelOfAHeldOrder: nothing is left to approve.
func TestCancelOfAHeldOrder(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	ordered := requests(t, f, locktest.Second())[0]
	cancel(t, f, a.ID)
	assert.Empty(t, requests(t, f, locktest.Second()))
	_, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, ordered.ID, "")
	var impossible *lock.TransitionError
	require.ErrorAs(t, err, &impossible)
	assert.Equal(t, lock.StateCancelled, impossible.State)
}

// TestHeldOrdersAndTheDevice: a PIN that waits is listed as one that never left, and a re-enrolment is an alarm.
func TestHeldOrdersAndTheDevice(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac())
	found, err := f.Service.Candidates(t.Context(), locktest.Admin(), mac())
	require.NoError(t, err)
	require.Len(t, found, 1)
	assert.Equal(t, "the command never left", found[0].Reason)
	seen(t, f, lock.EvidenceReenrolled)
	assert.Equal(t, lock.StateHeld, f.Get(a.ID).State)
	assert.Len(t, alarmsOf(t, f, a.ID), 1)
	assert.Equal(t, lock.StateQueued, approve(t, f, a.ID).State)
}

// TestTheSameSuppliedPINJoinsAHeldOrder, and another one does not.
func TestTheSameSuppliedPINJoinsAHeldOrder(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac(), supplied(t, "739184"))
	b := f.Lock(mac(), supplied(t, "739184"))
	assert.Equal(t, a.ID, b.ID)
	_, err := order(t, f, supplied(t, "284617"))
	var busy *lock.BusyError
	require.ErrorAs(t, err, &busy)
	assert.Equal(t, a.ID, busy.Live.ID)
}

// TestADecisionNeedsARight, and its words are kept without what may be the PIN.
func TestADecisionNeedsARight(t *testing.T) {
	f := newFixture(t, locktest.TwoPersons(lock.VerbLock))
	a := f.Lock(mac(), supplied(t, "739184"))
	f.Rights.DenyTo(locktest.Second().ID, lock.VerbApprove)
	_, err := f.Service.Approve(t.Context(), locktest.Second(), a.ID, "", "")
	require.ErrorIs(t, err, lock.ErrDenied)
	_, err = f.Service.Reject(t.Context(), locktest.Second(), a.ID, "", "")
	require.ErrorIs(t, err, lock.ErrDenied)
	_, err = f.Service.Requests(t.Context(), locktest.Second(), "acme")
	require.ErrorIs(t, err, lock.ErrDenied)
	f.Rights.Allow(lock.VerbApprove)
	_, err = f.Service.Approve(t.Context(), locktest.Second(), a.ID, "", "is it 739184?")
	require.NoError(t, err)
	assert.NotContains(t, ledgerText(t, f), "739184")
}

// TestRequestsAreNarrowed: an approver sees what the Authorizer lets them see.
func TestRequestsAreNarrowed(t *testing.T) {
	f := locktest.New(t, store.NewMemory(), locktest.TwoPersons(lock.VerbLock, lock.VerbReveal))
	for _, id := range []string{"mac-1", "mac-2"} {
		a := f.Lock(locktest.Device(id))
		_, err := f.Service.Reveal(t.Context(), locktest.Admin(), a.ID, "owner at the desk", "")
		require.ErrorIs(t, err, lock.ErrPending)
	}
	require.Len(t, requests(t, f, locktest.Second()), 4)
	f.Rights.Narrow(func(filter lock.Filter) lock.Filter {
		filter.Devices = []string{"mac-2"}
		return filter
	})
	waiting := requests(t, f, locktest.Second())
	require.Len(t, waiting, 2)
	assert.Equal(t, []lock.EventType{lock.EventRevealRequested, lock.EventOrdered}, typesOf(waiting), "newest first")
	for _, e := range waiting {
		assert.Equal(t, "mac-2", e.Device)
	}
}
