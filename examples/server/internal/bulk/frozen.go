package bulk

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

// resolve returns a page of the devices that an order selects now, as lock/bulk wants them.
func (b *Batches) resolve(ctx context.Context, a lock.Actor, o Order, after string, limit int) ([]lock.Device, error) {
	for {
		ids, err := b.Groups.Resolve(ctx, a, o.selection(), after, limit)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		found, err := b.Devices.Whole(ctx, ids)
		if err != nil {
			return nil, err
		}
		if page, _ := sorted(ids, found); len(page) > 0 { // else all of them left just now
			return page, nil
		}
		after = ids[len(ids)-1]
	}
}

// sorted are the devices in the order of the IDs, and the IDs that are none's any more.
func sorted(ids []string, found map[string]inventory.Device) (devices []lock.Device, gone []string) {
	for _, id := range ids {
		if d, ok := found[id]; ok {
			devices = append(devices, d.Device)
		} else {
			gone = append(gone, id)
		}
	}
	return devices, gone
}

// asked is the selection of an order that was not made.
type asked struct {
	*Batches
	actor lock.Actor
	order Order
}

// Devices implements lock/bulk.Inventory.
func (s asked) Devices(ctx context.Context, _ string, _ lockbulk.Selection, after string, limit int) ([]lock.Device, error) {
	return s.resolve(ctx, s.actor, s.order, after, limit)
}

// frozen is the devices of a batch that have no outcome yet.
type frozen struct {
	*Batches
	batch string
}

// Devices implements lock/bulk.Inventory. A device that left the inventory since it was selected gets its outcome here.
func (f frozen) Devices(ctx context.Context, _ string, _ lockbulk.Selection, after string, limit int) ([]lock.Device, error) {
	for {
		ids, err := f.open(ctx, after, limit)
		if err != nil || len(ids) == 0 {
			return nil, err
		}
		found, err := f.Batches.Devices.Whole(ctx, ids)
		if err != nil {
			return nil, err
		}
		page, gone := sorted(ids, found)
		var records []record
		for _, id := range gone {
			records = append(records, record{device: id, outcome: string(Unknown), code: "removed", why: "The device left the inventory."})
		}
		if err := f.write(ctx, f.batch, records); err != nil || len(page) > 0 {
			return page, err
		}
		after = ids[len(ids)-1]
	}
}

func (f frozen) open(ctx context.Context, after string, limit int) ([]string, error) {
	rows, err := f.DB.Readers.QueryContext(ctx, `SELECT i.device FROM server_batch_items i
		WHERE i.batch = $1 AND i.outcome IN ('', 'ready')
			AND i.n > coalesce((SELECT p.n FROM server_batch_items p WHERE p.batch = $1 AND p.device = $2), -1)
		ORDER BY i.n LIMIT $3`, f.batch, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read the devices of a batch: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("read the devices of a batch: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
