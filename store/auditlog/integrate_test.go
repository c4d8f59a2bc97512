package auditlog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

var zero = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// reference is the root over the first events, computed by other code.
func reference(t *testing.T, events []lock.Event) string {
	t.Helper()
	r := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for _, e := range events {
		require.NoError(t, r.Append(rfc6962.DefaultHasher.HashLeaf(e.Hash), nil))
	}
	root, err := r.GetRootHash(nil)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(root)
}

func TestIntegrate(t *testing.T) {
	b := newBook(t)
	b.integrate(t)
	require.Nil(t, b.checkpoint(t), "nothing is signed before there is an event")
	size := 0
	for _, count := range []int{1, 1, 253, 1, 1, 255, 600, 64 << 10, 7} { // around the ends of tiles, and more than one step takes
		signed := b.signed(t, count)
		size += count
		want := fmt.Sprintf("%s\n%d\n%s\n", origin, size, reference(t, b.all(t)))
		require.Equal(t, want, opened(t, b.key, signed))
	}
	before := b.checkpoint(t)
	b.integrate(t)
	assert.Equal(t, before, b.checkpoint(t), "nothing new: nothing is signed")
}

func TestIntegrateTogether(t *testing.T) {
	b := newBook(t)
	var group sync.WaitGroup
	for range 8 {
		log := b.newLog(t, b.Memory)
		group.Go(func() {
			for range 5 {
				b.notices(t, 40)
				assert.NoError(t, log.Integrate(t.Context()))
			}
		})
	}
	group.Wait()
	want := fmt.Sprintf("%s\n%d\n%s\n", origin, 1600, reference(t, b.all(t)))
	assert.Equal(t, want, opened(t, b.key, b.checkpoint(t)))
	_, err := auditlog.Verify(t.Context(), b, b, auditlog.Trust{Key: b.key})
	assert.NoError(t, err)
}

// faulty is a storage that gives away other tiles and checkpoints than it has, or fails.
type faulty struct {
	auditlog.Storage
	tile func(level int, n int64, hashes []byte) []byte
	note func(size int64, note []byte) (int64, []byte)
	down atomic.Bool
}

var errDown = errors.New("disk on fire")

func (f *faulty) err() error {
	if f.down.Load() {
		return errDown
	}
	return nil
}

func (f *faulty) Tile(ctx context.Context, level int, n int64) ([]byte, error) {
	hashes, err := f.Storage.Tile(ctx, level, n)
	if f.tile != nil {
		hashes = f.tile(level, n, hashes)
	}
	return hashes, errors.Join(err, f.err())
}

func (f *faulty) Checkpoint(ctx context.Context) (int64, []byte, error) {
	size, note, err := f.Storage.Checkpoint(ctx)
	if f.note != nil {
		size, note = f.note(size, note)
	}
	return size, note, errors.Join(err, f.err())
}

// refusal is something done to what the log builds on.
type refusal struct {
	name   string
	tamper func(t *testing.T, b *book, f *faulty)
	want   string
}

func flipped(at int) func(*testing.T, *book, *faulty) {
	return func(_ *testing.T, _ *book, f *faulty) {
		f.tile = func(level int, _ int64, hashes []byte) []byte {
			if level == at && len(hashes) > 40 {
				hashes[40] ^= 1
			}
			return hashes
		}
	}
}

func noted(size int64, note []byte) func(int64, []byte) (int64, []byte) {
	return func(int64, []byte) (int64, []byte) { return size, note }
}

func refusals() []refusal {
	return []refusal{
		{"leaf tile changed", flipped(0), "tiles are not those"},
		{"upper tile changed", flipped(1), "tiles are not those"},
		{"tile missing", func(_ *testing.T, _ *book, f *faulty) {
			f.tile = func(int, int64, []byte) []byte { return nil }
		}, "tiles are not those"},
		{"tile shorter", func(_ *testing.T, _ *book, f *faulty) {
			f.tile = func(_ int, _ int64, hashes []byte) []byte { return hashes[:len(hashes)-32] }
		}, "tiles are not those"},
		{"checkpoint of another key", func(t *testing.T, _ *book, f *faulty) {
			f.note = noted(1, newBook(t).signed(t, 1))
		}, "not one that this log signed"},
		{"checkpoint under another size", func(t *testing.T, b *book, f *faulty) {
			f.note = noted(699, b.checkpoint(t))
		}, "not one that this log signed"},
		{"log taken back while it runs", func(_ *testing.T, _ *book, f *faulty) { f.note = noted(0, nil) }, "does not extend"},
		{"log replaced by one of the same key", func(t *testing.T, b *book, f *faulty) {
			other := &book{Memory: store.NewMemory(), skey: b.skey}
			other.log = other.newLog(t, other)
			other.signed(t, 2000)
			f.Storage = other.Memory
		}, "does not extend"},
	}
}

// Whatever was done to what it builds on, it signs nothing.
func TestIntegrateRefuses(t *testing.T) {
	for _, c := range refusals() {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(t)
			f := &faulty{Storage: b.Memory}
			b.log = b.newLog(t, f)
			b.signed(t, 700)
			c.tamper(t, b, f)
			b.notices(t, 10)
			size, _, err := f.Storage.Checkpoint(t.Context())
			require.NoError(t, err)
			err = b.log.Integrate(t.Context())
			var found *auditlog.TamperError
			require.ErrorAs(t, err, &found)
			assert.Equal(t, auditlog.TamperedCheckpoint, found.What)
			require.ErrorContains(t, err, c.want)
			after, _, err := f.Storage.Checkpoint(t.Context())
			require.NoError(t, err)
			assert.Equal(t, size, after, "nothing was signed")
		})
	}
}

// scanned is a ledger whose events are not as they were committed.
type scanned struct {
	*store.Memory
	edit func(position int64, prev, hash, body []byte) (int64, []byte)
}

func (s scanned) Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error {
	return s.Memory.Scan(ctx, from, func(position int64, prev, hash, body []byte) error {
		prev, hash = bytes.Clone(prev), bytes.Clone(hash)
		position, body = s.edit(position, prev, hash, bytes.Clone(body))
		return row(position, prev, hash, body)
	})
}

func TestIntegrateReadsWhatItSigns(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(position int64, prev, hash, body []byte) (int64, []byte)
		want auditlog.What
	}{
		{"body", func(position int64, _, _, body []byte) (int64, []byte) {
			if position == 5 {
				body[len(body)-3]++
			}
			return position, body
		}, auditlog.Changed},
		{"gap", func(position int64, _, _, body []byte) (int64, []byte) {
			if position >= 5 {
				position++
			}
			return position, body
		}, auditlog.Removed},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBook(t)
			b.notices(t, 10)
			log, err := auditlog.New(auditlog.Config{Store: scanned{b.Memory, c.edit}, Storage: b, Key: b.skey})
			require.NoError(t, err)
			var found *auditlog.TamperError
			require.ErrorAs(t, log.Integrate(t.Context()), &found)
			assert.Equal(t, finding{c.want, 5, 6}, finding{found.What, found.Position, found.Upto})
			assert.Nil(t, b.checkpoint(t))
		})
	}
}

func TestIntegrateStorageFails(t *testing.T) {
	b := newBook(t)
	b.signed(t, 300)
	b.notices(t, 1)
	f := &faulty{Storage: b.Memory}
	f.down.Store(true)
	err := b.newLog(t, f).Integrate(t.Context())
	require.ErrorIs(t, err, errDown)
	var found *auditlog.TamperError
	assert.NotErrorAs(t, err, &found, "a storage that fails was not tampered with")
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := newBook(t)
		f := &faulty{Storage: b.Memory}
		log, err := auditlog.New(auditlog.Config{Store: b, Storage: f, Key: b.skey, Logger: slog.New(slog.NewTextHandler(&out, nil))})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		b.notices(t, 3)
		go func() { ended <- log.Run(ctx) }()
		synctest.Wait()
		assert.Contains(t, string(b.checkpoint(t)), "\n3\n", "at once")
		b.notices(t, 2)
		time.Sleep(time.Second)
		assert.Contains(t, string(b.checkpoint(t)), "\n5\n", "within a second")

		after := func(d time.Duration) string {
			time.Sleep(d)
			synctest.Wait()
			return out.String()
		}
		f.down.Store(true)
		assert.Equal(t, 1, strings.Count(after(5*time.Second), errDown.Error()), "an error is logged once")
		f.down.Store(false)
		assert.Contains(t, after(time.Second), "goes on")
		f.down.Store(true)
		assert.Equal(t, 2, strings.Count(after(time.Second), errDown.Error()), "and again when it comes back")
		cancel()
		assert.NoError(t, <-ended)
	})
}
