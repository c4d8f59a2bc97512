package postgres_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/storetest"
)

// runs is how often each benchmark measures everything, with -short once. What is reported is of the best run, so one iteration is enough:
//
//	go test ./store/postgres -run '^$' -bench . -benchtime 1x
func runs() int {
	if testing.Short() {
		return 1
	}
	return 5
}

// BenchmarkBulk commits a bulk order of 100,000 actions in batches of 1,000, beside a bare insert of the same rows into the same tables in
// transactions of 1,000, and a bulk order of 1,000. It reports the speed in percent of the bare insert, the time of one action, and growth:
// how many times as long an action takes among 100,000 as among 1,000. With -short it is 5,000.
func BenchmarkBulk(b *testing.B) {
	size := 100_000
	if testing.Short() {
		size = 5_000
	}
	for range b.N {
		var few, all, plain best
		for range runs() {
			stored, _ := bulk(b, 1_000)
			few.take(stored, 1_000)
			stored, inserted := bulk(b, size)
			all.take(stored, size)
			plain.take(inserted, size)
		}
		b.ReportMetric(100*plain.of(all), "%_of_bare")
		b.ReportMetric(float64(few.time.Microseconds()), "µs/action_of_1000")
		b.ReportMetric(float64(all.time.Microseconds()), "µs/action")
		b.ReportMetric(all.of(few), "growth")
	}
}

// bulk is the time of so many orders in batches of 1,000, each in turn in a store and bare in a database of its own. A few others go before
// them, so that what is done once for a connection is done.
func bulk(b *testing.B, orders int) (stored, inserted time.Duration) {
	const batch, others = 1_000, 10
	o, beside, insert := fresh(b), fresh(b), newBare()
	defer o.pool.Close()
	defer beside.pool.Close()
	both := func(from, n int) (stored, inserted time.Duration) {
		changes := storetest.Bulk(b, from, n)
		rows := bareRows(b, changes, from)
		var columns [5][]any
		for table := range columns {
			columns[table] = bareColumns(rows, table)
		}
		inserted = timed(func() { require.NoError(b, insert.insertMany(b.Context(), beside.pool, columns)) })
		return timed(func() { storetest.Commit(b, o, changes) }), inserted
	}
	both(orders, others)
	for from := 0; from < orders; from += batch {
		s, i := both(from, batch)
		stored, inserted = stored+s, inserted+i
	}
	return stored, inserted
}

// BenchmarkOrders commits orders one by one, beside bare inserts of the same rows, each a durable transaction.
func BenchmarkOrders(b *testing.B) {
	for name, callers := range map[string]int{"lone": 1, "16 callers": 16} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				var stored, inserted best
				for range runs() {
					store, bare := orders(b, callers)
					stored.take(store, 500*callers)
					inserted.take(bare, 500*callers)
				}
				b.ReportMetric(100*inserted.of(stored), "%_of_bare")
				b.ReportMetric(float64(time.Second/stored.time), "orders/s")
			}
		})
	}
}

// orders is the time of 500 orders of each caller, in ten rounds: of the store and of the bare insert in turn.
func orders(b *testing.B, callers int) (stored, inserted time.Duration) {
	o, beside, insert := fresh(b), fresh(b), newBare()
	defer o.pool.Close()
	defer beside.pool.Close()
	each := 50 * callers
	changes := storetest.Bulk(b, 0, 10*each)
	rows := bareRows(b, changes, 0)
	for from := 0; from < len(changes); from += each {
		stored += timed(func() {
			concurrently(callers, from, from+each, func(i int) { storetest.Commit(b, o, []lock.Change{changes[i]}) })
		})
		inserted += timed(func() {
			concurrently(callers, from, from+each, func(i int) { require.NoError(b, insert.insertOne(b.Context(), beside.pool, rows[i])) })
		})
	}
	return stored, inserted
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
