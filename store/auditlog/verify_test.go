package auditlog_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

func TestVerifyReports(t *testing.T) {
	b, kept := grown(t, 1, 300, 700)
	b.notices(t, 5)
	report, err := auditlog.Verify(t.Context(), b, b, auditlog.Trust{Key: b.key, Older: [][]byte{kept[1], kept[0]}})
	require.NoError(t, err)
	assert.Equal(t, auditlog.Report{Events: 705, Size: 700, Checkpoint: kept[2], Checkpoints: 3, Older: 2, Passes: 1}, report)
	assert.Equal(t, int64(5), report.Unsigned())

	report, err = auditlog.Verify(t.Context(), newBook(t), newBook(t), auditlog.Trust{Key: b.key})
	require.NoError(t, err)
	assert.Equal(t, auditlog.Report{Passes: 1}, report, "an empty ledger")
}

func TestVerifyTrust(t *testing.T) {
	b, kept := grown(t, 3)
	_, foreign := grown(t, 3)
	for _, c := range []struct {
		name, field string
		trust       auditlog.Trust
	}{
		{"no key", "key", auditlog.Trust{}},
		{"signer in place of the public key", "key", auditlog.Trust{Key: b.skey}},
		{"checkpoint of another", "older[1]", auditlog.Trust{Key: b.key, Older: [][]byte{kept[0], foreign[0]}}},
		{"no checkpoint", "older[0]", auditlog.Trust{Key: b.key, Older: [][]byte{[]byte("x")}}},
		{"huge", "older[0]", auditlog.Trust{Key: b.key, Older: [][]byte{bytes.Repeat(kept[0], 1000)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := auditlog.Verify(t.Context(), b, b, c.trust)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
		})
	}
}

// chained is a ledger of actions with three events each, whose events take turns.
func chained(t *testing.T, actions int) (*book, *locktest.Fixture, []lock.Action) {
	t.Helper()
	b := newBook(t)
	f := locktest.New(t, b.Memory)
	var all []lock.Action
	for i := range actions {
		all = append(all, f.Lock(locktest.Device(fmt.Sprint("mac-", i))))
	}
	for _, a := range all {
		f.Deliver(a.Device)
	}
	b.integrate(t)
	for _, a := range all {
		f.Answer(a, lock.Acknowledged)
	}
	b.integrate(t)
	return b, f, all
}

// However few actions a pass follows, all are followed.
func TestVerifyInParts(t *testing.T) {
	b, _, _ := chained(t, 200)
	for _, c := range []struct{ limit, least int }{{200, 1}, {199, 2}, {60, 4}, {7, 25}} {
		report, err := auditlog.VerifyCapped(t.Context(), b, b, auditlog.Trust{Key: b.key}, c.limit)
		require.NoError(t, err)
		assert.Equal(t, int64(200), report.Actions, "limit %d", c.limit)
		assert.GreaterOrEqual(t, report.Passes, c.least, "limit %d", c.limit)
	}
}

// The log signs what it is given: here events that never were a chain. The first is named, in whichever part its action is.
func TestVerifyInPartsNamesTheFirst(t *testing.T) {
	for _, limit := range []int{1000, 40, 5} {
		b, _, _ := chained(t, 100)
		forged := scanned{b.Memory, func(position int64, prev, hash, body []byte) (int64, []byte) {
			if position >= 230 { // acknowledgements
				clear(prev)
				copy(hash, hashOf(prev, body))
			}
			return position, body
		}}
		fresh := newBook(t)
		log, err := auditlog.New(auditlog.Config{Store: forged, Storage: fresh, Key: b.skey})
		require.NoError(t, err)
		require.NoError(t, log.Integrate(t.Context()))
		_, err = auditlog.VerifyCapped(t.Context(), forged, fresh, auditlog.Trust{Key: b.key}, limit)
		requireFinding(t, exactly(auditlog.Changed, 230), err)
	}
}

// busy commits an order whenever the ledger is read.
type busy struct {
	*book
	f     *locktest.Fixture
	count int
}

func (s *busy) order(ctx context.Context) error {
	s.count++
	d := locktest.Device(fmt.Sprint("new-", s.count))
	if _, err := s.f.Service.Lock(ctx, locktest.Admin(), lock.Request{Device: d, Reason: "stolen"}); err != nil {
		return err
	}
	_, err := s.f.Service.Next(ctx, d)
	return err
}

func (s *busy) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	if err := s.order(ctx); err != nil {
		return nil, err
	}
	return s.book.List(ctx, f)
}

func (s *busy) Scan(ctx context.Context, from int64, row func(int64, []byte, []byte, []byte) error) error {
	if err := s.order(ctx); err != nil {
		return err
	}
	return s.book.Scan(ctx, from, row)
}

func (s *busy) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	a, err := s.book.Get(ctx, id)
	if err == nil && a.State == lock.StateConfirmed && s.count < 200 {
		if _, err := s.f.Service.Reveal(ctx, locktest.Admin(), id, "asked", ""); err != nil {
			return lock.Action{}, err
		}
		if err := s.order(ctx); err != nil {
			return lock.Action{}, err
		}
	}
	return a, err
}

func (s *busy) Checkpoints(ctx context.Context, above int64, limit int) ([][]byte, error) {
	if err := s.log.Integrate(ctx); err != nil {
		return nil, err
	}
	return s.book.Checkpoints(ctx, above, limit)
}

func TestVerifyWhileTheLedgerGrows(t *testing.T) {
	b, f, _ := chained(t, 100)
	s := &busy{book: b, f: f}
	_, err := auditlog.Verify(t.Context(), s, s, auditlog.Trust{Key: b.key})
	require.NoError(t, err)
	assert.Positive(t, s.count)
}

// planted is a store that lists events of an action that have no place in the feed.
type planted struct {
	*book
	action lock.ID
	size   int64 // of the feed without them
}

func (p planted) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	events, err := p.book.Events(ctx, f)
	for i := range events {
		if events[i].Action == p.action {
			events[i].Position = -1
		}
	}
	return events, err
}

func (p planted) Scan(ctx context.Context, from int64, row func(int64, []byte, []byte, []byte) error) error {
	return p.book.Scan(ctx, from, func(position int64, prev, hash, body []byte) error {
		if position >= p.size {
			return nil
		}
		return row(position, prev, hash, body)
	})
}

func (p planted) Sequence(context.Context) (bool, error) { return false, nil }

func TestVerifyEventKeptOutOfTheFeed(t *testing.T) {
	b, f, _ := chained(t, 3)
	size := int64(len(b.all(t)))
	s := planted{b, f.Lock(locktest.Device("mac-x")).ID, size}
	_, err := auditlog.Verify(t.Context(), s, b, auditlog.Trust{Key: b.key})
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, auditlog.TamperedAction, found.What)
	assert.Equal(t, s.action, found.Action)
	assert.ErrorContains(t, err, "not in the feed")
}

// told is a ledger whose feed is told by somebody else, and signed so.
type told struct {
	*book
	events []lock.Event
	signed *book
}

func (b *book) telling(t *testing.T, events []lock.Event) told {
	t.Helper()
	s := told{b, renumber(events), newBook(t)}
	log, err := auditlog.New(auditlog.Config{Store: s, Storage: s.signed, Key: b.skey})
	require.NoError(t, err)
	require.NoError(t, log.Integrate(t.Context()))
	return s
}

func (s told) Scan(_ context.Context, from int64, row func(int64, []byte, []byte, []byte) error) error {
	for _, e := range s.events[min(from, int64(len(s.events))):] {
		if err := row(e.Position, e.Prev, e.Hash, e.Body); err != nil {
			return err
		}
	}
	return nil
}

// Chains are checked whatever was signed.
func TestVerifyChains(t *testing.T) {
	b, _, _ := chained(t, 10) // orders, then deliveries, then acknowledgements
	rehashed := func(e lock.Event, prev []byte) lock.Event {
		e.Prev, e.Hash = prev, hashOf(prev, e.Body)
		return e
	}
	for _, c := range []struct {
		name   string
		change func(events []lock.Event) []lock.Event
		want   finding
	}{
		{"a delivery left out", func(e []lock.Event) []lock.Event { return slices.Delete(e, 13, 14) }, exactly(auditlog.Removed, 22)},
		{"an order left out", func(e []lock.Event) []lock.Event { return slices.Delete(e, 3, 4) }, exactly(auditlog.Removed, 12)},
		{"an order twice", func(e []lock.Event) []lock.Event { return slices.Insert(e, 15, e[3]) }, exactly(auditlog.Inserted, 15)},
		{"an order that names an event before it", func(e []lock.Event) []lock.Event {
			e[3] = rehashed(e[3], e[2].Hash)
			return e
		}, exactly(auditlog.Changed, 3)},
		{"a delivery that names another event", func(e []lock.Event) []lock.Event {
			e[13] = rehashed(e[13], e[2].Hash)
			return e
		}, exactly(auditlog.Changed, 13)},
		{"a notice that names an event before it", func(e []lock.Event) []lock.Event {
			return slices.Insert(e, 7, rehashed(forgedNotice(t), e[2].Hash))
		}, exactly(auditlog.Changed, 7)},
		{"no event", func(e []lock.Event) []lock.Event {
			e[13].Body = []byte("deleted")
			e[13] = rehashed(e[13], e[13].Prev)
			return e
		}, exactly(auditlog.Changed, 13)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := b.telling(t, c.change(b.all(t)))
			_, err := auditlog.Verify(t.Context(), s, s.signed, auditlog.Trust{Key: b.key})
			requireFinding(t, c.want, err)
		})
	}
}

// An action whose own events are a chain, but not that of the feed.
func TestVerifyTwoHistories(t *testing.T) {
	b, _, actions := chained(t, 10)
	events := b.all(t)
	rechain(t, events, 13) // the delivery of the fourth
	s := b.telling(t, events)
	_, err := auditlog.Verify(t.Context(), s, s.signed, auditlog.Trust{Key: b.key})
	var found *auditlog.TamperError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, auditlog.TamperedAction, found.What)
	assert.Equal(t, actions[3].ID, found.Action)
	assert.ErrorContains(t, err, "another event is listed")
}

// boxed is a store that has a box where there should be none.
type boxed struct{ *book }

func (s boxed) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	a, err := s.book.Get(ctx, id)
	for i := range a.Secrets {
		if len(a.Secrets[i].SHA256) == 0 {
			a.Secrets[i].Box = []byte("put back from a backup")
		}
	}
	return a, err
}

func TestVerifyPurged(t *testing.T) {
	b, _, actions := chained(t, 3)
	a, err := b.Get(t.Context(), actions[1].ID)
	require.NoError(t, err)
	e := lock.Event{
		ID: lock.NewID(zero), Action: a.ID, Seq: a.Version + 1, Type: lock.EventPurged, Time: a.Changed, Scope: a.Device.Scope, Device: a.Device.ID,
		Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN}},
	}
	require.NoError(t, e.Seal(a.Head))
	after, err := a.Apply(e)
	require.NoError(t, err)
	errs, err := b.Commit(t.Context(), []lock.Change{{Actions: []lock.Action{after}, Events: []lock.Event{e}}})
	require.NoError(t, err)
	require.NoError(t, errs[0])
	_, err = auditlog.Verify(t.Context(), b, b, auditlog.Trust{Key: b.key})
	require.NoError(t, err)
	_, err = auditlog.Verify(t.Context(), boxed{b}, b, auditlog.Trust{Key: b.key})
	requireFinding(t, exactly(auditlog.TamperedSecret, 9), err)
}
