package auditlog

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight // hashes of a full tile
)

// tree is the right edge of a Merkle tree (RFC 6962, section 2.1): all that is needed to append to it and to know its root. The tiles that
// it passes through are given away as they are filled.
type tree struct {
	size  int64
	nodes [64]tlog.Hash // by level; those of the full subtrees where size has a bit
	edge  [8][]byte     // by level: the hashes of the tile that is not full yet
	full  func(level int, n int64, hashes []byte)
}

// grow appends a leaf.
func (t *tree) grow(h tlog.Hash) {
	n := t.size
	level := 0
	for {
		if level%tileHeight == 0 {
			t.keep(level/tileHeight, n, h)
		}
		if n&1 == 0 {
			break
		}
		h = tlog.NodeHash(t.nodes[level], h)
		n >>= 1
		level++
	}
	t.nodes[level] = h
	t.size++
}

// keep adds hash n of a level to the level's tile.
func (t *tree) keep(level int, n int64, h tlog.Hash) {
	t.edge[level] = append(t.edge[level], h[:]...)
	if len(t.edge[level]) == tileWidth*tlog.HashSize {
		if t.full != nil {
			t.full(level, n/tileWidth, t.edge[level])
		}
		t.edge[level] = t.edge[level][:0]
	}
}

// partial calls visit with each tile at the edge that is not empty.
func (t *tree) partial(visit func(level int, n int64, hashes []byte)) {
	for level, hashes := range t.edge {
		if len(hashes) > 0 {
			visit(level, t.size>>(tileHeight*(level+1)), hashes)
		}
	}
}

// root is the Merkle tree hash.
func (t *tree) root() tlog.Hash {
	var root tlog.Hash
	none := true
	for level := range t.nodes {
		switch {
		case t.size>>level&1 == 0:
		case none:
			root, none = t.nodes[level], false
		default:
			root = tlog.NodeHash(t.nodes[level], root)
		}
	}
	if none {
		return sha256.Sum256(nil)
	}
	return root
}
