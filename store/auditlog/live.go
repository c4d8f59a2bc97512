package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Verify reads a whole ledger and returns what it found to be in order, or a *TamperError that names the first event that was changed,
// removed, inserted, reordered or cut off, or the first action or sealed box that is not what the events say. Errors of the stores are
// returned wrapped; an *lock.InputError says that what is to be trusted is no key or no checkpoint of the log.
//
// It needs no more than to read. A store that gives events their positions later is asked to do so where one is missing; where it may not,
// Report.Waiting counts what was left out. Events that are committed meanwhile do not disturb it.
func Verify(ctx context.Context, store lock.Store, storage Storage, trust Trust) (Report, error) {
	v, err := newVerification(trust)
	if err != nil {
		return Report{}, err
	}
	return v.live(ctx, store, storage)
}

func (v *verification) live(ctx context.Context, store lock.Store, storage Storage) (Report, error) {
	src := &live{feed: feed{store: store}, storage: storage}
	if err := src.begin(ctx, v.verifier); err != nil {
		return Report{}, err
	}
	return v.run(ctx, src, (&ledger{store: store, report: &v.report}).check)
}

// live is a ledger as a source.
type live struct {
	feed
	storage Storage
	newest  checkpoint // when the verification began; what was signed later is of no concern
	bad     error      // what is wrong with the one that is stored as the newest, if that is not this one
	failed  error      // of the storage
}

// begin looks for the newest checkpoint: where what is stored as such is none of its size, for the largest that was signed.
func (s *live) begin(ctx context.Context, v verifier) error {
	size, signed, err := s.storage.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("auditlog: read the newest checkpoint: %w", err)
	}
	if signed == nil {
		return nil
	}
	s.newest, s.bad = v.open(signed)
	if s.bad == nil && s.newest.size != size {
		s.bad = fmt.Errorf("%w of size %d, but of size %d", errCheckpoint, size, s.newest.size)
	}
	if s.bad == nil {
		return nil
	}
	kept := &checkpoints{verifier: v, storage: s.storage, bad: func([]byte, error) {}}
	for {
		c, err := kept.next(ctx, math.MaxInt64)
		if err != nil || c.size == 0 {
			return err
		}
		s.newest = c
	}
}

func (s *live) tiles(ctx context.Context) *tiles {
	if s.newest.size == 0 {
		return nil
	}
	return newTiles(ctx, s.storage, s.newest)
}

func (s *live) read(ctx context.Context, p *pass) error {
	kept := &checkpoints{verifier: p.verifier, storage: s.storage, newest: s.newest, bad: func(_ []byte, err error) {
		p.note(p.badCheckpoint("a stored one is not one that this log signed in its place", err))
	}}
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
	err = errors.Join(s.covering(ctx, p, kept, s.newest.size), s.failed)
	if err == nil && s.bad != nil {
		p.note(p.badCheckpoint("what is stored as the newest is not one that this log signed", s.bad))
	}
	return err
}

// covering gives the pass the checkpoints up to a size.
func (s *live) covering(ctx context.Context, p *pass, kept *checkpoints, size int64) error {
	for p.whole {
		c, err := kept.next(ctx, size)
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
