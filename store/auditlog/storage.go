package auditlog

import "context"

// Storage keeps the tiles of the tree and the signed checkpoints. The stores of this module have it, in the same database as the ledger.
// All methods are safe for concurrent use, by any number of processes. Package auditlogtest is its contract as a test suite.
type Storage interface {
	// Checkpoint returns the newest signed checkpoint and the size of its tree; 0 and nil when there is none.
	Checkpoint(ctx context.Context) (size int64, note []byte, err error)

	// Checkpoints returns the kept checkpoints of trees larger than above, smallest first, at most limit of them. All are kept.
	Checkpoints(ctx context.Context, above int64, limit int) (notes [][]byte, err error)

	// Tile returns the hashes of tile n at a level, 32 bytes each, from 1 to 256 of them, as far as it is filled; nil when there is none.
	// Tiles are 8 high: level 0 has the hashes of the leaves, level 1 the roots of full tiles of level 0.
	Tile(ctx context.Context, level int, n int64) (hashes []byte, err error)

	// Grow writes tiles, by level and n, and the checkpoint of a tree of size to, which is larger than from, in one transaction, if the
	// newest checkpoint is of size from (0: there is none); a tile takes the place of its shorter self. False and no change at all
	// otherwise. What is true is durable, and seen by every later call. It keeps nothing of the caller's memory.
	Grow(ctx context.Context, from, to int64, tiles map[[2]int64][]byte, note []byte) (grown bool, err error)
}

// Scanner is what a lock.Store may have beside its own methods, so that reading a whole ledger does not decode each event. Where a store
// has it, this package reads with it, and else with Events.
type Scanner interface {
	// Scan calls row for every event that has a position, from position from on and by position, with what is stored: neither decoded nor
	// checked. Events that are committed meanwhile may be among them or not. The slices are row's until it returns. Scan reads in pages of
	// its own, so that no transaction is open for long; row does not call the store. An error of row ends it and is returned, wrapped or
	// as it is.
	Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error
}
