package auditlog

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// errTile says that a tile is not there as far as the tree reaches.
var errTile = errors.New("a tile is missing, or shorter than the tree")

// tiles reads the tiles of a tree that a checkpoint signs, each once. What comes out of it is proven to be in that tree.
type tiles struct {
	tlog.HashReader
	of     checkpoint
	read   func(level int, n int64) ([]byte, error)
	seen   map[[2]int64][]byte
	failed error // of the storage, in contrast to what is in it

	proven   []byte // the last tile of leaves, see leaves
	provenAt int64
}

func newTiles(ctx context.Context, s Storage, of checkpoint) *tiles {
	t := &tiles{of: of, seen: map[[2]int64][]byte{}}
	t.read = func(level int, n int64) ([]byte, error) { return s.Tile(ctx, level, n) }
	t.HashReader = tlog.TileHashReader(of.tree(), t)
	return t
}

// Height is tlog.TileReader's.
func (t *tiles) Height() int { return tileHeight }

// SaveTiles is tlog.TileReader's.
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles is tlog.TileReader's. A tile may have grown since the tree was signed.
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, w := range wanted {
		at := [2]int64{int64(w.L), w.N}
		hashes, ok := t.seen[at]
		if !ok {
			var err error
			if hashes, err = t.read(w.L, w.N); err != nil {
				t.failed = fmt.Errorf("auditlog: read tile %d of level %d: %w", w.N, w.L, err)
				return nil, t.failed
			}
			t.seen[at] = hashes
		}
		if len(hashes) < w.W*tlog.HashSize {
			return nil, errTile
		}
		data[i] = hashes[:w.W*tlog.HashSize]
	}
	return data, nil
}

// tile returns the hashes of a tile as far as the tree reaches; none when it does not reach so far.
func (t *tiles) tile(level int, n int64) ([]byte, error) {
	width := min(t.of.size>>(tileHeight*level)-n*tileWidth, tileWidth)
	if width <= 0 {
		return nil, nil
	}
	hashes, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: level, N: n, W: int(width)}, t)
	return hashes, t.explain(err)
}

// explain tells tiles that do not lead to the checkpoint (*TamperError) from a storage that failed.
func (t *tiles) explain(err error) error {
	if err == nil || t.failed != nil {
		return t.failed
	}
	return &TamperError{
		What: TamperedCheckpoint, Position: 0, Upto: t.of.size,
		Detail: fmt.Sprintf("the stored tiles are not those of the signed checkpoint of size %d", t.of.size), Err: err,
	}
}

// edge returns the tree of the checkpoint, so that it can be appended to.
func (t *tiles) edge() (*tree, error) {
	grown := &tree{size: t.of.size}
	var levels []int
	var indexes []int64
	for level := range grown.nodes {
		if n := t.of.size >> level; n&1 == 1 {
			levels, indexes = append(levels, level), append(indexes, tlog.StoredHashIndex(level, n-1))
		}
	}
	if len(indexes) == 0 {
		return grown, nil
	}
	hashes, err := t.ReadHashes(indexes)
	if err != nil {
		return nil, t.explain(err)
	}
	for i, level := range levels {
		grown.nodes[level] = hashes[i]
	}
	for level := range grown.edge {
		n := t.of.size >> (tileHeight * (level + 1))
		if grown.edge[level], err = t.tile(level, n); err != nil {
			return nil, err
		}
	}
	return grown, nil
}
