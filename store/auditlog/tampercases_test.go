package auditlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// tampering is one way to tamper. It returns how Verify must name it.
type tampering struct {
	name    string
	hidden  bool // it shows only with a checkpoint that was kept outside: without, Verify must find nothing
	outside bool // Verify is given the checkpoints that were kept outside
	tamper  func(t *testing.T, l *ledger) finding
	signed  func(l *ledger) int64 // what must be proven, where that is not what proven says
}

// proven is what a finding must say is proven: of the log and of what the events name, all that was signed; else what comes before it, unless
// nothing but two checkpoints and no place is known.
func (c tampering) proven(l *ledger, want finding) int64 {
	switch {
	case c.signed != nil:
		return c.signed(l)
	case want.what == auditlog.TamperedCheckpoint:
		return l.size
	case want.what == auditlog.TamperedAction, want.what == auditlog.TamperedSecret, want.what == auditlog.TamperedListing:
		return 0
	}
	return min(want.position, l.size)
}

// at is the position that most of them are about: an acknowledgement, between the checkpoints of sizes 90 and 120.
const at = 101

func cases() []tampering {
	return slices.Concat(eventCases(), orderCases(), endCases(), ledgerCases(), listingCases(), logCases(), junkCases())
}

// on is a tampering with the events.
func on(want finding, change func(t *testing.T, events []lock.Event) []lock.Event) func(*testing.T, *ledger) finding {
	return func(t *testing.T, l *ledger) finding {
		t.Helper()
		l.setEvents(change(t, slices.Clone(l.events)))
		return want
	}
}

func exactly(what auditlog.What, position int64) finding {
	return finding{what, position, position + 1}
}

func eventCases() []tampering {
	return []tampering{
		{name: "body changed", tamper: on(exactly(auditlog.Changed, at), func(t *testing.T, events []lock.Event) []lock.Event {
			hash := events[at].Hash
			edit(t, &events[at])
			events[at].Hash = hash
			return events
		})},
		{name: "body changed with its hash", tamper: on(exactly(auditlog.Changed, at), func(t *testing.T, events []lock.Event) []lock.Event {
			edit(t, &events[at])
			return events
		})},
		{name: "body changed with the whole chain", tamper: on(exactly(auditlog.Changed, at-2), func(t *testing.T, events []lock.Event) []lock.Event {
			rechain(t, events, at-2)
			return events
		})},
		{name: "body changed with chain and tiles", tamper: func(t *testing.T, l *ledger) finding {
			events := slices.Clone(l.events)
			rechain(t, events, at)
			l.setEvents(events)
			l.retile(t)
			from, upto := l.between(at)
			return finding{auditlog.Changed, from, upto}
		}},
		{name: "an order changed with its hash", tamper: on(exactly(auditlog.Changed, 99), func(t *testing.T, events []lock.Event) []lock.Event {
			edit(t, &events[99]) // the delivery behind it then names another
			return events
		})},
		{name: "an order changed with its hash and tiles", tamper: func(t *testing.T, l *ledger) finding {
			events := slices.Clone(l.events)
			edit(t, &events[99])
			l.setEvents(events)
			l.retile(t)
			return finding{auditlog.Changed, 90, 101}
		}},
		{name: "prev changed", tamper: on(exactly(auditlog.Changed, at), func(_ *testing.T, events []lock.Event) []lock.Event {
			events[at].Prev = make([]byte, 32)
			return events
		})},
		{name: "not yet signed: body changed", tamper: func(_ *testing.T, l *ledger) finding {
			events := slices.Clone(l.events)
			events[l.size].Body = append([]byte(" "), events[l.size].Body...)
			l.setEvents(events)
			return exactly(auditlog.Changed, l.size)
		}},
	}
}

func orderCases() []tampering {
	return []tampering{
		{name: "deleted", tamper: on(exactly(auditlog.Removed, at), func(_ *testing.T, events []lock.Event) []lock.Event {
			return slices.Delete(events, at, at+1)
		})},
		{name: "deleted, and the rest moved up", tamper: on(exactly(auditlog.Removed, at), func(_ *testing.T, events []lock.Event) []lock.Event {
			return renumber(slices.Delete(events, at, at+1))
		})},
		{name: "three deleted, and the rest moved up", tamper: on(finding{auditlog.Removed, at, at + 3}, func(_ *testing.T, events []lock.Event) []lock.Event {
			return renumber(slices.Delete(events, at, at+3))
		})},
		{name: "inserted in the middle", tamper: on(exactly(auditlog.Inserted, at), func(t *testing.T, events []lock.Event) []lock.Event {
			return renumber(slices.Insert(events, at, forgedNotice(t)))
		})},
		{name: "two changed places", tamper: on(exactly(auditlog.Reordered, at), func(_ *testing.T, events []lock.Event) []lock.Event {
			events[at], events[at+7] = events[at+7], events[at]
			return renumber(events)
		})},
		{name: "the first deleted", tamper: on(exactly(auditlog.Removed, 0), func(_ *testing.T, events []lock.Event) []lock.Event {
			return renumber(events[1:])
		})},
		// This is what signing is for: before that, whoever writes the database writes history.
		{name: "appended behind the checkpoint, which nobody can tell", outside: true,
			tamper: on(finding{}, func(t *testing.T, events []lock.Event) []lock.Event {
				return renumber(append(events, forgedNotice(t)))
			})},
	}
}

func endCases() []tampering {
	return []tampering{
		{name: "cut off", tamper: func(_ *testing.T, l *ledger) finding {
			l.setEvents(l.events[:at])
			return finding{auditlog.CutOff, at, l.size}
		}},
		{name: "cut off with its checkpoints", tamper: func(_ *testing.T, l *ledger) finding {
			l.setEvents(l.events[:at])
			l.exec("DELETE FROM log_checkpoints WHERE size > ?1", int64(at))
			l.exec("DELETE FROM log_tiles")
			return finding{auditlog.CutOff, at, l.size}
		}, outside: true, signed: func(l *ledger) int64 { return l.sizes[2] }},
		{name: "an older backup restored", hidden: true, tamper: func(_ *testing.T, l *ledger) finding {
			l.restore("older")
			return finding{auditlog.CutOff, int64(devices / 2 * byDevice), l.size}
		}, signed: func(l *ledger) int64 { return l.older }},
		{name: "an older backup restored, which then went on", hidden: true, tamper: func(t *testing.T, l *ledger) finding {
			l.restore("older")
			require.NoError(t, l.log().Integrate(t.Context())) // over events that both histories have
			f := locktest.New(t, l.store)
			for range 300 {
				f.Lock(locktest.Device("another"))
			}
			require.NoError(t, l.log().Integrate(t.Context()))
			from := l.older // the last that both histories share
			_, upto := l.between(from)
			return finding{auditlog.Changed, from, upto}
		}},
	}
}

func ledgerCases() []tampering {
	return []tampering{
		{name: "box swapped", tamper: func(_ *testing.T, l *ledger) finding {
			l.setBox(5, l.get(l.actions[6].ID))
			return exactly(auditlog.TamperedSecret, l.last(5))
		}},
		{name: "box missing", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE secrets SET box = ?1 WHERE action = ?2", []byte{}, string(l.actions[5].ID))
			return exactly(auditlog.TamperedSecret, l.last(5))
		}},
		{name: "box rolled back", tamper: func(_ *testing.T, l *ledger) finding {
			l.setBox(5, l.actions[5])
			return exactly(auditlog.TamperedSecret, l.last(5))
		}},
		{name: "box and action rolled back", tamper: func(t *testing.T, l *ledger) finding {
			l.setBox(5, l.actions[5])
			l.setAction(t, l.actions[5])
			return exactly(auditlog.TamperedAction, l.last(5))
		}},
		{name: "box rolled back, and named by the action", tamper: func(t *testing.T, l *ledger) finding {
			a := l.get(l.actions[5].ID)
			a.Secrets = l.actions[5].Secrets
			l.setBox(5, l.actions[5])
			l.setAction(t, a)
			return exactly(auditlog.TamperedAction, l.last(5))
		}},
		{name: "state of an action changed", tamper: func(t *testing.T, l *ledger) finding {
			a := l.get(l.actions[5].ID)
			a.State, a.Lane = lock.StateReleased, ""
			l.setAction(t, a)
			return exactly(auditlog.TamperedAction, l.last(5))
		}},
		{name: "action deleted", tamper: func(_ *testing.T, l *ledger) finding {
			for _, query := range []string{"DELETE FROM secrets WHERE action = ?1", "DELETE FROM keys WHERE action = ?1", "DELETE FROM actions WHERE id = ?1"} {
				l.exec(query, string(l.actions[5].ID))
			}
			return exactly(auditlog.TamperedAction, l.last(5))
		}},
		{name: "event listed for another action", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE events SET action = ?1, seq = 99 WHERE action = ?2 AND seq = 4", string(l.actions[6].ID), string(l.actions[5].ID))
			return exactly(auditlog.TamperedAction, l.last(5))
		}},
		{name: "idempotency key led elsewhere", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE keys SET action = ?1 WHERE key = 'key-5'", string(l.actions[6].ID))
			return exactly(auditlog.TamperedAction, 5*byDevice)
		}},
	}
}

func logCases() []tampering {
	return []tampering{
		{name: "checkpoint of another key", tamper: func(t *testing.T, l *ledger) finding {
			forged := &recorder{}
			skey, _, err := auditlog.NewKey("ledger.example.org/test")
			require.NoError(t, err)
			other, err := auditlog.New(auditlog.Config{Store: l.store, Storage: forged, Key: skey})
			require.NoError(t, err)
			require.NoError(t, other.Integrate(t.Context()))
			l.exec("UPDATE log_checkpoints SET note = ?1 WHERE size = ?2", forged.note, l.size)
			return finding{auditlog.TamperedCheckpoint, l.sizes[len(l.sizes)-2], l.sizes[len(l.sizes)-2] + 1}
		}, signed: func(l *ledger) int64 { return l.sizes[len(l.sizes)-2] }},
		{name: "checkpoint in place of another", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE log_checkpoints SET note = ?1 WHERE size = ?2", l.kept[1], l.sizes[2])
			return exactly(auditlog.TamperedCheckpoint, l.sizes[1])
		}},
		{name: "newest checkpoints taken away", outside: true, tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("DELETE FROM log_checkpoints WHERE size > ?1", l.older)
			return finding{auditlog.TamperedCheckpoint, l.older, int64(len(l.events))}
		}},
		{name: "tile changed", tamper: func(_ *testing.T, l *ledger) finding {
			l.exec("UPDATE log_tiles SET hashes = ?1 WHERE level = 0 AND n = 1", bytes.Repeat([]byte{7}, 32*tileOne))
			return finding{auditlog.TamperedCheckpoint, 256, l.size}
		}},
	}
}

// tileOne is the number of hashes in the second tile of the ledger.
const tileOne = devices*(byDevice+1) - 256

// last is the position of the last event of an action: that which sealed it anew.
func (l *ledger) last(i int) int64 {
	for _, e := range slices.Backward(l.events) {
		if e.Action == l.actions[i].ID {
			return e.Position
		}
	}
	return -1
}

// setBox gives an action the box of another, or of itself at another time.
func (l *ledger) setBox(i int, from lock.Action) {
	s := from.Secrets[0]
	l.exec("UPDATE secrets SET box = ?1, key_id = ?2 WHERE action = ?3", []byte(s.Box), s.KeyID, string(l.actions[i].ID))
}

func (l *ledger) setAction(t *testing.T, a lock.Action) {
	t.Helper()
	data, err := json.Marshal(a)
	require.NoError(t, err)
	l.exec("UPDATE actions SET data = ?1, version = ?2 WHERE id = ?3", data, a.Version, string(a.ID))
}

// recorder is a storage that keeps what one step writes.
type recorder struct {
	tiles map[[2]int64][]byte
	note  []byte
	size  int64
}

func (r *recorder) Checkpoint(context.Context) (int64, []byte, error) { return r.size, r.note, nil }

func (r *recorder) Checkpoints(context.Context, int64, int) ([][]byte, error) { return nil, nil }

func (r *recorder) Tile(_ context.Context, level int, n int64) ([]byte, error) {
	return r.tiles[[2]int64{int64(level), n}], nil
}

func (r *recorder) Grow(_ context.Context, _, to int64, tiles map[[2]int64][]byte, note []byte) (bool, error) {
	r.tiles, r.note, r.size = tiles, note, to
	return true, nil
}

// sequencer is a store that gives positions later than it commits.
type sequencer interface {
	Sequence(ctx context.Context) (more bool, err error)
}
