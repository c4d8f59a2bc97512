package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/latchkey-mdm/latchkey/lock"
)

// maxStep is how many events one step adds at most: it bounds its memory, about 2 MiB of tiles, and its transaction.
const maxStep = 64 << 10

// Integrate adds all events to the log that have a position, having given one to those that had none yet (in a store that gives it later),
// and signs a checkpoint. Once it returns nil, a stored checkpoint covers every event that was committed before the call. When other
// processes do the same at the same time, somebody's work is done for all.
//
// It never signs what does not extend the newest checkpoint: the tiles it builds on must lead to that checkpoint's root, the checkpoint must
// be of the log's own key and extend those that this process has seen, and each event must have its place and the hash of its bytes.
// Else it returns a *TamperError and changes nothing. Checks of what is signed already are for Verify.
func (l *Log) Integrate(ctx context.Context) error {
	if err := sequence(ctx, l.cfg.Store); err != nil {
		return err
	}
	for {
		more, err := l.step(ctx)
		if err != nil || !more {
			return err
		}
	}
}

// sequence lets the store give positions, if it gives them later than it commits.
func sequence(ctx context.Context, store lock.Store) error {
	s, ok := store.(interface {
		Sequence(ctx context.Context) (bool, error)
	})
	for more := ok; more; {
		var err error
		if more, err = s.Sequence(ctx); err != nil {
			return fmt.Errorf("auditlog: give positions to events: %w", err)
		}
	}
	return nil
}

// step adds the next events. It says whether there may be more.
func (l *Log) step(ctx context.Context) (more bool, err error) {
	base, err := l.newest(ctx)
	if err != nil {
		return false, err
	}
	var grown *tree
	changed := map[[2]int64][]byte{}
	put := func(level int, n int64, hashes []byte) { changed[[2]int64{int64(level), n}] = bytes.Clone(hashes) }
	hashes := newHasher()
	err = (&feed{store: l.cfg.Store}).each(ctx, base.size, func(e entry) error {
		if grown == nil { // only now: there is something to add
			var err error
			if grown, err = newTiles(ctx, l.cfg.Storage, base).edge(); err != nil {
				return err
			}
			grown.full = put
		}
		if err := next(hashes, e, grown.size); err != nil {
			return err
		}
		grown.grow(tlog.RecordHash(e.hash))
		if grown.size-base.size == maxStep {
			return errEnough
		}
		return nil
	})
	more = errors.Is(err, errEnough)
	if err != nil && !more || grown == nil {
		return false, err
	}
	grown.partial(put)
	won, err := l.store(ctx, base.size, grown, changed)
	return more || !won, err
}

// store signs the tree and stores it, unless somebody else was faster.
func (l *Log) store(ctx context.Context, from int64, grown *tree, changed map[[2]int64][]byte) (won bool, err error) {
	signed, err := sign(grown, l.signer)
	if err != nil {
		return false, err
	}
	won, err = l.cfg.Storage.Grow(ctx, from, signed.size, changed, signed.note)
	if err != nil {
		return false, fmt.Errorf("auditlog: store the checkpoint of size %d: %w", signed.size, err)
	}
	if won {
		l.remember(signed)
	}
	return won, nil
}

// next returns a *TamperError unless the event is the one at the position, with the hash of its bytes.
func next(h *hasher, e entry, position int64) *TamperError {
	if e.position != position {
		return missing(position, e.position)
	}
	if !h.intact(e) {
		return changedBytes(e)
	}
	return nil
}
