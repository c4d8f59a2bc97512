package sqlite_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// BenchmarkCommit writes orders, each with one event and one sealed box. The time is per order.
func BenchmarkCommit(b *testing.B) {
	b.Run("lone", func(b *testing.B) {
		o := fresh(b)
		changes := orders(b)
		for i := range b.N {
			store(b, o, changes[i:i+1])
		}
	})
	b.Run("16 callers", func(b *testing.B) {
		o := fresh(b)
		changes := orders(b)
		var next atomic.Int64
		b.SetParallelism(8) // by two processors or more
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := next.Add(1)
				store(b, o, changes[i-1:i])
			}
		})
	})
	b.Run("batch of 1000", func(b *testing.B) {
		o := fresh(b)
		changes := orders(b)
		for from := 0; from < b.N; from += 1000 {
			store(b, o, changes[from:min(from+1000, b.N)])
		}
	})
}

func orders(b *testing.B) []lock.Change {
	b.Helper()
	changes := make([]lock.Change, b.N)
	for i := range changes {
		changes[i] = storetest.Order(b, fmt.Sprint("mac-", i))
	}
	b.ResetTimer()
	return changes
}

func store(b *testing.B, s lock.Store, changes []lock.Change) {
	b.Helper()
	errs, err := s.Commit(b.Context(), changes)
	require.NoError(b, err)
	for _, err := range errs {
		require.NoError(b, err)
	}
}

// BenchmarkReseal seals a ledger anew under another key: list, open, seal, open again and compare, commit. The time is per secret.
func BenchmarkReseal(b *testing.B) {
	s := fresh(b)
	f := locktest.New(b, s)
	var left atomic.Int64
	left.Store(int64(b.N))
	var ordering sync.WaitGroup
	for range 16 { // in company, commits share a sync
		ordering.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				f.Lock(locktest.Device(fmt.Sprint("mac-", n)))
			}
		})
	}
	ordering.Wait()
	rotated := locktest.New(b, s, func(c *lock.Config) { c.Sealer = locktest.Keyring("new", "test") })
	b.ResetTimer()
	done, err := rotated.Service.Reseal(b.Context(), locktest.Admin(), "test")
	require.NoError(b, err)
	require.Equal(b, b.N, done)
}
