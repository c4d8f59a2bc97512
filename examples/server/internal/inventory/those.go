package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// Those returns the devices with these IDs, at most 1,000, by ID and without what they said. One that the inventory does not know (any
// more) is left out.
func (s *Store) Those(ctx context.Context, ids []string) (map[string]Device, error) {
	found := map[string]Device{}
	list, err := json.Marshal(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !db.IsText(id) }))
	if err != nil {
		return nil, err
	}
	query := `SELECT ` + columns + ` FROM server_devices d WHERE d.removed = 0 AND d.id IN (` + s.db.Texts("$1") + `)` //nolint:gosec // of our own terms
	rows, err := s.db.Readers.QueryContext(ctx, query, string(list))
	if err != nil {
		return nil, fmt.Errorf("find devices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		d, err := s.scan(rows)
		if err != nil {
			return nil, fmt.Errorf("find devices: %w", err)
		}
		found[d.ID] = d
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("find devices: %w", err)
	}
	return found, nil
}
