package storetest

import (
	"bytes"
	"context"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func commitCases() []testCase {
	return []testCase{
		{"an order comes back as it was stored", orderComesBack},
		{"an action comes back as it is after its last event", func(l *ledger) {
			a := l.went(l.ordered("mac-1"), lock.EventIssued)
			a = l.went(a, lock.EventAcknowledged, func(e *lock.Event) { e.Facts = map[string]string{"message_result": "Success"} })
			l.holds(a)
			equal(l, a, l.list(lock.Filter{})[0], false)
		}},
		{"an unknown action is not found", func(l *ledger) {
			l.ordered("mac-1")
			l.absent(lock.NewID(at(0)))
		}},
		{"nothing to commit", func(l *ledger) { assert.Empty(l, l.commit()) }},
		{"an ended context is an error", func(l *ledger) {
			ctx, cancel := context.WithCancel(l.Context())
			cancel()
			_, err := l.Store.Commit(ctx, []lock.Change{l.order("mac-1")})
			assert.ErrorIs(l, err, context.Canceled)
		}},
		{"changes of a batch are independent", independentChanges},
		{"a change is stored wholly or not at all", wholeChange},
		{"two actions move together", func(l *ledger) {
			a := l.went(l.ordered("mac-1"), lock.EventIssued)
			b := l.ordered("mac-2")
			c := join(l.next(a, lock.EventAcknowledged), l.next(b, lock.EventIssued), l.notice("mac-1"))
			l.must(c)
			l.holds(c.Actions[0])
			l.holds(c.Actions[1])
			l.dense(6)
		}},
		{"a notice stands alone", func(l *ledger) {
			c := l.notice("mac-1")
			l.must(c)
			feed := l.dense(1)
			assert.Equal(l, string(c.Events[0].Body), string(feed[0].Body))
			assert.Equal(l, c.Events[0].ID, feed[0].ID)
			assert.Empty(l, l.list(lock.Filter{}))
		}},
		{"only the boxes that an event names are written", namedBoxes},
		{"a purged secret has no box", func(l *ledger) {
			c := l.next(l.ordered("mac-1"), lock.EventPurged, sealing(lock.Secret{N: 1, Name: lock.SecretPIN}))
			l.must(c)
			l.holds(c.Actions[0])
			assert.Empty(l, l.list(lock.Filter{SealedBy: "key-1"}))
		}},
		{"a box is added and never overwritten", boxesStay},
		{"what a device returned comes back", returnedComesBack},
		{"values are not shared", unsharedValues},
		{"what was stored outlives the store", outlives},
	}
}

// The batch is not sorted by device, so a store that sorts it must put the errors back in their places.
func independentChanges(l *ledger) {
	taken := l.ordered("mac-5")
	bad := l.order("mac-2")
	bad.Events[0].Seq = 2
	batch := []lock.Change{l.order("mac-9"), l.order("mac-5"), l.order("mac-7"), bad, l.order("mac-1"), l.notice("mac-8")}
	errs := l.commit(batch...)
	var input *lock.InputError
	require.ErrorAs(l, errs[3], &input)
	require.ErrorIs(l, errs[1], lock.ErrConflict)
	for i, c := range batch {
		switch i {
		case 1, 3:
			l.absent(c.Actions[0].ID)
		case 5:
			require.NoError(l, errs[i])
		default:
			require.NoError(l, errs[i], "change %d", i)
			l.holds(c.Actions[0])
		}
	}
	l.holds(taken)
	l.dense(5)
}

// The second action is one event behind what is stored, so nothing of the first may stay: no row, box, event, key, lane or hint.
func wholeChange(l *ledger) {
	stale := l.ordered("mac-2")
	moved := l.went(stale, lock.EventIssued)
	first := l.ordered("mac-3")
	c := join(
		l.next(first, lock.EventResealed, sealing(secret(1, "key-2", "new box"))),
		l.order("mac-1"),
		l.next(stale, lock.EventCancelled),
		l.notice("mac-1"),
	)
	l.conflicts(keyed(c, "key"))
	l.holds(first)
	l.holds(moved)
	l.absent(c.Actions[1].ID)
	assert.Empty(l, l.list(lock.Filter{Scope: "acme", Key: "key"}))
	assert.Empty(l, l.list(lock.Filter{SealedBy: "key-2"}))
	l.dense(3)
	l.must(keyed(l.order("mac-1"), "key"))
	l.dense(4)
}

// A device makes the PIN: the order has no secret, and what it said comes in several, with what people must know of it.
func returnedComesBack(l *ledger) {
	a := l.ordered("phone-1", func(e *lock.Event) {
		e.Order.Kind, e.Order.Holds, e.Order.Returns, e.Order.Talks, e.Secrets = lock.KindResetPasscode, false, true, true, nil
	})
	l.holds(a)
	a = l.went(a, lock.EventIssued)
	first, more := secret(1, "key-1", "a message"), secret(2, "key-1", "the rest of it")
	first.Name, more.Name = "body", "body+"
	a = l.went(a, lock.EventSecretAdded, sealing(first, more))
	a = l.went(a, lock.EventAcknowledged, func(e *lock.Event) {
		e.Findings = []lock.Finding{{Code: "pin_lost", Level: lock.LevelWarn, Text: "<gone> \u2028"}, {Code: "slow", Level: lock.LevelInfo}}
	})
	l.holds(a)
	a = l.went(a, lock.EventSecretAdded, sealing(secret(3, "key-2", "the PIN")))
	assert.Len(l, a.Findings, 2, "those of the order and of the answer, without what is over")
	l.holds(a)
	assert.Len(l, l.list(lock.Filter{SealedBy: "key-2"}), 1)
	l.dense(5)
}

func namedBoxes(l *ledger) {
	a := l.ordered("mac-1")
	c := l.next(a, lock.EventSecretAdded, sealing(secret(2, "key-1", "second box")))
	want := c.Actions[0]
	c.Actions[0].Secrets = []lock.Secret{want.Secrets[0], want.Secrets[1]}
	c.Actions[0].Secrets[0].Box = []byte("not named by the event")
	l.must(c)
	want.Secrets[0].Box = a.Secrets[0].Box
	l.holds(want)

	resealed := l.went(want, lock.EventResealed, sealing(secret(1, "key-2", "first box, sealed again")))
	l.holds(resealed)
	assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{SealedBy: "key-1"})), "the second box")
	assert.Equal(l, []lock.ID{a.ID}, ids(l.list(lock.Filter{SealedBy: "key-2"})), "the first box")
	a = l.went(resealed, lock.EventResealed, sealing(secret(2, "key-2", "second box, sealed again")))
	assert.Empty(l, l.list(lock.Filter{SealedBy: "key-1"}))
	bare := a
	bare.Secrets = []lock.Secret{a.Secrets[0], a.Secrets[1]}
	bare.Secrets[0].Box, bare.Secrets[1].Box = nil, nil
	l.must(l.next(bare, lock.EventIssued))
	assert.Equal(l, string(a.Secrets[0].Box), string(l.get(a.ID).Secrets[0].Box), "a change that carries no boxes keeps them")
}

func unsharedValues(l *ledger) {
	c := l.order("mac-1", func(e *lock.Event) { e.Order.Facts = map[string]string{"a": "1"} })
	want, body := text(l, c.Actions[0]), string(c.Events[0].Body)
	l.must(c)
	spoil(c.Actions[0])
	clear(c.Events[0].Body)
	clear(c.Events[0].Hash)
	read := l.get(c.Actions[0].ID)
	assert.Equal(l, "box of mac-1", string(read.Secrets[0].Box))
	spoil(read)
	spoil(l.list(lock.Filter{})[0])
	event := l.events(lock.EventFilter{})[0]
	clear(event.Body)
	clear(event.Hash)
	assert.Equal(l, want, text(l, l.get(read.ID)))
	assert.Equal(l, "box of mac-1", string(l.get(read.ID).Secrets[0].Box))
	event = l.events(lock.EventFilter{})[0]
	assert.Equal(l, body, string(event.Body))
	assert.False(l, bytes.Equal(event.Hash, make([]byte, len(event.Hash))))
}

// spoil writes over everything that an action points to.
func spoil(a lock.Action) {
	clear(a.Head)
	clear(a.Findings)
	a.Facts["a"] = "spoilt"
	for _, s := range a.Secrets {
		clear(s.Box)
		clear(s.SHA256)
	}
	clear(a.Secrets)
}

func orderComesBack(l *ledger) {
	c := l.order("mac-1")
	l.must(c)
	l.holds(c.Actions[0])
	events := l.events(lock.EventFilter{Action: c.Actions[0].ID})
	require.Len(l, events, 1)
	want, got := c.Events[0], events[0]
	assert.Equal(l, string(want.Body), string(got.Body))
	assert.Equal(l, want.Prev, got.Prev)
	assert.Equal(l, want.Hash, got.Hash)
	assert.Equal(l, want.Action, got.Action, "decoded")
	assert.True(l, want.Time.Equal(got.Time), "decoded")
}

func outlives(l *ledger) {
	if l.Reopen == nil {
		l.Skip("this store does not outlive the process")
	}
	a := l.went(l.ordered("mac-1"), lock.EventIssued)
	feed := l.dense(2)
	reopened, err := l.Reopen()
	require.NoError(l, err)
	l = l.with(reopened)
	l.holds(a)
	assert.Equal(l, feed, l.dense(2))
	l.conflicts(l.order("mac-1"))
	l.holds(l.went(a, lock.EventAcknowledged))
}

// boxesStay commits what a fold refuses: events that bring a box under a number that is taken, or reseal one that is not there.
func boxesStay(l *ledger) {
	a := l.ordered("mac-1")
	disguised := func(recorded, folded lock.EventType, box lock.Secret) lock.Change {
		e := lock.Event{
			Action: a.ID, Seq: a.Version + 1, Type: recorded, Time: at(1), Scope: a.Device.Scope, Device: a.Device.ID, Secrets: []lock.Secret{box},
		}
		require.NoError(l, e.Seal(a.Head))
		told := e
		told.Type = folded
		after, err := a.Apply(told)
		require.NoError(l, err)
		return lock.Change{Actions: []lock.Action{after}, Events: []lock.Event{e}}
	}
	for _, c := range []lock.Change{
		disguised(lock.EventJoined, lock.EventResealed, secret(1, "key-2", "another box")),
		disguised(lock.EventResealed, lock.EventSecretAdded, secret(2, "key-2", "nothing to replace")),
	} {
		errs := l.commit(c)
		require.Len(l, errs, 1)
		require.ErrorIs(l, errs[0], lock.ErrConflict)
	}
	l.holds(a)
}
