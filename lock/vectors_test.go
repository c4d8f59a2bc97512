package lock_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// vector is one event of testdata/events.json: the bytes that were hashed, and the hash. What a released version wrote must verify, and
// be written the same, for ever: add vectors, and change none.
type vector struct {
	Name string `json:"name"`
	Prev string `json:"prev"` // hexadecimal
	Body string `json:"body"`
	Hash string `json:"hash"` // hexadecimal
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/events.json")
	require.NoError(t, err)
	var vs []vector
	require.NoError(t, json.Unmarshal(data, &vs))
	require.Len(t, vs, len(vectorEvents()))
	return vs
}

// vectorEvents are the events of the vectors as Go values: the whole life of one lock, a notice, a lock that keeps its PIN, one whose PIN
// was purged, what a second person decides, a reset that a provider delivers, and one whose PIN the device made. Together they use every field.
func vectorEvents() []lock.Event {
	const id = lock.ID("0195954d-8a75-7c3e-9d21-5f60b8e4a7c1")
	at := func(second int) time.Time { return time.Date(2026, 3, 14, 9, 26, second, 589793000, time.UTC) }
	sum := sha256.Sum256([]byte("a sealed box"))
	box := []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: "2026-03", SHA256: sum[:]}}
	device := lock.Actor{ID: "device"}
	ordered := &lock.Action{
		Kind: lock.KindLock, State: lock.StateQueued, Device: lock.Device{
			Scope: "acme", ID: "mac-1", Platform: "apple", Serial: "C02XK0AAJGH5", Name: "Ünal's <Mac>", User: "ü", Model: "Mac14,2",
		},
		Ticket: "4711", Message: "call \"us\" & <run> \u2028", PhoneNumber: "+49 30 1", Supplied: true, Forced: true, Batch: "b1", Holds: true,
		Findings: []lock.Finding{{Code: "model_unknown", Level: lock.LevelBlock, Text: "unknown", Forceable: true, Field: "device"}},
		NotAfter: at(0).Add(30 * 24 * time.Hour),
	}
	events := []lock.Event{
		{
			Type: lock.EventOrdered, Actor: lock.Actor{ID: "ada", Name: "Ada", Address: "192.0.2.7"}, Reason: "stolen", Key: "ticket-4711",
			Secrets: box, Order: ordered,
		},
		{Type: lock.EventJoined, Actor: lock.Actor{ID: "bob"}, Reason: "also stolen", Key: "ticket-4712"},
		{Type: lock.EventWoken, Actor: lock.Actor{ID: "system"}, Facts: map[string]string{"outcome": "sent"}},
		{Type: lock.EventIssued, Actor: device, Delivery: 1},
		{Type: lock.EventLapsed, Actor: lock.Actor{ID: "system"}, Reason: "its deadline passed without an answer"},
		{Type: lock.EventAcknowledged, Actor: device, NoLane: true, Facts: map[string]string{"message_result": "Success", "a": "first"}},
		{Type: lock.EventRevealed, Actor: lock.Actor{ID: "ada"}, Reason: "owner verified", Secret: 1},
		{Type: lock.EventReleased, Actor: device, Evidence: lock.EvidencePoll, Other: "0195954d-8a75-7c3e-9d21-000000000000"},
	}
	for i := range events {
		e := &events[i]
		e.ID = lock.ID(fmt.Sprintf("0195954d-8a75-7000-8000-%012d", i+1))
		e.Action, e.Seq, e.Time, e.Scope, e.Device = id, i+1, at(i), "acme", "mac-1"
	}
	events = append(events, lock.Event{
		ID: "0195954d-8a76-7000-8000-000000000001", Type: lock.EventDenied, Time: at(59), Scope: "acme", Device: "mac-1",
		Actor: lock.Actor{ID: "mallory"}, Reason: "no right to reveal", Facts: map[string]string{"verb": "reveal"},
	})
	return slices.Concat(events, keptVectorEvents(), purgedVectorEvents(), heldVectorEvents(), sentVectorEvents(), returnedVectorEvents())
}

// purgedVectorEvents are the life of a lock that never left, until its PIN was purged, and the notices about that.
func purgedVectorEvents() []lock.Event {
	const id = lock.ID("019603ad-5d31-7f42-b0c6-20d9a7e4c813")
	at := func(second int) time.Time { return time.Date(2027, 4, 2, 3, 4, second, 123456000, time.UTC) }
	sum := sha256.Sum256([]byte("a box to be purged"))
	ada, run := lock.Actor{ID: "ada"}, lock.ID("0195b26f-1c3b-7000-9000-000000000000")
	events := []lock.Event{
		{Type: lock.EventOrdered, Actor: ada, Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: "2026-04", SHA256: sum[:]}}, Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateQueued, Device: lock.Device{Scope: "acme", ID: "mac-1", Platform: "apple"}, NotAfter: at(1),
		}},
		{Type: lock.EventExpired, Actor: lock.Actor{ID: "system"}, Reason: "its deadline passed before it left"},
		{
			Type: lock.EventPurged, Actor: ada, Reason: "kept for a year", Facts: map[string]string{"run": string(run)},
			Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN}},
		},
		{Type: lock.EventHoldPlaced, Actor: ada, Reason: "case 4711", Facts: map[string]string{"serial": "C02XK0AAJGH5"}},
		{Type: lock.EventHoldLifted, Actor: ada, Reason: "case closed", Facts: map[string]string{"serial": "C02XK0AAJGH5"}},
		{Type: lock.EventPurge, Actor: ada, Reason: "kept for a year", Facts: map[string]string{
			"phase": "ended", "run": string(run), "before": "2026-04-02T03:04:00Z", "purged": "1", "may_be_on_device": "2",
		}},
	}
	for i := range events {
		e := &events[i]
		e.ID, e.Time, e.Scope = lock.ID(fmt.Sprintf("0195b26f-1c3b-7000-9000-%012d", i+1)), at(i), "acme"
		if i < 3 {
			e.Action, e.Seq = id, i+1
		}
		if i < 5 {
			e.Device = "mac-1"
		}
	}
	return events
}

func keptVectorEvents() []lock.Event {
	const id = lock.ID("0195b26f-1c3b-7d0e-8a11-6b1f0e5d9c22")
	at := func(second int) time.Time { return time.Date(2026, 3, 20, 7, 8, second, 9000, time.UTC) }
	box := func(key string) []lock.Secret {
		sum := sha256.Sum256([]byte("a box sealed by " + key))
		return []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: key, SHA256: sum[:]}}
	}
	ada := lock.Actor{ID: "ada"}
	events := []lock.Event{
		{Type: lock.EventOrdered, Actor: ada, Secrets: box("2026-03"), Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateQueued, Device: lock.Device{Scope: "acme", ID: "mac-1", Platform: "apple"},
			Kept: "0195954d-8a75-7c3e-9d21-5f60b8e4a7c1", PINMade: time.Date(2026, 3, 14, 9, 26, 0, 589793000, time.UTC),
			Reuse: "the owner cannot be reached", Holds: true, NotAfter: at(0).Add(30 * 24 * time.Hour),
		}},
		{Type: lock.EventFeedback, Actor: ada, Reason: "typed twice", Facts: map[string]string{"outcome": "wrong-pin"}},
		{Type: lock.EventResealed, Actor: lock.Actor{ID: "admin"}, Facts: map[string]string{"from_key": "2026-03"}, Secrets: box("2026-04")},
		{Type: lock.EventReenrolled, Actor: lock.Actor{ID: "device"}},
	}
	for i := range events {
		e := &events[i]
		e.ID = lock.ID(fmt.Sprintf("0195b26f-1c3b-7000-8000-%012d", i+1))
		e.Action, e.Seq, e.Time, e.Scope, e.Device = id, i+1, at(i), "acme", "mac-1"
	}
	return events
}

// TestVectorHashes computes the hashes with nothing but crypto/sha256.
func TestVectorHashes(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			prev, err := hex.DecodeString(v.Prev)
			require.NoError(t, err)
			sum := sha256.Sum256([]byte("latchkey event v1\n" + string(prev) + v.Body))
			assert.Equal(t, v.Hash, hex.EncodeToString(sum[:]))
		})
	}
}

// TestVectorChain says what Prev is: the hash of the event before, and zeros for a first event and for a notice.
func TestVectorChain(t *testing.T) {
	zeros := strings.Repeat("00", sha256.Size)
	prev := zeros
	for i, v := range vectors(t) {
		if vectorEvents()[i].Seq <= 1 {
			prev = zeros
		}
		assert.Equal(t, prev, v.Prev, v.Name)
		prev = v.Hash
	}
}

// TestVectorBodies writes the events again: the same bytes must come out.
func TestVectorBodies(t *testing.T) {
	var prev []byte
	for i, v := range vectors(t) {
		e := vectorEvents()[i]
		t.Run(v.Name, func(t *testing.T) {
			if e.Seq <= 1 {
				prev = nil
			}
			require.NoError(t, e.Seal(prev))
			assert.Equal(t, v.Body, string(e.Body))
			assert.Equal(t, v.Hash, hex.EncodeToString(e.Hash))
			prev = e.Hash
		})
	}
}

// TestVectorDecode reads the bodies: the same events must come out.
func TestVectorDecode(t *testing.T) {
	for i, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			got := lock.Event{Body: []byte(v.Body)}
			require.NoError(t, got.Decode())
			want := vectorEvents()[i]
			want.Body = got.Body
			assert.Equal(t, want, got)
		})
	}
}

func TestVectorReplay(t *testing.T) {
	lives := map[lock.ID][]lock.Event{}
	for i, v := range vectors(t) {
		id := vectorEvents()[i].Action
		lives[id] = append(lives[id], lock.Event{Body: []byte(v.Body), Prev: unhex(t, v.Prev), Hash: unhex(t, v.Hash)})
	}
	kept, err := lock.Action{}.Replay(lives["0195b26f-1c3b-7d0e-8a11-6b1f0e5d9c22"])
	require.NoError(t, err)
	assert.Equal(t, "2026-04", kept.Secrets[0].KeyID)
	assert.Equal(t, lock.FeedbackWrongPIN, kept.Feedback)
	assert.Equal(t, kept.FeedbackAt.Add(2*time.Second), kept.Reenrolled)

	purged, err := lock.Action{}.Replay(lives["019603ad-5d31-7f42-b0c6-20d9a7e4c813"])
	require.NoError(t, err)
	assert.Equal(t, []lock.Secret{{N: 1, Name: lock.SecretPIN}}, purged.Secrets)
	assert.True(t, purged.Secrets[0].Purged())

	a, err := lock.Action{}.Replay(lives[kept.Kept])
	require.NoError(t, err)
	assert.Equal(t, lock.StateReleased, a.State)
	assert.Equal(t, 8, a.Version)
	assert.Equal(t, "ticket-4711", a.Key)
	assert.Equal(t, 1, a.Disclosures)
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}
