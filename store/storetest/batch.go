package storetest

import (
	"fmt"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func batchCases() []testCase {
	return []testCase{
		{"batches in opposite orders do not block each other", oppositeBatches},
		{"10,000 orders, 1,000 at a time", bigBatch},
	}
}

// Two batches for the same devices: for each device one of them wins.
func oppositeBatches(l *ledger) {
	const size = 50
	orders := make([]lock.Change, size)
	for i := range orders {
		orders[i] = l.order(fmt.Sprintf("mac-%03d", i))
	}
	l.must(orders...)
	forwards, reversed := make([]lock.Change, size), make([]lock.Change, size)
	for i, c := range orders {
		forwards[i] = l.next(c.Actions[0], lock.EventIssued)
		reversed[size-1-i] = l.next(c.Actions[0], lock.EventCancelled)
	}
	results := make(chan []error, 2)
	for _, batch := range [][]lock.Change{forwards, reversed} {
		go func() {
			errs, err := l.Store.Commit(l.Context(), batch)
			if err != nil {
				errs = []error{err}
			}
			results <- errs
		}()
	}
	errs := append(<-results, <-results...)
	require.Len(l, errs, 2*size)
	stored := 0
	for _, err := range errs {
		if err == nil {
			stored++
			continue
		}
		require.ErrorIs(l, err, lock.ErrConflict)
	}
	assert.Equal(l, size, stored)
	l.dense(2 * size)
}

// Each order has a device, a box and a key of its own.
func bigBatch(l *ledger) {
	const total, chunk = 10_000, 1_000
	name := func(i int) string { return fmt.Sprintf("mac-%05d", i) }
	for from := 0; from < total; from += chunk {
		changes := make([]lock.Change, chunk)
		for i := range changes {
			changes[i] = keyed(l.order(name(from+i), func(e *lock.Event) { e.Order.Batch = "batch" }), "batch/"+name(from+i))
		}
		l.must(changes...)
	}
	seen := map[string]bool{}
	f := lock.Filter{Batch: "batch", Live: true, Limit: chunk}
	for range total / chunk {
		page := l.list(f)
		require.Len(l, page, chunk)
		for _, a := range page {
			seen[a.Device.ID] = true
		}
		f.Before = page[chunk-1].ID
	}
	assert.Len(l, seen, total)
	assert.Empty(l, l.list(f), "beyond the last page")
	for i := 0; i < total; i += 997 {
		found := l.list(lock.Filter{Scope: "acme", Key: "batch/" + name(i)})
		require.Len(l, found, 1)
		assert.Equal(l, "box of "+name(i), string(l.get(found[0].ID).Secrets[0].Box))
	}
	last := l.events(lock.EventFilter{Newest: true, Limit: 1})
	require.Len(l, last, 1)
	assert.Equal(l, int64(total-1), last[0].Position)
}
