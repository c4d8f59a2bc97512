package lock_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// situations are ways into every state, as the events after the order. A state that remembers whether it was issued has two.
var situations = map[string][]lock.EventType{
	"held":                  nil,
	"queued":                nil,
	"issued":                {lock.EventIssued},
	"confirmed":             {lock.EventIssued, lock.EventAcknowledged},
	"unconfirmed":           {lock.EventIssued, lock.EventLapsed},
	"refused":               {lock.EventIssued, lock.EventRefused},
	"cancelled":             {lock.EventCancelled},
	"cancelled once issued": {lock.EventIssued, lock.EventCancelled},
	"expired":               {lock.EventExpired},
	"released":              {lock.EventIssued, lock.EventAcknowledged, lock.EventReleased},
}

// lifecycle is the table of the design: event, situation, state afterwards. What is not in it is no transition. A wake-up is also due
// while a command waits, and to probe a device that is held: its outcome may change there too.
var lifecycle = map[lock.EventType]map[string]lock.State{
	lock.EventHeld:        {"held": "held"},
	lock.EventApproved:    {"held": "queued"},
	lock.EventRejected:    {"held": "cancelled"},
	lock.EventIssued:      {"queued": "issued"},
	lock.EventRedelivered: {"issued": "issued"},
	lock.EventNotNow:      {"issued": "issued"},
	lock.EventProgress:    {"issued": "issued", "unconfirmed": "unconfirmed", "cancelled once issued": "cancelled"},
	lock.EventWoken:       {"queued": "queued", "issued": "issued", "confirmed": "confirmed"},
	lock.EventAcknowledged: {
		"held": "confirmed", "queued": "confirmed", "issued": "confirmed", "confirmed": "confirmed", "unconfirmed": "confirmed",
		"refused": "confirmed", "cancelled": "confirmed", "cancelled once issued": "confirmed", "expired": "confirmed",
		"released": "released",
	},
	lock.EventRefused:   {"issued": "refused", "unconfirmed": "refused", "cancelled": "refused", "cancelled once issued": "refused"},
	lock.EventCancelled: {"held": "cancelled", "queued": "cancelled", "issued": "cancelled"},
	lock.EventExpired:   {"held": "expired", "queued": "expired"},
	lock.EventLapsed:    {"issued": "unconfirmed"},
	lock.EventReleased:  {"confirmed": "released", "unconfirmed": "released", "cancelled once issued": "released"},

	lock.EventJoined: stays(), lock.EventRevealed: stays(), lock.EventRevealRequested: stays(), lock.EventRevealApproved: stays(),
	lock.EventRevealRejected: stays(), lock.EventReturned: stays(), lock.EventFeedback: stays(), lock.EventSecretAdded: stays(), lock.EventResealed: stays(),
	lock.EventPurged: stays(), lock.EventReenrolled: stays(),

	lock.EventOrdered: {}, lock.EventDenied: {}, lock.EventAlarm: {}, "unheard-of": {},
}

func stays() map[string]lock.State {
	return map[string]lock.State{
		"held": "held", "queued": "queued", "issued": "issued", "confirmed": "confirmed", "unconfirmed": "unconfirmed", "refused": "refused",
		"cancelled": "cancelled", "cancelled once issued": "cancelled", "expired": "expired", "released": "released",
	}
}

// minute is a time of the machine's tests: the nth event happens in minute n.
func minute(n int) time.Time { return time.Date(2026, 3, 14, 9, n, 0, 0, time.UTC) }

// step applies one more event to an action.
func step(a lock.Action, t lock.EventType, edits ...func(*lock.Event)) (lock.Action, error) {
	e := lock.Event{Action: a.ID, Seq: a.Version + 1, Type: t, Time: minute(a.Version + 1), Actor: lock.Actor{ID: "ada"}}
	if t == lock.EventIssued || t == lock.EventRedelivered {
		e.Delivery = a.Deliveries + 1
	}
	for _, edit := range edits {
		edit(&e)
	}
	return a.Apply(e)
}

func stepped(t *testing.T, a lock.Action, types ...lock.EventType) lock.Action {
	t.Helper()
	for _, typ := range types {
		var err error
		a, err = step(a, typ)
		require.NoError(t, err)
	}
	return a
}

// ordered is a fresh action of that kind, held or queued.
func ordered(t *testing.T, kind lock.Kind, state lock.State, holds bool) lock.Action {
	t.Helper()
	a, err := step(lock.Action{}, lock.EventOrdered, func(e *lock.Event) {
		e.Action = "0190-a"
		e.Reason, e.Key = "stolen", "ticket-4711"
		e.Order = &lock.Action{Kind: kind, State: state, Device: mac(), Holds: holds}
	})
	require.NoError(t, err)
	return a
}

func inSituation(t *testing.T, name string, kind lock.Kind, holds bool) lock.Action {
	t.Helper()
	from := lock.StateQueued
	if name == "held" {
		from = lock.StateHeld
	}
	return stepped(t, ordered(t, kind, from, holds), situations[name]...)
}

func TestLifecycle(t *testing.T) {
	for event, row := range lifecycle {
		for situation := range situations {
			t.Run(fmt.Sprintf("%s when %s", event, situation), func(t *testing.T) {
				a := inSituation(t, situation, lock.KindLock, true)
				next, err := step(a, event)
				if want, possible := row[situation]; possible {
					require.NoError(t, err)
					assert.Equal(t, want, next.State)
					assert.Equal(t, a.Version+1, next.Version)
					return
				}
				var impossible *lock.TransitionError
				require.ErrorAs(t, err, &impossible)
				assert.Equal(t, lock.TransitionError{Action: a.ID, State: a.State, Event: event}, *impossible)
				assert.Equal(t, a, next, "an event that is refused must leave the action as it was")
			})
		}
	}
}

func TestFirstEvent(t *testing.T) {
	for name, c := range map[string]struct {
		event lock.EventType
		order *lock.Action
		ok    bool
	}{
		"queued lock":          {lock.EventOrdered, &lock.Action{Kind: lock.KindLock, State: lock.StateQueued}, true},
		"held lock":            {lock.EventOrdered, &lock.Action{Kind: lock.KindLock, State: lock.StateHeld}, true},
		"escrow is confirmed":  {lock.EventOrdered, &lock.Action{Kind: lock.KindEscrow, State: lock.StateConfirmed}, true},
		"lock as if confirmed": {lock.EventOrdered, &lock.Action{Kind: lock.KindLock, State: lock.StateConfirmed}, false},
		"issued at once":       {lock.EventOrdered, &lock.Action{Kind: lock.KindLock, State: lock.StateIssued}, false},
		"no order in it":       {lock.EventOrdered, nil, false},
		"another event":        {lock.EventIssued, &lock.Action{Kind: lock.KindLock, State: lock.StateQueued}, false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := step(lock.Action{}, c.event, func(e *lock.Event) { e.Action, e.Order = "0190-a", c.order })
			if c.ok {
				require.NoError(t, err)
				return
			}
			var impossible *lock.TransitionError
			require.ErrorAs(t, err, &impossible)
		})
	}
}

func TestEventMustFollow(t *testing.T) {
	a := ordered(t, lock.KindLock, lock.StateQueued, true)
	for name, edit := range map[string]func(*lock.Event){
		"number left out":  func(e *lock.Event) { e.Seq++ },
		"number repeated":  func(e *lock.Event) { e.Seq-- },
		"of other action":  func(e *lock.Event) { e.Action = "0190-b" },
		"notice":           func(e *lock.Event) { e.Action = "" },
		"number too large": func(e *lock.Event) { e.Seq = 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := step(a, lock.EventIssued, edit)
			assert.Equal(t, "event.seq", inputField(err))
		})
	}
}

func TestLanes(t *testing.T) {
	lanes := map[lock.Kind]string{
		lock.KindLock: "lock", lock.KindLostMode: "lock", lock.KindResetPasscode: "passcode", lock.KindClearPasscode: "passcode",
		lock.KindUnlock: "unlock", lock.KindProvisionToken: "secret",
	}
	for kind, lane := range lanes {
		for situation := range situations {
			for _, holds := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s %s holds=%v", situation, kind, holds), func(t *testing.T) {
					want := map[string]string{"held": "held/" + lane, "queued": lane, "issued": lane}[situation]
					if situation == "confirmed" && holds {
						want = lane
					}
					assert.Equal(t, want, inSituation(t, situation, kind, holds).Lane)
				})
			}
		}
	}
	t.Run("escrow has none", func(t *testing.T) {
		assert.Empty(t, ordered(t, lock.KindEscrow, lock.StateConfirmed, false).Lane)
	})
	t.Run("acknowledged into a taken lane", func(t *testing.T) {
		a, err := step(inSituation(t, "cancelled once issued", lock.KindLock, true), lock.EventAcknowledged,
			func(e *lock.Event) { e.NoLane = true })
		require.NoError(t, err)
		assert.Equal(t, lock.StateConfirmed, a.State)
		assert.Empty(t, a.Lane)
		revealed := stepped(t, a, lock.EventRevealed)
		assert.Empty(t, revealed.Lane, "what is not about the lane must not take it")
		assert.Equal(t, "lock", stepped(t, revealed, lock.EventAcknowledged).Lane, "once it is free, a further acknowledgement does")
	})
}

func TestMayBeOnDevice(t *testing.T) {
	want := map[string]bool{
		"issued": true, "confirmed": true, "unconfirmed": true, "cancelled once issued": true,
		"held": false, "queued": false, "refused": false, "cancelled": false, "expired": false, "released": false,
	}
	for situation := range situations {
		t.Run(situation, func(t *testing.T) {
			assert.Equal(t, want[situation], inSituation(t, situation, lock.KindLock, true).MayBeOnDevice())
		})
	}
	t.Run("acknowledged though never issued", func(t *testing.T) {
		assert.True(t, stepped(t, ordered(t, lock.KindLock, lock.StateQueued, true), lock.EventAcknowledged).MayBeOnDevice())
	})
	t.Run("acknowledged after a refusal", func(t *testing.T) {
		assert.True(t, stepped(t, inSituation(t, "refused", lock.KindLock, true), lock.EventAcknowledged).MayBeOnDevice())
	})
}
