package lock_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// heldVectorEvents are the lives of a lock that a limit held and of an unlock that a policy held, and the notices about requests.
func heldVectorEvents() []lock.Event {
	const held, unlock = lock.ID("01960a00-0d80-7a10-8c55-2f1f4c1d7b60"), lock.ID("01960a00-0d80-7b20-9c55-2f1f4c1d7b61")
	at := func(second int) time.Time { return time.Date(2026, 4, 6, 5, 6, second, 7000, time.UTC) }
	event := func(n int) lock.ID { return lock.ID(fmt.Sprintf("01960a00-0d80-7000-9000-%012d", n)) }
	sum := sha256.Sum256([]byte("a box of a held lock"))
	ada, bob, system := lock.Actor{ID: "ada"}, lock.Actor{ID: "bob"}, lock.Actor{ID: "system"}
	device := lock.Device{Scope: "acme", ID: "mac-1", Platform: "apple"}
	box := []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: "2026-04", SHA256: sum[:]}}
	events := []lock.Event{
		{Action: held, Seq: 1, Type: lock.EventOrdered, Actor: ada, Secrets: box, Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateHeld, Device: device, Holds: true, NotAfter: at(0).Add(30 * 24 * time.Hour),
		}},
		{Action: held, Seq: 2, Type: lock.EventHeld, Actor: system, Reason: "over the limit of lock: 5 devices in 1h0m0s"},
		{Action: held, Seq: 3, Type: lock.EventApproved, Actor: bob, Reason: "spoke to ada"},
		{Action: held, Seq: 4, Type: lock.EventRevealRequested, Actor: ada, Reason: "owner at the desk", Ticket: "4711"},
		{Action: held, Seq: 5, Type: lock.EventRevealApproved, Actor: bob, Request: event(4)},
		{Action: held, Seq: 6, Type: lock.EventRevealed, Actor: ada, Reason: "owner at the desk", Ticket: "4711", Request: event(4), Secret: 1},
		{Action: held, Seq: 7, Type: lock.EventRevealRequested, Actor: ada, Reason: "once more"},
		{Action: held, Seq: 8, Type: lock.EventRevealRejected, Actor: bob, Reason: "what for?", Request: event(7)},
		{Action: unlock, Seq: 1, Type: lock.EventOrdered, Actor: ada, Order: &lock.Action{
			Kind: lock.KindUnlock, State: lock.StateHeld, HeldBy: "policy", Of: held, Device: device, NotAfter: at(0).Add(30 * 24 * time.Hour),
		}},
		{Action: unlock, Seq: 2, Type: lock.EventRejected, Actor: bob, Reason: "only the PIN opens it"},
		{Type: lock.EventBreakGlass, Actor: ada, Reason: "nobody answers", Other: held, Request: event(7), Facts: map[string]string{
			"requester": "ada", "approved": "reveal-requested",
		}},
		{Type: lock.EventReviewed, Actor: bob, Reason: "in order", Other: held, Facts: map[string]string{"event": string(event(11))}},
	}
	for i := range events {
		e := &events[i]
		e.ID, e.Time, e.Scope, e.Device = event(i+1), at(i), "acme", "mac-1"
	}
	return append(events, batchVectorEvents()...)
}

// batchVectorEvents are the notices of two batches.
func batchVectorEvents() []lock.Event {
	at := func(second int) time.Time { return time.Date(2026, 4, 6, 5, 7, second, 7000, time.UTC) }
	ada, bob := lock.Actor{ID: "ada"}, lock.Actor{ID: "bob"}
	facts := func(batch string) map[string]string { return map[string]string{"batch": batch} }
	opened := facts("b1")
	opened["devices"], opened["kind"] = "100", "lock"
	glass := facts("b1")
	glass["requester"], glass["approved"] = "ada", "batch-opened"
	events := []lock.Event{
		{Type: lock.EventBatchOpened, Actor: ada, Reason: "audit", Ticket: "4712", Facts: opened},
		{Type: lock.EventBatchApproved, Actor: bob, Reason: "spoke to ada", Facts: facts("b1")},
		{Type: lock.EventBatchRejected, Actor: bob, Reason: "too many", Facts: facts("b2")},
		{Type: lock.EventBatchCancelled, Actor: ada, Reason: "a mistake", Facts: facts("b1")},
		{Type: lock.EventBreakGlass, Actor: ada, Reason: "nobody answers", Request: "01960a00-f7e0-7000-9000-000000000001", Facts: glass},
	}
	for i := range events {
		e := &events[i]
		e.ID, e.Time, e.Scope = lock.ID(fmt.Sprintf("01960a00-f7e0-7000-9000-%012d", i+1)), at(i), "acme"
	}
	return events
}

func TestVectorReplayOfHeldOrders(t *testing.T) {
	lives := map[lock.ID][]lock.Event{}
	for i, v := range vectors(t) {
		id := vectorEvents()[i].Action
		lives[id] = append(lives[id], lock.Event{Body: []byte(v.Body), Prev: unhex(t, v.Prev), Hash: unhex(t, v.Hash)})
	}
	a, err := lock.Action{}.Replay(lives["01960a00-0d80-7a10-8c55-2f1f4c1d7b60"])
	require.NoError(t, err)
	assert.Equal(t, lock.StateQueued, a.State)
	assert.Equal(t, "lock", a.Lane)
	assert.Equal(t, "limit", a.HeldBy)
	assert.Equal(t, 1, a.Disclosures)

	u, err := lock.Action{}.Replay(lives["01960a00-0d80-7b20-9c55-2f1f4c1d7b61"])
	require.NoError(t, err)
	assert.Equal(t, lock.StateCancelled, u.State)
	assert.Equal(t, "policy", u.HeldBy)
	assert.Equal(t, a.ID, u.Of)
	assert.Equal(t, "only the PIN opens it", u.Cause)
}
