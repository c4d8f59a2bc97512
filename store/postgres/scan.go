package postgres

import (
	"context"
	_ "embed" // the statement

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

//go:embed queries/scan_events.sql
var scanEvents string

// scanPage is how many events one statement of Scan reads: no snapshot is held for long.
const scanPage = 4096

// Scan calls row for every event that has a position, from a position on and by position, with what is stored: neither decoded nor checked.
// Events that are committed meanwhile may be among them or not. The slices are row's until it returns. An error of row ends it and is
// returned as it is.
func (s *Store) Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error {
	for count := scanPage; count == scanPage; {
		rows, err := s.pool.Query(ctx, scanEvents, from, scanPage)
		if err != nil {
			return failed("scan", err)
		}
		var position int64
		var prev, hash, body pgtype.DriverBytes // not copied
		var refused error
		count = 0
		_, err = pgx.ForEachRow(rows, []any{&position, &prev, &hash, &body}, func() error {
			count++
			from = position + 1
			refused = row(position, prev, hash, body)
			return refused
		})
		if refused != nil {
			return refused
		}
		if err != nil {
			return failed("scan", err)
		}
	}
	return nil
}
