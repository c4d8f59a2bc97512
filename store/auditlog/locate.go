package auditlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// lookahead is how many events are searched for one that is not in its place.
const lookahead = tileWidth

// locate narrows a finding to the first event that is not the one that was signed: the stored tiles name each leaf, and can be trusted
// where they lead to the root of a signed checkpoint.
func locate(ctx context.Context, src source, found *TamperError) (*TamperError, error) {
	t := src.tiles(ctx)
	if t == nil || found.What == TamperedCheckpoint {
		return found, nil
	}
	at, upto, other := found.Proven, min(found.Upto, t.of.size), false
	err := src.each(ctx, at, func(e entry) error {
		if e.position != at || at >= upto {
			return errEnough
		}
		leaf, err := t.leaf(at)
		if err != nil {
			return err
		}
		if own := tlog.RecordHash(e.hash); !bytes.Equal(own[:], leaf) {
			other = true
			return errEnough
		}
		at++
		found.Proven = max(found.Proven, min(at, found.Position)) // the bytes there need not be those of the hash
		return nil
	})
	var broken *TamperError
	switch {
	case errors.As(err, &broken): // the tiles were changed too
		return found, nil
	case err != nil && !errors.Is(err, errEnough):
		return nil, err
	case other:
		return instead(ctx, src, t, at)
	}
	return found, nil
}

// leaf returns the hash that was signed for a position.
func (t *tiles) leaf(position int64) ([]byte, error) {
	hashes, err := t.leaves(position / tileWidth)
	if err != nil {
		return nil, err
	}
	at := position % tileWidth * tlog.HashSize
	return hashes[at : at+tlog.HashSize], nil
}

// leaves returns a proven tile of leaves, and remembers it as long as no other is asked for.
func (t *tiles) leaves(n int64) ([]byte, error) {
	if t.proven == nil || t.provenAt != n {
		clear(t.seen) // bounds memory
		hashes, err := t.tile(0, n)
		if err != nil {
			return nil, err
		}
		t.proven, t.provenAt = hashes, n
	}
	return t.proven, nil
}

// instead says what was done at the position, where another event was signed than the one that stands there.
func instead(ctx context.Context, src source, t *tiles, position int64) (*TamperError, error) {
	found := &TamperError{Position: position, Upto: position + 1, Proven: position}
	var stored, signed [][]byte
	err := src.each(ctx, position, func(e entry) error {
		if len(stored) == 0 {
			found.Action, found.Seq, _ = identify(e.body)
		}
		own := tlog.RecordHash(e.hash)
		if stored = append(stored, own[:]); len(stored) == lookahead {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	for at := position; at < min(position+lookahead, t.of.size); at++ {
		leaf, err := t.leaf(at)
		if err != nil {
			break // what cannot be proven is of no use for the search
		}
		signed = append(signed, leaf)
	}
	here, there := index(signed, stored[0]), index(stored, signed[0])
	switch {
	case here > 0 && there > 0:
		found.What, found.Detail = Reordered, fmt.Sprintf("the event that was signed here stands at position %d", position+int64(there))
	case here > 0:
		found.What, found.Upto = Removed, position+int64(here)
		found.Detail = fmt.Sprintf("the event that was signed at position %d stands in its place", position+int64(here))
	case there > 0:
		found.What, found.Upto = Inserted, position+int64(there)
		found.Detail = fmt.Sprintf("the event that was signed here stands at position %d", position+int64(there))
	default:
		found.What, found.Detail = Changed, "another event was signed here"
	}
	if found.What == Removed { // what stands there now is not what was removed
		found.Action, found.Seq = "", 0
	}
	return found, nil
}

func index(hashes [][]byte, h []byte) int {
	for i := range hashes {
		if bytes.Equal(hashes[i], h) {
			return i
		}
	}
	return -1
}
