package auditlog_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

var benchEvents = flag.Int("events", 20_000, "events of the ledger that benchmarks read")

// shelf is a large ledger of events alone, in SQLite: five of each action, as the service writes them.
type shelf struct {
	store     *sqlite.Store
	db        *sql.DB
	log       *auditlog.Log
	skey, key string
}

func newShelf(b *testing.B) *shelf {
	b.Helper()
	s := &shelf{}
	s.store, s.db = newSQLite(b)
	var err error
	s.skey, s.key, err = auditlog.NewKey(origin)
	require.NoError(b, err)
	s.log, err = auditlog.New(auditlog.Config{Store: s.store, Storage: s.store, Key: s.skey})
	require.NoError(b, err)
	const page = 50_000
	for from := 0; from < *benchEvents; from += page {
		s.fill(b, from, min(from+page, *benchEvents))
	}
	return s
}

// fill inserts events. Five actions take turns, so that an action's events do not lie side by side.
func (s *shelf) fill(b *testing.B, from, upto int) {
	b.Helper()
	tx, err := s.db.BeginTx(b.Context(), nil)
	require.NoError(b, err)
	insert, err := tx.PrepareContext(b.Context(), `INSERT INTO events (position, action, seq, type, time, scope, device, actor, prev, hash, body)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`)
	require.NoError(b, err)
	defer func() { _ = insert.Close() }()
	types := []lock.EventType{lock.EventOrdered, lock.EventIssued, lock.EventAcknowledged, lock.EventRevealed, lock.EventReleased}
	var heads [5][]byte
	var ids [5]lock.ID
	for position := from; position < upto; position++ {
		turn, seq := position%5, position/5%5+1
		if seq == 1 {
			ids[turn], heads[turn] = lock.NewID(zero), nil
		}
		e := benchEvent(ids[turn], seq, types[seq-1])
		require.NoError(b, e.Seal(heads[turn]))
		heads[turn] = e.Hash
		_, err := insert.ExecContext(b.Context(), position, string(e.Action), e.Seq, string(e.Type), e.Time.UnixMicro(), e.Scope, e.Device,
			e.Actor.ID, e.Prev, e.Hash, e.Body)
		require.NoError(b, err)
	}
	require.NoError(b, tx.Commit())
}

func benchEvent(id lock.ID, seq int, t lock.EventType) lock.Event {
	e := lock.Event{
		ID: lock.NewID(zero), Action: id, Seq: seq, Type: t, Time: zero.Add(time.Duration(seq) * time.Second), Scope: "acme", Device: string(id),
		Actor: locktest.Admin(),
	}
	if seq == 1 {
		sum := sha256.Sum256([]byte(id))
		e.Reason = "stolen"
		e.Order = &lock.Action{Kind: lock.KindLock, State: lock.StateQueued, Device: locktest.Device(string(id)), Holds: true, NotAfter: zero}
		e.Secrets = []lock.Secret{{N: 1, Name: lock.SecretPIN, KeyID: "key-1", SHA256: sum[:]}}
	}
	return e
}

// bare reads the same rows and hashes them, in the fastest way that the driver has.
func (s *shelf) bare(b *testing.B) (bytes int64) {
	b.Helper()
	rows, err := s.db.QueryContext(b.Context(), "SELECT position, prev, hash, body FROM events ORDER BY position")
	require.NoError(b, err)
	defer func() { _ = rows.Close() }()
	h := sha256.New()
	var sum [32]byte
	for rows.Next() {
		var position int64
		var prev, hash, body sql.RawBytes
		require.NoError(b, rows.Scan(&position, &prev, &hash, &body))
		h.Reset()
		_, _ = h.Write([]byte("latchkey event v1\n"))
		_, _ = h.Write(prev)
		_, _ = h.Write(body)
		require.Equal(b, string(hash), string(h.Sum(sum[:0])))
		bytes += int64(len(body))
	}
	require.NoError(b, rows.Err())
	return bytes
}

// BenchmarkIntegrate adds all events to the log. The time is per event.
func BenchmarkIntegrate(b *testing.B) {
	s := newShelf(b)
	b.ResetTimer()
	for range b.N {
		b.StopTimer()
		for _, table := range []string{"log_tiles", "log_checkpoints"} {
			_, err := s.db.ExecContext(b.Context(), "DROP TRIGGER IF EXISTS "+table+"_delete")
			require.NoError(b, err)
			_, err = s.db.ExecContext(b.Context(), "DELETE FROM "+table)
			require.NoError(b, err)
		}
		log, err := auditlog.New(auditlog.Config{Store: s.store, Storage: s.store, Key: s.skey})
		require.NoError(b, err)
		b.StartTimer()
		require.NoError(b, log.Integrate(b.Context()))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchEvents), "ns/event")
}

// BenchmarkVerify reads the log, and the same rows bare, in turns. 100 %bare would be as fast.
func BenchmarkVerify(b *testing.B) {
	s := newShelf(b)
	require.NoError(b, s.log.Integrate(b.Context()))
	bare, verified := time.Hour, time.Hour // the best of each
	var peak uint64
	b.ResetTimer()
	for range b.N {
		start := time.Now()
		s.bare(b)
		bare = min(bare, time.Since(start))
		start = time.Now()
		peak = max(peak, peakMemory(func() {
			report, err := auditlog.VerifyLog(b.Context(), s.store, s.store, auditlog.Trust{Key: s.key})
			require.NoError(b, err)
			require.Equal(b, int64(*benchEvents), report.Size)
		}))
		verified = min(verified, time.Since(start))
	}
	b.ReportMetric(100*bare.Seconds()/verified.Seconds(), "%bare")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(*benchEvents), "bare-ns/event")
	b.ReportMetric(float64(verified.Nanoseconds())/float64(*benchEvents), "verify-ns/event")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// BenchmarkVerifyExport writes the log to a file, and reads it without the ledger.
func BenchmarkVerifyExport(b *testing.B) {
	s := newShelf(b)
	require.NoError(b, s.log.Integrate(b.Context()))
	var wrote, verified time.Duration
	b.ResetTimer()
	for range b.N {
		file, err := os.Create(filepath.Join(b.TempDir(), "ledger.jsonl"))
		require.NoError(b, err)
		start := time.Now()
		require.NoError(b, s.log.Export(b.Context(), file))
		wrote += time.Since(start)
		start = time.Now()
		_, err = auditlog.VerifyExport(b.Context(), file, auditlog.Trust{Key: s.key})
		require.NoError(b, err)
		verified += time.Since(start)
		require.NoError(b, file.Close())
	}
	perEvent := float64(b.N) * float64(*benchEvents)
	b.ReportMetric(float64(wrote.Nanoseconds())/perEvent, "export-ns/event")
	b.ReportMetric(float64(verified.Nanoseconds())/perEvent, "verify-ns/event")
}

// peakMemory is the largest heap while f runs, above that before.
func peakMemory(f func()) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before := m.HeapAlloc
	var peak atomic.Uint64
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			<-tick.C
		}
	}()
	f()
	cancel()
	<-done
	return peak.Load() - min(before, peak.Load())
}

// BenchmarkProve proves events of logs of growing size. The bytes are those of the proof's JSON form.
func BenchmarkProve(b *testing.B) {
	s := newShelf(b)
	for size := 1000; size <= *benchEvents; size *= 10 {
		storage := sized(b, s, int64(size))
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var bytes int
			for i := range b.N {
				p, err := storage.ProveInclusion(b.Context(), int64(i*7919%size), 0)
				require.NoError(b, err)
				text, err := json.Marshal(p)
				require.NoError(b, err)
				bytes = len(p.Hashes) * 32
				b.ReportMetric(float64(len(text)), "json-bytes")
			}
			b.ReportMetric(float64(bytes), "hash-bytes")
		})
	}
}

// limited is the beginning of a ledger.
type limited struct {
	*sqlite.Store
	size int64
}

func (l limited) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if f.Limit = int(min(int64(f.Limit), l.size-f.From)); f.Limit <= 0 {
		return nil, nil
	}
	return l.Store.Events(ctx, f)
}

// sized is the log of the first events.
func sized(b *testing.B, s *shelf, size int64) *auditlog.Log {
	b.Helper()
	// Without the store's Scan, which knows no limit.
	beginning := struct{ lock.Store }{limited{s.store, size}}
	log, err := auditlog.New(auditlog.Config{Store: beginning, Storage: store.NewMemory(), Key: s.skey})
	require.NoError(b, err)
	require.NoError(b, log.Integrate(b.Context()))
	return log
}
