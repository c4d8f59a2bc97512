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

const returnedVector = lock.ID("019aaf42-77c0-7d15-a2b3-4c0e9f61d8a7")

// returnedVectorEvents are the life of a reset whose device made the PIN: what it said was kept, the PIN was taken for lost, and came. A lock
// of a device that talks while it is locked stands beside it.
func returnedVectorEvents() []lock.Event {
	at := func(second int) time.Time { return time.Date(2026, 11, 23, 14, 5, second, 75000000, time.UTC) }
	box := func(n int, name string) []lock.Secret {
		sum := sha256.Sum256([]byte("a box of " + name))
		return []lock.Secret{{N: n, Name: name, KeyID: "2026-11", SHA256: sum[:]}}
	}
	ada, device := lock.Actor{ID: "ada"}, lock.Actor{ID: "device"}
	phone := lock.Device{Scope: "acme", ID: "phone-2", Platform: "windows"}
	events := []lock.Event{
		{Type: lock.EventOrdered, Actor: ada, Order: &lock.Action{
			Kind: lock.KindResetPasscode, State: lock.StateQueued, Device: phone, Returns: true, NotAfter: at(0).Add(10 * time.Minute),
		}},
		{Type: lock.EventIssued, Actor: device, Delivery: 1},
		{Type: lock.EventSecretAdded, Actor: device, Secrets: box(1, "body")},
		{Type: lock.EventAcknowledged, Actor: device, Facts: map[string]string{"code": "200"}, Findings: []lock.Finding{
			{Code: "pin_lost", Level: lock.LevelWarn, Text: "No PIN came."}, {Code: "slow", Level: lock.LevelInfo, Text: "It took a while."},
		}},
		{Type: lock.EventSecretAdded, Actor: device, Secrets: box(2, lock.SecretPIN)},
		{Type: lock.EventOrdered, Actor: ada, Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateQueued, Device: phone, Holds: true, Talks: true, NotAfter: at(0).Add(30 * 24 * time.Hour),
		}},
	}
	for i := range events {
		e := &events[i]
		e.ID = lock.ID(fmt.Sprintf("019aaf42-77c0-7000-8000-%012d", i+1))
		e.Action, e.Seq, e.Time, e.Scope, e.Device = returnedVector, i+1, at(i), "acme", "phone-2"
		if i == 5 {
			e.Action, e.Seq = "019aaf42-77c0-7d15-a2b3-000000000001", 1
		}
	}
	return events
}

func TestVectorReplayReturned(t *testing.T) {
	lives := map[lock.ID][]lock.Event{}
	for i, v := range vectors(t) {
		id := vectorEvents()[i].Action
		lives[id] = append(lives[id], lock.Event{Body: []byte(v.Body), Prev: unhex(t, v.Prev), Hash: unhex(t, v.Hash)})
	}
	told, err := lock.Action{}.Replay(lives[returnedVector][:4])
	require.NoError(t, err)
	assert.Equal(t, []string{"pin_lost", "slow"}, codesOf(told.Findings))
	a, err := told.Replay(lives[returnedVector][4:])
	require.NoError(t, err)
	assert.True(t, a.Returns)
	assert.Equal(t, []string{"slow"}, codesOf(a.Findings), "the PIN came")
	assert.Len(t, a.Secrets, 2)
	lockOf, err := lock.Action{}.Replay(lives["019aaf42-77c0-7d15-a2b3-000000000001"])
	require.NoError(t, err)
	assert.True(t, lockOf.Talks)
}
