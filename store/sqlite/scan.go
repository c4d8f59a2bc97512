package sqlite

import (
	"context"
	"database/sql"
	_ "embed" // the statement
	"fmt"
)

//go:embed queries/scan_events.sql
var scanEvents string

// scanPage is how many events one statement of Scan reads: no reader holds up the write-ahead log for long.
const scanPage = 4096

// Scan calls row for every event from a position on, by position, with what is stored: neither decoded nor checked. Events that are
// committed meanwhile may be among them or not. The slices are row's until it returns. An error of row ends it and is returned as it is.
func (s *Store) Scan(ctx context.Context, from int64, row func(position int64, prev, hash, body []byte) error) error {
	for {
		count := 0
		var refused error
		err := s.each(ctx, scanEvents, []any{from, scanPage},
			func(scan func(...any) error) error {
				var position int64
				var prev, hash, body sql.RawBytes
				if err := scan(&position, &prev, &hash, &body); err != nil {
					return err
				}
				count++
				from = position + 1
				refused = row(position, prev, hash, body)
				return refused
			})
		switch {
		case refused != nil:
			return refused
		case err != nil:
			return err
		case count < scanPage:
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("sqlite: %w", err)
		}
	}
}
