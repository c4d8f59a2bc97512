package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Verify reads a whole ledger and returns what it found to be in order, or a *TamperError that names the first event that was changed,
// removed, inserted, reordered or cut off, or the first action or sealed box that is not what the events say. Errors of the stores are
// returned wrapped; an *lock.InputError says that what is to be trusted is no key or no checkpoint of the log.
//
// It needs no more than to read. Events that are committed meanwhile do not disturb it.
func Verify(ctx context.Context, store lock.Store, storage Storage, trust Trust) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	return v.live(ctx, store, storage)
}

func (v *verification) live(ctx context.Context, store lock.Store, storage Storage) (Report, error) {
	size, signed, err := storage.Checkpoint(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("auditlog: read the newest checkpoint: %w", err)
	}
	src := &live{feed: feed{store: store}, storage: storage, size: size}
	if signed != nil {
		if src.newest, err = v.open(signed); err != nil || src.newest.size != size {
			src.newest = checkpoint{} // the pass will find it too
		}
	}
	return v.run(ctx, src, (&ledger{store: store, report: &v.report}).check)
}

// live is a ledger as a source.
type live struct {
	feed
	storage Storage
	size    int64      // of the newest checkpoint when the verification began; what was signed later is of no concern
	newest  checkpoint // none when it is not signed
	failed  error      // of the storage
}

func (s *live) tiles(ctx context.Context) *tiles {
	if s.newest.size == 0 {
		return nil
	}
	return newTiles(ctx, s.storage, s.newest)
}

func (s *live) read(ctx context.Context, p *pass) error {
	kept := &checkpoints{storage: s.storage}
	if p.whole {
		p.known = max(p.known, s.newest.size)
		p.tree.full = func(level int, n int64, hashes []byte) {
			if (n+1)<<(tileHeight*(level+1)) <= s.newest.size {
				s.compare(ctx, p, level, n, hashes)
			}
		}
	}
	err := s.each(ctx, 0, func(e entry) error {
		if err := p.event(e); err != nil {
			return err
		}
		return errors.Join(s.covering(ctx, p, kept, e.position+1), s.failed)
	})
	if err != nil {
		return err
	}
	return errors.Join(s.covering(ctx, p, kept, s.size), s.failed)
}

// covering gives the pass the checkpoints up to a size.
func (s *live) covering(ctx context.Context, p *pass, kept *checkpoints, size int64) error {
	for p.whole {
		c, err := kept.next(ctx, p, size)
		if err != nil || c.size == 0 {
			return err
		}
		if err := p.checkpoint(c); err != nil {
			return err
		}
		if c.size == s.newest.size {
			p.tree.partial(func(level int, n int64, hashes []byte) { s.compare(ctx, p, level, n, hashes) })
		}
	}
	return nil
}

// compare holds a tile that the events fill against the stored one. A difference tells nothing of the events, whose root decides.
func (s *live) compare(ctx context.Context, p *pass, level int, n int64, hashes []byte) {
	stored, err := s.storage.Tile(ctx, level, n)
	if err != nil {
		s.failed = fmt.Errorf("auditlog: read tile %d of level %d: %w", n, level, err)
		return
	}
	if len(stored) < len(hashes) || !bytes.Equal(stored[:len(hashes)], hashes) {
		height := tileHeight * (level + 1)
		p.note(&TamperError{
			What: TamperedCheckpoint, Position: n << height, Upto: min((n+1)<<height, s.newest.size),
			Detail: fmt.Sprintf("tile %d of level %d of the stored tree is not what the signed events make it: proofs would not hold", n, level),
		})
	}
}

// checkpoints reads the kept checkpoints in the order of their sizes.
type checkpoints struct {
	storage Storage
	last    int64 // size of the last good one
	above   int64 // where the last page began
	pages   int
	read    [][]byte
	ended   bool
	ahead   checkpoint
}

// next returns the next checkpoint up to a size; none when there is none. One that is not signed is noted and passed over.
func (k *checkpoints) next(ctx context.Context, p *pass, size int64) (checkpoint, error) {
	for k.ahead.size == 0 && !k.ended {
		if len(k.read) == 0 {
			if err := k.more(ctx); err != nil {
				return checkpoint{}, err
			}
			continue
		}
		c, err := p.open(k.read[0])
		k.read = k.read[1:]
		switch {
		case err != nil || c.size <= k.last:
			p.note(p.badCheckpoint("a stored one is not one that this log signed in its place", err))
		default:
			k.ahead, k.last = c, c.size
		}
	}
	if k.ahead.size > size {
		return checkpoint{}, nil
	}
	c := k.ahead
	k.ahead = checkpoint{}
	return c, nil
}

// more reads the next page. A whole page of bad ones ends the list.
func (k *checkpoints) more(ctx context.Context) error {
	const limit = 100
	if k.pages > 0 && k.last == k.above { // nothing good in a page
		k.ended = true
		return nil
	}
	k.above = k.last
	k.pages++
	notes, err := k.storage.Checkpoints(ctx, k.above, limit)
	if err != nil {
		return fmt.Errorf("auditlog: read the checkpoints above size %d: %w", k.above, err)
	}
	k.read, k.ended = notes, len(notes) == 0
	return nil
}
