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

const sentVector = lock.ID("0199c3f0-2a10-7b44-8f3e-90d2c1b7a655")

// sentVectorEvents are the life of a passcode reset that uses a token and goes through somebody else's queue.
func sentVectorEvents() []lock.Event {
	at := func(second int) time.Time { return time.Date(2026, 10, 8, 11, 12, second, 250000000, time.UTC) }
	sum := sha256.Sum256([]byte("a box of a reset"))
	system := lock.Actor{ID: "system"}
	events := []lock.Event{
		{Type: lock.EventOrdered, Actor: lock.Actor{ID: "ada"}, Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: "2026-10", SHA256: sum[:]}},
			Order: &lock.Action{
				Kind: lock.KindResetPasscode, State: lock.StateQueued, Device: lock.Device{Scope: "acme", ID: "phone-1", Platform: "android-amapi"},
				Options: map[string]string{"require_entry": "true", "lock_now": "true"}, Uses: "0199c3ef-0000-7000-8000-000000000001",
				NotAfter: at(0).Add(10 * time.Minute),
			}},
		{Type: lock.EventIssued, Actor: system, Delivery: 1},
		{Type: lock.EventProgress, Actor: system, Ref: "enterprises/e/devices/d/operations/7"},
		{Type: lock.EventAcknowledged, Actor: lock.Actor{ID: "device"}, Facts: map[string]string{"code": "OK"}},
	}
	for i := range events {
		e := &events[i]
		e.ID = lock.ID(fmt.Sprintf("0199c3f0-2a10-7000-8000-%012d", i+1))
		e.Action, e.Seq, e.Time, e.Scope, e.Device = sentVector, i+1, at(i), "acme", "phone-1"
	}
	return events
}

func TestVectorReplaySent(t *testing.T) {
	var events []lock.Event
	for i, v := range vectors(t) {
		if vectorEvents()[i].Action == sentVector {
			events = append(events, lock.Event{Body: []byte(v.Body), Prev: unhex(t, v.Prev), Hash: unhex(t, v.Hash)})
		}
	}
	a, err := lock.Action{}.Replay(events)
	require.NoError(t, err)
	assert.Equal(t, lock.StateConfirmed, a.State)
	assert.Equal(t, "enterprises/e/devices/d/operations/7", a.Ref)
	assert.Equal(t, map[string]string{"require_entry": "true", "lock_now": "true"}, a.Options)
	assert.NotEmpty(t, a.Uses)
	on, err := lock.Action{}.Replay(events[:2])
	require.NoError(t, err)
	on, err = on.Replay(events[2:])
	require.NoError(t, err)
	assert.Equal(t, a, on, "in two parts")
}
