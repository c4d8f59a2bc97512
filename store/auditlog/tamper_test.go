package auditlog_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// engine is an empty ledger in a database, and a way to tamper with it: what would stop that (triggers, foreign keys) is switched off.
type engine struct {
	store   lock.Store
	storage auditlog.Storage
	tables  []string // of the ledger and of the log, all of them, in the order in which their rows can be inserted
	insert  string   // what stands between the table's name and SELECT in an INSERT

	// do runs a statement. Arguments are written ?1, ?2.
	do func(ctx context.Context, query string, args ...any) error

	// fill makes the table of events hold these, at their positions, with the columns that queries need.
	fill func(ctx context.Context, events []lock.Event) error
}

// runTamper tests that Verify finds what was done to a ledger in SQL. It uses the tables and columns that the engines share:
// actions (id, version, data), secrets (action, n, key_id, box), keys (key, action), log_tiles and log_checkpoints.
func runTamper(t *testing.T, e engine) {
	l := build(t, e)
	report, err := auditlog.Verify(t.Context(), e.store, e.storage, auditlog.Trust{Key: l.key, Older: l.kept})
	require.NoError(t, err, "the ledger as it was written")
	require.Equal(t, auditlog.Report{
		Events: int64(len(l.events)), Size: l.size, Checkpoint: l.kept[len(l.kept)-1], Checkpoints: len(l.kept), Older: len(l.kept),
		Actions: int64(len(l.actions)), Passes: 1,
	}, report)
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			l.t = t
			l.restore("whole")
			want := c.tamper(t, l)
			if c.hidden {
				_, err := auditlog.Verify(t.Context(), e.store, e.storage, auditlog.Trust{Key: l.key})
				require.NoError(t, err, "it does not show without a checkpoint that was kept outside")
			}
			trust := auditlog.Trust{Key: l.key}
			if c.outside || c.hidden {
				trust.Older = l.kept
			}
			_, err := auditlog.Verify(t.Context(), e.store, e.storage, trust)
			requireFinding(t, want, err)
			requireProven(t, c.proven(l, want), err)
		})
	}
}

// finding is what a tampering must be named as; the zero finding is none.
type finding struct {
	what           auditlog.What
	position, upto int64
}

func requireFinding(t *testing.T, want finding, err error) {
	t.Helper()
	if want == (finding{}) {
		require.NoError(t, err)
		return
	}
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, want, finding{found.What, found.Position, found.Upto}, "%v", err)
}

// requireProven asserts what a finding says is proven, and that this does not reach into what it says was tampered with.
func requireProven(t *testing.T, want int64, err error) {
	t.Helper()
	var found *auditlog.TamperError
	if !errors.As(err, &found) {
		return
	}
	assert.Equal(t, want, found.Proven, "%v", err)
	switch found.What {
	case auditlog.Changed, auditlog.Removed, auditlog.Inserted, auditlog.Reordered, auditlog.CutOff:
		assert.LessOrEqual(t, found.Proven, found.Position, "%v", err)
	}
}

// ledger is what runTamper does its work on.
type ledger struct {
	engine
	t       *testing.T
	skey    string
	key     string
	events  []lock.Event  // as they were written, those not yet signed too
	actions []lock.Action // as ordered and answered, before they were sealed anew
	kept    [][]byte      // checkpoints
	sizes   []int64       // of those
	size    int64         // the largest
	older   int64         // size of the log when the older backup was made
}

const (
	devices  = 90
	byDevice = 3  // events
	signed   = 10 // devices between checkpoints
)

// build writes a ledger: locks that were ordered, issued and acknowledged, all sealed anew in the end; checkpoints every 30 events; an older
// backup; and two orders behind the last checkpoint.
func build(t *testing.T, e engine) *ledger {
	t.Helper()
	l := &ledger{engine: e, t: t}
	var err error
	l.skey, l.key, err = auditlog.NewKey("ledger.example.org/test")
	require.NoError(t, err)
	log := l.log()
	f := locktest.New(t, e.store)
	for i := range devices {
		a := f.Lock(locktest.Device(fmt.Sprint("mac-", i)), func(r *lock.Request) { r.Key = fmt.Sprint("key-", i) })
		f.Deliver(a.Device)
		f.Answer(a, lock.Acknowledged)
		l.actions = append(l.actions, l.get(a.ID))
		if (i+1)%signed == 0 {
			l.sign(log)
		}
		if i+1 == devices/2 {
			l.older = l.sizes[len(l.sizes)-1]
			l.backup("older")
		}
	}
	_, err = locktest.New(t, e.store, func(c *lock.Config) { c.Sealer = locktest.Keyring("new", "test") }).
		Service.Reseal(t.Context(), locktest.Admin(), "test")
	require.NoError(t, err)
	l.sign(log)
	l.actions = append(l.actions, f.Lock(locktest.Device("late-1")), f.Lock(locktest.Device("late-2")))
	require.NoError(t, f.Service.Hold(t.Context(), locktest.Admin(), locktest.Device("mac-7"), "a case"))
	l.sequence()
	l.events = l.feed()
	l.backup("whole")
	return l
}

func (l *ledger) exec(query string, args ...any) {
	l.t.Helper()
	require.NoError(l.t, l.do(l.t.Context(), query, args...), query)
}

func (l *ledger) setEvents(events []lock.Event) {
	l.t.Helper()
	require.NoError(l.t, l.fill(l.t.Context(), events))
}

func (l *ledger) log() *auditlog.Log {
	l.t.Helper()
	log, err := auditlog.New(auditlog.Config{Store: l.store, Storage: l.storage, Key: l.skey})
	require.NoError(l.t, err)
	return log
}

func (l *ledger) sign(log *auditlog.Log) {
	l.t.Helper()
	require.NoError(l.t, log.Integrate(l.t.Context()))
	size, note, err := l.storage.Checkpoint(l.t.Context())
	require.NoError(l.t, err)
	l.kept, l.sizes, l.size = append(l.kept, note), append(l.sizes, size), size
}

// sequence gives the last events their positions, in a store that gives them later.
func (l *ledger) sequence() {
	l.t.Helper()
	s, ok := l.store.(sequencer)
	for more := ok; more; {
		var err error
		more, err = s.Sequence(l.t.Context())
		require.NoError(l.t, err)
	}
}

func (l *ledger) get(id lock.ID) lock.Action {
	l.t.Helper()
	a, err := l.store.Get(l.t.Context(), id)
	require.NoError(l.t, err)
	return a
}

func (l *ledger) feed() []lock.Event {
	l.t.Helper()
	var all []lock.Event
	for {
		page, err := l.store.Events(l.t.Context(), lock.EventFilter{From: int64(len(all)), Limit: 1000})
		require.NoError(l.t, err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

func (l *ledger) backup(name string) {
	for _, table := range l.tables {
		l.exec("CREATE TABLE " + name + "_" + table + " AS SELECT * FROM " + table)
	}
}

func (l *ledger) restore(name string) {
	for i := range l.tables {
		l.exec("DELETE FROM " + l.tables[len(l.tables)-1-i])
	}
	for _, table := range l.tables {
		l.exec("INSERT INTO " + table + l.insert + " SELECT * FROM " + name + "_" + table)
	}
}

// between returns the sizes of the checkpoints around a position.
func (l *ledger) between(position int64) (from, upto int64) {
	for _, size := range l.sizes {
		if size > position {
			return from, size
		}
		from = size
	}
	return from, from
}

// retile makes the stored tiles those of the events as they are now, under checkpoints that nobody could sign.
func (l *ledger) retile(t *testing.T) {
	t.Helper()
	forged := &recorder{}
	skey, _, err := auditlog.NewKey("ledger.example.org/test")
	require.NoError(t, err)
	other, err := auditlog.New(auditlog.Config{Store: l.store, Storage: forged, Key: skey})
	require.NoError(t, err)
	require.NoError(t, other.Integrate(t.Context()))
	l.exec("DELETE FROM log_tiles")
	for at, hashes := range forged.tiles {
		l.exec("INSERT INTO log_tiles (level, n, hashes) VALUES (?1, ?2, ?3)", at[0], at[1], hashes)
	}
}

// rechain gives the event of a position another reason, and makes the action's chain whole again from there on.
func rechain(t *testing.T, events []lock.Event, position int64) {
	t.Helper()
	edit(t, &events[position])
	prev := events[position].Hash
	for i := position + 1; i < int64(len(events)); i++ {
		if e := &events[i]; e.Action == events[position].Action {
			e.Prev, e.Hash = prev, hashOf(prev, e.Body)
			prev = e.Hash
		}
	}
}

// edit gives an event another reason, and the hash of its new bytes.
func edit(t *testing.T, e *lock.Event) {
	t.Helper()
	var fields map[string]any
	require.NoError(t, json.Unmarshal(e.Body, &fields))
	fields["reason"] = "found"
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	e.Body, e.Hash = body, hashOf(e.Prev, body)
}

func hashOf(prev, body []byte) []byte {
	h := sha256.New()
	h.Write([]byte("latchkey event v1\n"))
	h.Write(prev)
	h.Write(body)
	return h.Sum(nil)
}

// forgedNotice is an event that never happened.
func forgedNotice(t *testing.T) lock.Event {
	t.Helper()
	e := lock.Event{ID: "forged", Type: lock.EventDenied, Scope: "acme", Reason: "never happened"}
	require.NoError(t, e.Seal(nil))
	return e
}

// renumber makes positions dense again.
func renumber(events []lock.Event) []lock.Event {
	for i := range events {
		events[i].Position = int64(i)
	}
	return events
}
