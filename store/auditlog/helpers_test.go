package auditlog_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

const origin = "ledger.example.org/test"

// book is a ledger in memory with its log.
type book struct {
	*store.Memory
	log       *auditlog.Log
	skey, key string
}

func newBook(tb testing.TB) *book {
	tb.Helper()
	b := &book{Memory: store.NewMemory()}
	var err error
	b.skey, b.key, err = auditlog.NewKey(origin)
	require.NoError(tb, err)
	b.log = b.newLog(tb, b.Memory)
	return b
}

// newLog is another process with the same key.
func (b *book) newLog(tb testing.TB, s auditlog.Storage) *auditlog.Log {
	tb.Helper()
	log, err := auditlog.New(auditlog.Config{Store: b.Memory, Storage: s, Key: b.skey})
	require.NoError(tb, err)
	return log
}

// notices commits events.
func (b *book) notices(tb testing.TB, count int) {
	tb.Helper()
	changes := make([]lock.Change, count)
	for i := range changes {
		e := lock.Event{ID: lock.NewID(zero), Type: lock.EventDenied, Time: zero, Scope: "acme", Device: fmt.Sprint("mac-", i)}
		require.NoError(tb, e.Seal(nil))
		changes[i].Events = []lock.Event{e}
	}
	errs, err := b.Commit(tb.Context(), changes)
	require.NoError(tb, err)
	for _, err := range errs {
		require.NoError(tb, err)
	}
}

func (b *book) integrate(tb testing.TB) {
	tb.Helper()
	require.NoError(tb, b.log.Integrate(tb.Context()))
}

// signed adds events and a checkpoint over all there are.
func (b *book) signed(tb testing.TB, count int) []byte {
	tb.Helper()
	b.notices(tb, count)
	b.integrate(tb)
	return b.checkpoint(tb)
}

func (b *book) checkpoint(tb testing.TB) []byte {
	tb.Helper()
	c, err := b.log.Checkpoint(tb.Context())
	require.NoError(tb, err)
	return c
}

// all returns the events by position.
func (b *book) all(tb testing.TB) []lock.Event {
	tb.Helper()
	var all []lock.Event
	for {
		page, err := b.Events(tb.Context(), lock.EventFilter{From: int64(len(all)), Limit: 1000})
		require.NoError(tb, err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
	}
}

// opened opens a checkpoint with nothing but the public key.
func opened(tb testing.TB, key string, signed []byte) string {
	tb.Helper()
	v, err := note.NewVerifier(key)
	require.NoError(tb, err)
	n, err := note.Open(signed, note.VerifierList(v))
	require.NoError(tb, err)
	return n.Text
}
