package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// BenchmarkBulk commits a bulk order of 100,000 actions in batches of 1,000, beside a bare insert of the same rows into the same tables in
// transactions of 1,000. What is reported is of the best iteration: the speed in percent of the bare insert, the time of one action, and
// how much of the time of an action among the first 1,000 that is.
func BenchmarkBulk(b *testing.B) {
	const total, batch = 100_000, 1_000
	var first, all, plain best
	for range b.N {
		o, beside, insert := fresh(b), fresh(b), newBare()
		var stored, inserted time.Duration
		for from := 0; from < total; from += batch {
			changes := storetest.Bulk(b, from, batch)
			rows := bareRows(b, changes, from)
			var columns [5][]any
			for table := range columns {
				columns[table] = bareColumns(rows, table)
			}
			inserted += timed(func() { require.NoError(b, insert.insertMany(b.Context(), beside.pool, columns)) })
			stored += timed(func() { storetest.Commit(b, o, changes) })
			if from == 0 {
				first.take(stored, batch)
			}
		}
		all.take(stored, total)
		plain.take(inserted, total)
		o.pool.Close()
		beside.pool.Close()
	}
	b.ReportMetric(100*plain.of(all), "%_of_bare")
	b.ReportMetric(float64(all.time.Microseconds()), "µs/action")
	b.ReportMetric(all.of(first), "x_of_first_1000")
}

// BenchmarkOrders commits orders one by one, beside bare inserts of the same rows, each a durable transaction. What is reported is of the best
// iteration.
func BenchmarkOrders(b *testing.B) {
	for name, callers := range map[string]int{"lone": 1, "16 callers": 16} {
		b.Run(name, func(b *testing.B) {
			const rounds = 10
			each := 50 * callers // in a round: of the store and of the bare insert in turn
			var stored, inserted best
			for range b.N {
				o, beside, insert := fresh(b), fresh(b), newBare()
				changes := storetest.Bulk(b, 0, rounds*each)
				rows := bareRows(b, changes, 0)
				var store, bare time.Duration
				for from := 0; from < len(changes); from += each {
					store += timed(func() {
						concurrently(callers, from, from+each, func(i int) { storetest.Commit(b, o, []lock.Change{changes[i]}) })
					})
					bare += timed(func() {
						concurrently(callers, from, from+each, func(i int) { require.NoError(b, insert.insertOne(b.Context(), beside.pool, rows[i])) })
					})
				}
				stored.take(store, len(changes))
				inserted.take(bare, len(changes))
				o.pool.Close()
				beside.pool.Close()
			}
			b.ReportMetric(100*inserted.of(stored), "%_of_bare")
			b.ReportMetric(float64(time.Second/stored.time), "orders/s")
		})
	}
}

// best is the shortest time of one action.
type best struct{ time time.Duration }

func (s *best) take(t time.Duration, actions int) {
	if each := t / time.Duration(actions); s.time == 0 || each < s.time {
		s.time = each
	}
}

func (s *best) of(other best) float64 { return float64(s.time) / float64(other.time) }

func timed(do func()) time.Duration {
	begin := time.Now()
	do()
	return time.Since(begin)
}

// concurrently calls the function for each number from from to below to, from so many goroutines.
func concurrently(callers, from, to int, do func(i int)) {
	var done sync.WaitGroup
	for caller := range callers {
		done.Go(func() {
			for i := from + caller; i < to; i += callers {
				do(i)
			}
		})
	}
	done.Wait()
}
