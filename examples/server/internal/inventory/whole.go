package inventory

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Whole is Those with what the devices said, as an order for each of them needs it.
func (s *Store) Whole(ctx context.Context, ids []string) (map[string]Device, error) {
	found, err := s.Those(ctx, ids)
	if err != nil || len(found) == 0 {
		return found, err
	}
	known := make([]string, 0, len(found))
	for id := range found {
		known = append(known, id)
	}
	list, err := json.Marshal(known)
	if err != nil {
		return nil, fmt.Errorf("find devices: %w", err)
	}
	query := `SELECT device, name, value, learnt_at FROM server_facts WHERE device IN (` + s.db.Texts("$1") + `)` //nolint:gosec // our own terms
	rows, err := s.db.Readers.QueryContext(ctx, query, string(list))
	if err != nil {
		return nil, fmt.Errorf("read what devices said: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, name string
		var f lock.Fact
		var at int64
		if err := rows.Scan(&id, &name, &f.Value, &at); err != nil {
			return nil, fmt.Errorf("read what devices said: %w", err)
		}
		f.At = db.Time(at)
		d := found[id]
		if d.Facts == nil {
			d.Facts = map[string]lock.Fact{}
		}
		d.Facts[name] = f
		found[id] = d
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read what devices said: %w", err)
	}
	return found, nil
}
