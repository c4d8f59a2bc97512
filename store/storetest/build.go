package storetest

import (
	"crypto/sha256"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// at is a time of the suite's own, by minutes. It has microseconds, so that a store which drops them shows.
func at(minutes int) time.Time {
	return time.Date(2026, 3, 14, 9, 26, 53, 589793000, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

func device(id string) lock.Device {
	return lock.Device{Scope: "acme", ID: id, Platform: "apple", Serial: "serial of " + id, Name: "Ünal's Mac", User: "ü", Model: "Mac14,2"}
}

// order is a change that inserts a queued lock with a sealed PIN. Edits change its first event, and the order in it, before it is sealed.
func (l *ledger) order(id string, edits ...func(*lock.Event)) lock.Change {
	l.Helper()
	e := lock.Event{
		Seq: 1, Type: lock.EventOrdered, Time: at(0), Actor: lock.Actor{ID: "ada", Name: "Ada", Address: "192.0.2.7"}, Reason: "stolen",
		Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateQueued, Device: device(id), Holds: true, Message: "<lost> & \"found\" \u2028", Ticket: "4711",
			Findings: []lock.Finding{{Code: "model_unknown", Level: lock.LevelWarn, Text: "unknown"}}, NotAfter: at(1000),
		},
		Secrets: []lock.Secret{secret(1, "key-1", "box of "+id)},
	}
	for _, edit := range edits {
		edit(&e)
	}
	if e.Action == "" {
		e.Action = lock.NewID(e.Time)
	}
	e.Scope, e.Device = e.Order.Device.Scope, e.Order.Device.ID
	c := l.step(lock.Action{}, e)
	c.Actions[0].Due, c.Actions[0].Wake = e.Time.Add(time.Second), 1
	return c
}

// ordered commits an order and returns its action.
func (l *ledger) ordered(id string, edits ...func(*lock.Event)) lock.Action {
	l.Helper()
	c := l.order(id, edits...)
	l.must(c)
	return c.Actions[0]
}

// next is a change that takes the action one event further. Edits change the event before it is sealed.
func (l *ledger) next(a lock.Action, t lock.EventType, edits ...func(*lock.Event)) lock.Change {
	l.Helper()
	e := lock.Event{
		ID: lock.NewID(a.Changed), Action: a.ID, Seq: a.Version + 1, Type: t, Time: a.Changed.Add(time.Second), Scope: a.Device.Scope, Device: a.Device.ID,
		Actor: lock.Actor{ID: "system"},
	}
	if t == lock.EventIssued || t == lock.EventRedelivered {
		e.Delivery = a.Deliveries + 1
	}
	for _, edit := range edits {
		edit(&e)
	}
	return l.step(a, e)
}

// went commits the next event of the action and returns the action as it is then.
func (l *ledger) went(a lock.Action, t lock.EventType, edits ...func(*lock.Event)) lock.Action {
	l.Helper()
	c := l.next(a, t, edits...)
	l.must(c)
	return c.Actions[0]
}

func (l *ledger) step(a lock.Action, e lock.Event) lock.Change {
	l.Helper()
	require.NoError(l, e.Seal(a.Head))
	after, err := a.Apply(e)
	require.NoError(l, err)
	return lock.Change{Actions: []lock.Action{after}, Events: []lock.Event{e}}
}

// notice is a change that records an event of no action.
func (l *ledger) notice(id string) lock.Change {
	l.Helper()
	e := lock.Event{
		ID: lock.NewID(at(0)), Type: lock.EventDenied, Time: at(0), Scope: "acme", Device: id, Actor: lock.Actor{ID: "mallory"}, Reason: "no right",
	}
	require.NoError(l, e.Seal(nil))
	return lock.Change{Events: []lock.Event{e}}
}

// join makes one change of several, in their order: actions first, then notices.
func join(changes ...lock.Change) lock.Change {
	var whole lock.Change
	var notices []lock.Event
	for _, c := range changes {
		whole.Actions = append(whole.Actions, c.Actions...)
		whole.Events = append(whole.Events, c.Events[:len(c.Actions)]...)
		notices = append(notices, c.Events[len(c.Actions):]...)
	}
	whole.Events = append(whole.Events, notices...)
	return whole
}

// keyed gives a change an idempotency key.
func keyed(c lock.Change, key string) lock.Change {
	c.Key = key
	return c
}

func secret(n int, keyID, box string) lock.Secret {
	sum := sha256.Sum256([]byte(box))
	return lock.Secret{N: n, Name: lock.SecretPIN, KeyID: keyID, SHA256: sum[:], Box: []byte(box)}
}

// chainHash is the hash of an event's bytes.
func chainHash(prev, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte("latchkey event v1\n"))
	h.Write(prev)
	h.Write(body)
	return h.Sum(nil)
}

func when(minutes int) func(*lock.Event) { return func(e *lock.Event) { e.Time = at(minutes) } }

func otherScope(e *lock.Event) { e.Order.Device.Scope = "other" }

func held(e *lock.Event) { e.Order.State = lock.StateHeld }

func noLane(e *lock.Event) { e.NoLane = true }

func sealing(secrets ...lock.Secret) func(*lock.Event) {
	return func(e *lock.Event) { e.Secrets = secrets }
}
