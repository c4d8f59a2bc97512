package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Checkpoint returns the newest signed checkpoint of the log over the events (package auditlog) and the size of its tree; 0 and nil when
// there is none.
func (s *Store) Checkpoint(ctx context.Context) (size int64, note []byte, err error) {
	err = s.pool.QueryRow(ctx, "SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1").Scan(&size, &note)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, nil, failed("checkpoint", err)
	}
	return size, note, nil
}

// Checkpoints returns the checkpoints of trees larger than above, smallest first, at most limit.
func (s *Store) Checkpoints(ctx context.Context, above int64, limit int) ([][]byte, error) {
	rows, err := s.pool.Query(ctx, "SELECT note FROM log_checkpoints WHERE size > $1 ORDER BY size LIMIT $2", above, limit)
	if err != nil {
		return nil, failed("checkpoints", err)
	}
	notes, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, failed("checkpoints", err)
	}
	return notes, nil
}

// Tile returns the hashes of a tile of the log's tree as far as it is filled; nil when there is none.
func (s *Store) Tile(ctx context.Context, level int, n int64) (hashes []byte, err error) {
	err = s.pool.QueryRow(ctx, "SELECT hashes FROM log_tiles WHERE level = $1 AND n = $2", level, n).Scan(&hashes)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return nil, failed("tile", err)
	}
	return hashes, nil
}

// Grow writes tiles, by level and n, and the checkpoint of a tree of size to in one transaction, if the newest checkpoint is of size from (0:
// there is none), which is smaller. False, and no change, otherwise. After an error it is unknown whether the log has grown: Checkpoint tells.
func (s *Store) Grow(ctx context.Context, from, to int64, tiles map[[2]int64][]byte, note []byte) (grown bool, err error) {
	if from < 0 || to <= from {
		return false, &lock.InputError{Field: "to", Rule: "must be above from, which must not be negative"}
	}
	var levels, numbers []int64
	var hashes [][]byte
	for at, tile := range tiles {
		levels, numbers, hashes = append(levels, at[0]), append(numbers, at[1]), append(hashes, tile)
	}
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	err = pgx.BeginTxFunc(ctx, s.pool, options, func(tx pgx.Tx) error {
		// One at a time: the statement after this one sees the checkpoint of whoever was before.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock("+advisory("grow")+")"); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, "INSERT INTO log_checkpoints (size, note) SELECT $2, $3 WHERE "+
			"(SELECT coalesce(max(size), 0) FROM log_checkpoints) = $1", from, to, note)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		grown = true
		_, err = tx.Exec(ctx, "INSERT INTO log_tiles (level, n, hashes) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) "+
			"ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes", levels, numbers, hashes)
		return err
	})
	if err != nil {
		return false, failed("grow", err)
	}
	return grown, nil
}
