package sqlite_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/lock"
	memory "github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// writer draws changes: new ones, ones that follow others, stale ones, repeated ones and such as must conflict.
type writer struct {
	*rapid.T
	tb      testing.TB
	made    []lock.Change
	actions []lock.Action // every state that an action was ever drawn in, stored or not
}

func (w *writer) batch() []lock.Change {
	size := rapid.OneOf(rapid.IntRange(1, 12), rapid.IntRange(1, 12), rapid.IntRange(60, 140)).Draw(w.T, "size")
	batch := make([]lock.Change, size)
	for i := range batch {
		batch[i] = w.change()
		w.made = append(w.made, batch[i])
		for _, a := range batch[i].Actions {
			if len(batch[i].Events) > 0 {
				w.actions = append(w.actions, a)
			}
		}
	}
	return batch
}

func (w *writer) change() lock.Change {
	kinds := []func() lock.Change{w.order, w.order, w.order, w.order, w.notice}
	if len(w.actions) > 0 {
		kinds = append(kinds, w.next, w.next, w.next, w.handOver, w.secret, w.hint, w.repeat, w.malformed)
	}
	return rapid.SampledFrom(kinds).Draw(w.T, "kind")()
}

func (w *writer) device() string {
	return fmt.Sprint("mac-", rapid.OneOf(rapid.IntRange(0, 3), rapid.IntRange(0, 1000)).Draw(w.T, "device"))
}

// keyed gives half of the changes an idempotency key.
func (w *writer) keyed(c lock.Change) lock.Change {
	c.Key = rapid.SampledFrom([]string{"", "", "", "a", "b", fmt.Sprint("batch/", len(w.made))}).Draw(w.T, "key")
	return c
}

func (w *writer) order() lock.Change { return w.keyed(storetest.Order(w.tb, w.device())) }

func (w *writer) notice() lock.Change { return storetest.Notice(w.tb, w.device()) }

func (w *writer) action() lock.Action { return rapid.SampledFrom(w.actions).Draw(w.T, "action") }

// follow is the change that takes the action one event further, and an order when its state does not allow the event.
func (w *writer) follow(a lock.Action, e lock.Event) lock.Change {
	e.Action, e.Seq, e.Time, e.Scope, e.Device = a.ID, a.Version+1, a.Changed.Add(time.Second), a.Device.Scope, a.Device.ID
	e.ID = lock.NewID(e.Time)
	require.NoError(w, e.Seal(a.Head))
	after, err := a.Apply(e)
	if err != nil {
		return w.order()
	}
	return lock.Change{Actions: []lock.Action{after}, Events: []lock.Event{e}}
}

func (w *writer) next() lock.Change {
	a := w.action()
	types := []lock.EventType{lock.EventIssued, lock.EventCancelled, lock.EventAcknowledged, lock.EventExpired, lock.EventJoined}
	e := lock.Event{Type: rapid.SampledFrom(types).Draw(w.T, "type")}
	if e.Type == lock.EventIssued {
		e.Delivery = a.Deliveries + 1
	}
	return w.keyed(w.follow(a, e))
}

// handOver ends one action and orders another for the same device, in one change with a notice.
func (w *writer) handOver() lock.Change {
	a := w.action()
	c := w.follow(a, lock.Event{Type: lock.EventCancelled})
	if len(c.Actions) == 0 || c.Actions[0].Version == 1 {
		return c
	}
	next, notice := storetest.Order(w.tb, a.Device.ID), w.notice()
	c.Actions = append(c.Actions, next.Actions...)
	c.Events = append(append(c.Events, next.Events...), notice.Events...)
	return w.keyed(c)
}

// secret adds a secret, or seals the first anew.
func (w *writer) secret() lock.Change {
	a := w.action()
	e, n := lock.Event{Type: lock.EventSecretAdded}, len(a.Secrets)+1
	if rapid.Bool().Draw(w.T, "reseal") {
		e.Type, n = lock.EventResealed, 1
	}
	box := []byte(fmt.Sprint("box ", len(w.made)))
	sum := sha256.Sum256(box)
	e.Secrets = []lock.Secret{{N: n, Name: lock.SecretPIN, KeyID: "other", SHA256: sum[:], Box: box}}
	return w.follow(a, e)
}

func (w *writer) hint() lock.Change {
	a := w.action()
	a.Due, a.Wake = time.UnixMicro(int64(len(w.made))).UTC(), len(w.made)
	return lock.Change{Actions: []lock.Action{a}}
}

func (w *writer) repeat() lock.Change { return rapid.SampledFrom(w.made).Draw(w.T, "repeated") }

func (w *writer) malformed() lock.Change { return lock.Change{Key: "no action"} }

// A batch has the same outcome on SQLite, where what can be is written as a set, as in memory, where changes are applied one by one.
func TestBatchesAreAsInMemory(t *testing.T) {
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(r *rapid.T) {
		files++
		o, m := migrated(t, filepath.Join(dir, fmt.Sprint(files, ".db"))), memory.NewMemory()
		defer o.close()
		w := &writer{T: r, tb: t}
		for range rapid.IntRange(1, 4).Draw(r, "batches") {
			batch := w.batch()
			got, err := o.Commit(t.Context(), batch)
			require.NoError(r, err)
			want, err := m.Commit(t.Context(), batch)
			require.NoError(r, err)
			require.Equal(r, want, got)
		}
		require.Equal(r, state(r, m), state(r, o))
	})
}

// state is all that a ledger shows, a line each.
func state(r *rapid.T, s lock.Store) (lines []string) {
	describe := func(what string, listed []lock.Action) (last lock.ID) {
		for _, a := range listed {
			last = a.ID
			a, err := s.Get(r.Context(), a.ID)
			require.NoError(r, err)
			data, err := json.Marshal(a)
			require.NoError(r, err)
			lines = append(lines, fmt.Sprintf("%s %s due %s wake %d", what, data, a.Due, a.Wake))
			for _, secret := range a.Secrets {
				lines = append(lines, fmt.Sprintf("box %d: %s", secret.N, secret.Box))
			}
		}
		return last
	}
	for f := (lock.Filter{Limit: 1000}); ; {
		page, err := s.List(r.Context(), f)
		require.NoError(r, err)
		if f.Before = describe("action", page); len(page) == 0 {
			break
		}
	}
	for _, key := range []string{"a", "b"} {
		led, err := s.List(r.Context(), lock.Filter{Key: key})
		require.NoError(r, err)
		describe("key "+key, led)
	}
	for f := (lock.EventFilter{Limit: 1000}); ; {
		page, err := s.Events(r.Context(), f)
		require.NoError(r, err)
		if len(page) == 0 {
			return lines
		}
		for _, e := range page {
			lines = append(lines, fmt.Sprintf("%d: %s %d %x", e.Position, e.Action, e.Seq, e.Hash))
		}
		f.From += int64(len(page))
	}
}
