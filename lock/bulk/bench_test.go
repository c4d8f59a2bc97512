package bulk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// BenchmarkRun is a bulk order of 1,000 devices on a memory store, which searches its whole ledger for a device. Figures of real stores:
// BenchmarkLockBatch of store/sqlite and store/postgres.
func BenchmarkRun(b *testing.B) {
	inventory := newFleet(1000)
	order := bulk.Order{Actor: locktest.Admin(), Scope: "acme", Batch: "b", Request: lock.Request{Reason: "stolen"}}
	b.ReportAllocs()
	for b.Loop() {
		svc := locktest.New(b, store.NewMemory()).Service
		p, err := bulk.Run(b.Context(), bulk.Config{Service: svc, Inventory: inventory}, order)
		require.NoError(b, err)
		require.Equal(b, 1000, p.Ordered)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*1000), "µs/device")
}
