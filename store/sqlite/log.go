package sqlite

import (
	"context"
	_ "embed" // the statements
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

var (
	//go:embed queries/newest_checkpoint.sql
	newestCheckpoint string
	//go:embed queries/checkpoints.sql
	checkpointsAbove string
	//go:embed queries/tile.sql
	tileAt string
	//go:embed queries/put_tile.sql
	putTile string
	//go:embed queries/insert_checkpoint.sql
	insertCheckpoint string
)

// Checkpoint returns the newest signed checkpoint of the log over the events (package auditlog) and the size of its tree; 0 and nil when
// there is none.
func (s *Store) Checkpoint(ctx context.Context) (size int64, note []byte, err error) {
	return s.newest(ctx)
}

func (r reader) newest(ctx context.Context) (size int64, note []byte, err error) {
	err = r.each(ctx, newestCheckpoint, nil, func(scan func(...any) error) error { return scan(&size, &note) })
	return size, note, err
}

// Checkpoints returns the kept checkpoints of trees larger than above, smallest first, at most limit.
func (s *Store) Checkpoints(ctx context.Context, above int64, limit int) (notes [][]byte, err error) {
	err = s.each(ctx, checkpointsAbove, []any{above, max(limit, 0)}, func(scan func(...any) error) error {
		var note []byte
		err := scan(&note)
		notes = append(notes, note)
		return err
	})
	return notes, err
}

// Tile returns the hashes of tile n at a level of the log's tree, 32 bytes each, as far as it is filled; nil when there is none.
func (s *Store) Tile(ctx context.Context, level int, n int64) (hashes []byte, err error) {
	err = s.each(ctx, tileAt, []any{level, n}, func(scan func(...any) error) error { return scan(&hashes) })
	return hashes, err
}

// Grow writes tiles, by level and n, and the checkpoint of a tree of size to in one durable transaction, if the newest checkpoint is of size
// from (0: there is none), which is smaller. False, and no change, otherwise. After an error it is unknown whether the log has grown:
// Checkpoint tells.
func (s *Store) Grow(ctx context.Context, from, to int64, tiles map[[2]int64][]byte, note []byte) (grown bool, err error) {
	if from < 0 || to <= from {
		return false, &lock.InputError{Field: "to", Rule: "must be above from, which must not be negative"}
	}
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return false, fmt.Errorf("sqlite: grow the log: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := checkDurable(ctx, tx); err != nil {
		return false, err
	}
	if size, _, err := (reader{tx}).newest(ctx); err != nil || size != from {
		return false, err
	}
	for at, hashes := range tiles {
		if _, err := tx.ExecContext(ctx, putTile, at[0], at[1], hashes); err != nil {
			return false, fmt.Errorf("sqlite: grow the log: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, insertCheckpoint, to, note); err != nil {
		return false, fmt.Errorf("sqlite: grow the log: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return false, fmt.Errorf("sqlite: grow the log: commit: the outcome is unknown: %w", err)
	}
	return true, nil
}
