package auditlogtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// RunScanner tests the Scan of a store. The function returns a new empty one each time.
func RunScanner(t *testing.T, empty func(t *testing.T) lock.Store) {
	for name, test := range map[string]func(*testing.T, lock.Store){
		"every event as it is stored":        testScan,
		"an error ends it":                   testScanError,
		"a context that has ended ends it":   testScanContext,
		"nothing where there is nothing yet": testScanNothing,
	} {
		t.Run(name, func(t *testing.T) { test(t, empty(t)) })
	}
}

// scanned is more than a page, and no multiple of one.
const scanned = 2345

// fill commits events and returns them as Events lists them.
func fill(t *testing.T, s lock.Store) []lock.Event {
	t.Helper()
	at := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	changes := make([]lock.Change, scanned)
	for i := range changes {
		e := lock.Event{ID: lock.NewID(at), Type: lock.EventDenied, Time: at, Scope: "acme", Device: fmt.Sprint("mac-", i)}
		require.NoError(t, e.Seal(nil))
		changes[i].Events = []lock.Event{e}
	}
	errs, err := s.Commit(t.Context(), changes)
	require.NoError(t, errors.Join(append(errs, err)...))
	if s, ok := s.(interface {
		Sequence(ctx context.Context) (bool, error)
	}); ok {
		for more := true; more; {
			more, err = s.Sequence(t.Context())
			require.NoError(t, err)
		}
	}
	var all []lock.Event
	for len(all) < scanned {
		page, err := s.Events(t.Context(), lock.EventFilter{From: int64(len(all)), Limit: 1000})
		require.NoError(t, err)
		require.NotEmpty(t, page)
		all = append(all, page...)
	}
	return all
}

func scanner(t *testing.T, s lock.Store) auditlog.Scanner {
	t.Helper()
	found, ok := s.(auditlog.Scanner)
	require.True(t, ok, "the store has no Scan")
	return found
}

func testScan(t *testing.T, s lock.Store) {
	want := fill(t, s)
	for _, from := range []int64{0, 1, 999, 1000, scanned - 1} {
		next := from
		err := scanner(t, s).Scan(t.Context(), from, func(position int64, prev, hash, body []byte) error {
			e := want[next]
			if position != next || !bytes.Equal(prev, e.Prev) || !bytes.Equal(hash, e.Hash) || !bytes.Equal(body, e.Body) {
				return fmt.Errorf("row of position %d, in place of %d, is not what Events lists there", position, next)
			}
			next++
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, int64(scanned), next, "from %d", from)
	}
}

func testScanError(t *testing.T, s lock.Store) {
	fill(t, s)
	enough := errors.New("enough")
	for _, limit := range []int{1, 1000, 1500} {
		count := 0
		err := scanner(t, s).Scan(t.Context(), 0, func(int64, []byte, []byte, []byte) error {
			if count++; count == limit {
				return enough
			}
			return nil
		})
		require.ErrorIs(t, err, enough)
		assert.Equal(t, limit, count)
	}
}

func testScanContext(t *testing.T, s lock.Store) {
	fill(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := scanner(t, s).Scan(ctx, 0, func(int64, []byte, []byte, []byte) error { return nil })
	assert.ErrorIs(t, err, context.Canceled)
}

func testScanNothing(t *testing.T, s lock.Store) {
	fill(t, s)
	for _, from := range []int64{scanned, scanned + 5000} {
		err := scanner(t, s).Scan(t.Context(), from, func(position int64, _, _, _ []byte) error {
			return fmt.Errorf("row of position %d", position)
		})
		assert.NoError(t, err, "from %d", from)
	}
}
