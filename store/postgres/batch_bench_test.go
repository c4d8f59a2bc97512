package postgres_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// BenchmarkLockBatch orders a lock for each of 100,000 devices through the service, in batches of 1,000: allowed, preflighted, each with a
// PIN of its own, durable. Memory is what the process took from the system at most. With -short it is 5,000.
func BenchmarkLockBatch(b *testing.B) {
	size := 100_000
	if testing.Short() {
		size = 5_000
	}
	for b.Loop() {
		b.StopTimer()
		s := open(b, server.Database(b)+"&pool_max_conns=4") // pgx keeps a few MiB of a large commit for each
		f := locktest.New(b, s, func(c *lock.Config) { c.Now = time.Now })
		b.StartTimer()
		require.NoError(b, f.Service.OpenBatch(b.Context(), locktest.Admin(), "acme", "batch", size, lock.Request{Reason: "stolen"}))
		for from := 0; from < size; from += 1000 {
			requests := make([]lock.Request, 1000)
			for i := range requests {
				requests[i] = lock.Request{
					Device: locktest.Device(fmt.Sprintf("mac-%06d", from+i)), Reason: "stolen", Message: "Call the help desk, please.", Ticket: "4711",
				}
			}
			_, errs, err := f.Service.LockBatch(b.Context(), locktest.Admin(), "acme", "batch", requests)
			require.NoError(b, err)
			for _, err := range errs {
				require.NoError(b, err)
			}
		}
		b.StopTimer()
		s.pool.Close()
		b.StartTimer()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "µs/device")
	b.ReportMetric(float64(m.Sys>>20), "MiB")
}
