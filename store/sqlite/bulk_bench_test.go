package sqlite_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// maker makes orders as a bulk order does: each with a PIN of its own, sealed, a first event and an idempotency key.
type maker struct {
	testing.TB
	ring *pin.Keyring
}

func newMaker(tb testing.TB) maker { return maker{tb, locktest.Keyring("bench")} }

func (m maker) order(d lock.Device) lock.Change {
	now := time.Now().UTC().Truncate(time.Microsecond)
	id := lock.NewID(now)
	code, err := pin.SixDigits().Generate()
	require.NoError(m, err)
	box, err := m.ring.Seal(m.Context(), code, pin.Binding{Action: string(id), Secret: 1, Scope: d.Scope, Platform: d.Platform})
	require.NoError(m, err)
	sum := sha256.Sum256(box)
	e := lock.Event{
		ID: lock.NewID(now), Action: id, Seq: 1, Type: lock.EventOrdered, Time: now, Scope: d.Scope, Device: d.ID, Actor: locktest.Admin(), Reason: "stolen",
		Order: &lock.Action{
			Kind: lock.KindLock, State: lock.StateQueued, Device: d, Holds: true, Message: "Call the help desk, please.", Ticket: "4711",
			Batch: "batch", Key: "batch/" + d.ID, NotAfter: now.AddDate(0, 0, 30),
		},
		Secrets: []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: box.KeyID(), SHA256: sum[:], Box: box}},
	}
	require.NoError(m, e.Seal(nil))
	a, err := lock.Action{}.Apply(e)
	require.NoError(m, err)
	a.Due, a.Wake = now, 1
	return lock.Change{Actions: []lock.Action{a}, Events: []lock.Event{e}, Key: "batch/" + d.ID}
}

func (m maker) orders(devices []lock.Device) []lock.Change {
	changes := make([]lock.Change, len(devices))
	for i, d := range devices {
		changes[i] = m.order(d)
	}
	return changes
}

// fleet is n devices. Their IDs are as long as Apple's and in no order, and their serial numbers follow another.
func fleet(n int) []lock.Device {
	devices := make([]lock.Device, n)
	for i := range devices {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		devices[i] = locktest.Device(hex.EncodeToString(sum[:20]))
		devices[i].Serial = hex.EncodeToString(sum[20:26])
	}
	return devices
}

func sorted(devices []lock.Device) []lock.Device {
	return slices.SortedFunc(slices.Values(devices), func(a, b lock.Device) int { return cmp.Compare(a.ID, b.ID) })
}

// bulkTimes are seconds an action: of a bare insert, of Commit with finished changes, and of making them.
type bulkTimes struct{ bare, store, make float64 }

func (t bulkTimes) least(u bulkTimes) bulkTimes {
	return bulkTimes{min(t.bare, u.bare), min(t.store, u.store), min(t.make, u.make)}
}

// bulk orders for all devices in batches of 1,000, each batch in turn on a store and bare on a database of its own.
func bulk(b *testing.B, devices []lock.Device) bulkTimes {
	m, s, plain := newMaker(b), fresh(b), newBare(b, fresh(b).writer, 100)
	defer s.close()
	defer func() { _ = plain.db.Close() }()
	const batch = 1000
	var t bulkTimes
	for from := 0; from < len(devices); from += batch {
		var changes []lock.Change
		t.make += seconds(func() { changes = m.orders(devices[from : from+batch]) })
		rows := bareRows(b, changes, from)
		t.bare += seconds(func() { require.NoError(b, plain.insert(b.Context(), rows)) })
		t.store += seconds(func() { store(b, s, changes) })
	}
	n := float64(len(devices))
	return bulkTimes{t.bare / n, t.store / n, t.make / n}
}

func seconds(do func()) float64 {
	start := time.Now()
	do()
	return time.Since(start).Seconds()
}

// BenchmarkBulk is a bulk order of 100,000 against a bare insert of the same rows: prepared statements of 100 rows each, in the same tables,
// indexes and transactions of 1,000, with the same settings. %bare is the worst of five runs, the times are the best; growth is
// the time per action of 100,000 orders over that of 1,000. The device order is that of the whole bulk; in any order, each batch of 1,000
// touches pages all over the indexes. With -short it is 5,000.
func BenchmarkBulk(b *testing.B) {
	size := 100_000
	if testing.Short() {
		size = 5_000
	}
	devices := fleet(size)
	for name, devices := range map[string][]lock.Device{"in device order": sorted(devices), "in any order": devices} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				benchmarkBulk(b, devices)
			}
		})
	}
}

func benchmarkBulk(b *testing.B, devices []lock.Device) {
	none := bulkTimes{math.Inf(1), math.Inf(1), math.Inf(1)}
	few, all := none, none
	worst, whole := math.Inf(1), math.Inf(1)
	for range 5 {
		few = few.least(bulk(b, devices[:1000]))
		t := bulk(b, devices)
		all = all.least(t)
		worst, whole = min(worst, t.bare/t.store), min(whole, t.bare/(t.store+t.make))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(100*worst, "%bare")
	b.ReportMetric(100*whole, "%bare-with-making")
	b.ReportMetric(all.store/few.store, "growth")
	b.ReportMetric(all.bare/few.bare, "growth-bare")
	b.ReportMetric(1e6*few.store, "µs/action-of-1000")
	b.ReportMetric(1e6*all.store, "µs/action")
	b.ReportMetric(1e6*all.make, "µs/making")
	b.ReportMetric(1e6*all.bare, "µs/bare")
}

// BenchmarkSingle is single orders from 16 callers against the same rows bare, one transaction each through the one writer: prepared
// statements, one row each. %bare is the worst of five runs.
func BenchmarkSingle(b *testing.B) {
	const callers, each = 16, 250
	devices := fleet(callers * each)
	for range b.N {
		worst := math.Inf(1)
		for range 5 {
			s, plain := fresh(b), newBare(b, fresh(b).writer, 1)
			changes := newMaker(b).orders(devices)
			rows := bareRows(b, changes, 0)
			bare := seconds(func() {
				together(callers, each, func(i int) { require.NoError(b, plain.insert(b.Context(), rows[i:i+1])) })
			})
			stored := seconds(func() { together(callers, each, func(i int) { store(b, s, changes[i:i+1]) }) })
			worst = min(worst, bare/stored)
			b.ReportMetric(1e6*stored/float64(len(devices)), "µs/action")
			b.ReportMetric(1e6*bare/float64(len(devices)), "µs/bare")
			s.close()
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(100*worst, "%bare")
	}
}

// together runs so many callers at once, who do so many things each.
func together(callers, each int, do func(i int)) {
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			for i := range each {
				do(c*each + i)
			}
		})
	}
	all.Wait()
}
