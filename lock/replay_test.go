package lock_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// lived is an action that went through a whole life, with its events.
func lived(t *testing.T, f *locktest.Fixture) (lock.Action, []lock.Event) {
	t.Helper()
	a := f.Lock(mac(), withKey("k1"))
	f.Lock(mac())
	f.Deliver(mac())
	f.Answer(a, lock.Acknowledged)
	f.PIN(a.ID)
	f.Clock.Advance(time.Hour)
	seen(t, f, lock.EvidencePoll)
	events := eventsOf(t, f, a.ID)
	require.Equal(t, []lock.EventType{
		lock.EventOrdered, lock.EventJoined, lock.EventIssued, lock.EventAcknowledged, lock.EventRevealed, lock.EventReleased,
	}, typesOf(events))
	return f.Get(a.ID), events
}

func TestReplayEqualsStored(t *testing.T) {
	f := newFixture(t)
	a, _ := lived(t, f)
	requireReplay(t, f.Store, a.ID)
}

// TestReplayNamesTheBadEvent damages a good chain in every way and place.
func TestReplayNamesTheBadEvent(t *testing.T) {
	f := newFixture(t)
	a, events := lived(t, f)
	forged := func(i int) lock.Event { // consistent in itself, and put in by somebody who cannot change what follows
		e := events[i]
		e.Reason = "forged"
		require.NoError(t, e.Seal(e.Prev))
		return e
	}
	for name, damage := range map[string]func(i int) (chain []lock.Event, bad int){
		"body changed": func(i int) ([]lock.Event, int) {
			c := slices.Clone(events)
			c[i].Body = []byte(strings.Replace(string(c[i].Body), `"scope":"acme"`, `"scope":"evil"`, 1))
			return c, i
		},
		"body and hash changed": func(i int) ([]lock.Event, int) {
			c := slices.Clone(events)
			c[i] = forged(i)
			return c, i + 1
		},
		"removed": func(i int) ([]lock.Event, int) {
			return slices.Delete(slices.Clone(events), i, i+1), i
		},
		"inserted": func(i int) ([]lock.Event, int) {
			return slices.Insert(slices.Clone(events), i, forged(i)), i + 1
		},
		"repeated": func(i int) ([]lock.Event, int) {
			return slices.Insert(slices.Clone(events), i, events[i]), i + 1
		},
		"changed places": func(i int) ([]lock.Event, int) {
			c := slices.Clone(events)
			c[i], c[i+1] = c[i+1], c[i]
			return c, i
		},
	} {
		for i := range len(events) - 1 { // of the last, nothing follows that could show: the stored Head does, see below
			t.Run(fmt.Sprintf("event %d %s", i+1, name), func(t *testing.T) {
				chain, bad := damage(i)
				_, err := lock.Action{}.Replay(chain)
				require.ErrorContains(t, err, fmt.Sprintf("event %d of action", bad+1))
				require.ErrorContains(t, err, string(a.ID))
			})
		}
	}
}

func TestReplayOfCutChain(t *testing.T) {
	f := newFixture(t)
	a, events := lived(t, f)
	cut, err := lock.Action{}.Replay(events[:len(events)-1])
	require.NoError(t, err)
	assert.NotEqual(t, a.Head, cut.Head, "the end of a chain is proven by the action's Head")
}

func TestReplayOfImpossibleLife(t *testing.T) {
	f := newFixture(t)
	a := f.Lock(mac())
	events := eventsOf(t, f, a.ID)
	e := lock.Event{Action: a.ID, Seq: 2, Type: lock.EventReleased, Time: a.Created, Scope: "acme", Device: "mac-1"}
	require.NoError(t, e.Seal(events[0].Hash))
	_, err := lock.Action{}.Replay(append(events, e))
	var impossible *lock.TransitionError
	require.ErrorAs(t, err, &impossible, "a chain that verifies may still tell what cannot have happened")
	assert.ErrorContains(t, err, "event 2 of action")
}

func TestDecodeLimits(t *testing.T) {
	for name, body := range map[string]string{
		"too large":    `{"type":"joined","reason":"` + strings.Repeat("x", 256<<10) + `"}`,
		"not JSON":     `{"type":`,
		"wrong type":   `{"type":7}`,
		"not a object": `[]`,
		"too deep":     strings.Repeat("[", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			e := lock.Event{Body: []byte(body), Position: 7, Type: lock.EventJoined}
			err := e.Decode()
			require.ErrorContains(t, err, "event at position 7")
			assert.Equal(t, lock.EventJoined, e.Type, "an event that does not decode stays as it was")
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range vectorEvents() {
		require.NoError(f, e.Seal(nil))
		f.Add(e.Body)
	}
	f.Add([]byte(`{"order":{"facts":{"a":"b"}},"time":"2026-03-14T09:26:53Z"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := lock.Event{Body: body}
		if e.Decode() != nil {
			return
		}
		again := lock.Event{}
		encoded, err := json.Marshal(e)
		require.NoError(t, err)
		again.Body = encoded
		if len(encoded) <= 256<<10 {
			require.NoError(t, again.Decode(), "what was read must be readable when it is written")
		}
		_, _ = lock.Action{}.Replay([]lock.Event{e})
	})
}
