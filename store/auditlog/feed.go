package auditlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"

	"github.com/latchkey-mdm/latchkey/lock"
)

// entry is an event as it is stored.
type entry struct {
	position         int64
	prev, hash, body []byte
}

const (
	pageEntries = 1000
	pageBytes   = 4 << 20
)

// feed reads events by position. It reuses its memory: a page is good until the next is read.
type feed struct {
	store   lock.Store
	arena   []byte
	entries []entry
	ended   bool // the page was not full: there was no more when it was read, whatever was committed since
}

// errEnough ends a reading before the end.
var errEnough = errors.New("enough was read")

// each calls visit with every event from a position on, until it returns an error, which each returns. What visit is given is good until it
// returns; it may use the store.
func (f *feed) each(ctx context.Context, from int64, visit func(entry) error) error {
	for {
		page, err := f.page(ctx, from)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := visit(e); err != nil {
				return err
			}
			from = e.position + 1
		}
		if f.ended {
			return nil
		}
	}
}

// page returns the events from a position on, at most 1,000.
func (f *feed) page(ctx context.Context, from int64) ([]entry, error) {
	f.arena, f.entries = f.arena[:0], f.entries[:0]
	scanner, ok := f.store.(Scanner)
	if !ok {
		return f.events(ctx, from)
	}
	f.ended = true
	var ends []int // in the arena, which may move while it grows
	err := scanner.Scan(ctx, from, func(position int64, prev, hash, body []byte) error {
		f.entries = append(f.entries, entry{position: position})
		for _, part := range [][]byte{prev, hash, body} {
			f.arena = append(f.arena, part...)
			ends = append(ends, len(f.arena))
		}
		if len(f.entries) == pageEntries || len(f.arena) > pageBytes {
			f.ended = false
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("auditlog: read events from position %d: %w", from, err)
	}
	start := 0
	part := func(i int) []byte {
		data := f.arena[start:ends[i]:ends[i]]
		start = ends[i]
		return data
	}
	for i := range f.entries {
		e := &f.entries[i]
		e.prev, e.hash, e.body = part(3*i), part(3*i+1), part(3*i+2)
	}
	return f.entries, nil
}

func (f *feed) events(ctx context.Context, from int64) ([]entry, error) {
	events, err := f.store.Events(ctx, lock.EventFilter{From: from, Limit: pageEntries})
	if err != nil {
		return nil, fmt.Errorf("auditlog: read events from position %d: %w", from, err)
	}
	f.ended = len(events) < pageEntries
	for _, e := range events {
		f.entries = append(f.entries, entry{e.Position, e.Prev, e.Hash, e.Body})
	}
	return f.entries, nil
}

// hasher computes the hashes of events.
type hasher struct {
	h   hash.Hash
	sum [sha256.Size]byte
}

func newHasher() *hasher { return &hasher{h: sha256.New()} }

// intact reports whether the event has the hash of its bytes.
func (h *hasher) intact(e entry) bool {
	h.h.Reset()
	_, _ = h.h.Write([]byte("latchkey event v1\n"))
	_, _ = h.h.Write(e.prev)
	_, _ = h.h.Write(e.body)
	return len(e.prev) == sha256.Size && bytes.Equal(h.h.Sum(h.sum[:0]), e.hash)
}
