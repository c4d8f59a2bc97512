package auditlog

import (
	"context"
	"fmt"
)

// checkpoints reads the kept checkpoints in the order of their sizes.
type checkpoints struct {
	verifier
	storage Storage
	newest  checkpoint                     // comes last, whatever the list says; none when it is not known
	bad     func(stored []byte, err error) // is called for what is none, or not in its place; err may be nil

	last  int64 // size of the last good one
	since int   // bad ones that were read behind it
	read  [][]byte
	ended bool
	ahead checkpoint
}

// next returns the next checkpoint up to a size; none when there is none.
func (k *checkpoints) next(ctx context.Context, size int64) (checkpoint, error) {
	for k.ahead.size == 0 && !k.ended {
		if len(k.read) == 0 {
			if err := k.more(ctx); err != nil {
				return checkpoint{}, err
			}
			continue
		}
		stored := k.read[0]
		k.read = k.read[1:]
		c, err := k.open(stored)
		if err != nil || c.size <= k.last {
			k.since++
			k.bad(stored, err)
			continue
		}
		k.ahead, k.last, k.since = c, c.size, 0
	}
	if k.ahead.size == 0 && k.newest.size > k.last {
		k.ahead, k.last = k.newest, k.newest.size
	}
	if k.ahead.size > size {
		return checkpoint{}, nil
	}
	c := k.ahead
	k.ahead = checkpoint{}
	return c, nil
}

// more reads the next page. Bad ones have no size to go on from: they are read again, with as many more. Too many in a row end the list.
func (k *checkpoints) more(ctx context.Context) error {
	const limit, most = 100, 1 << 14
	if k.since > most {
		k.ended = true
		return nil
	}
	notes, err := k.storage.Checkpoints(ctx, k.last, limit+2*k.since)
	if err != nil {
		return fmt.Errorf("auditlog: read the checkpoints above size %d: %w", k.last, err)
	}
	k.read = notes[min(k.since, len(notes)):]
	k.ended = len(k.read) == 0
	return nil
}
