package lock_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// readStore counts the reads of events of one action.
type readStore struct {
	lock.Store
	reads int
}

func (s *readStore) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if f.Action != "" {
		s.reads++
	}
	return s.Store.Events(ctx, f)
}

func TestRequestsHavePages(t *testing.T) {
	reads := &readStore{}
	f := newFixture(t, bulkOver(2), func(c *lock.Config) {
		reads.Store = c.Store
		c.Store = reads
	})
	for n := range 7 {
		f.Lock(locktest.Device(fmt.Sprintf("mac-%d", n)))
		f.Clock.Advance(1e9)
	}
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	all := requests(t, f, locktest.Second())
	require.Len(t, all, 8)

	var paged []lock.Event
	for next := lock.ID(""); ; {
		before := reads.reads
		page, then, err := f.Service.RequestsPage(t.Context(), locktest.Second(), "acme", next, 3)
		require.NoError(t, err)
		assert.LessOrEqual(t, reads.reads-before, 3, "a page reads its own orders")
		paged = append(paged, page...)
		if next = then; next == "" {
			break
		}
	}
	assert.Equal(t, all, paged)
}

func TestRequestsAreCountedWithoutTheirEvents(t *testing.T) {
	reads := &readStore{}
	f := newFixture(t, bulkOver(2), func(c *lock.Config) {
		reads.Store = c.Store
		c.Store = reads
	})
	for n := range 5 {
		f.Lock(locktest.Device(fmt.Sprintf("mac-%d", n)))
	}
	require.ErrorIs(t, openBatch(t, f, 3), lock.ErrPending)
	before := reads.reads
	for most, want := range map[int]int{100: 6, 4: 4} {
		n, err := f.Service.CountRequests(t.Context(), locktest.Second(), "acme", most)
		require.NoError(t, err)
		assert.Equal(t, want, n)
	}
	own, err := f.Service.CountRequests(t.Context(), locktest.Admin(), "acme", 100)
	require.NoError(t, err)
	assert.Zero(t, own, "nobody approves what they asked for")
	assert.Equal(t, before, reads.reads)
}
