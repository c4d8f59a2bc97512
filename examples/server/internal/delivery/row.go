package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// row is a delivery as the table has it.
type row struct {
	Delivery
	version int64
	begun   int64 // microseconds; 0: no attempt was made
	token   []byte
}

const columns = `id, action, recipient, address, actor_id, actor_name, actor_address, mode, state, cause, attempts, version,
	ordered_at, due_at, begun_at, sent_at, expires_at, opened_at, token`

// rows reads deliveries. Conditions are constants with $ placeholders.
func (d *Deliveries) rows(ctx context.Context, conditions string, args ...any) (all []row, err error) {
	found, err := d.DB.Readers.QueryContext(ctx, `SELECT `+columns+` FROM server_deliveries WHERE `+conditions, args...) //nolint:gosec // constants
	if err != nil {
		return nil, fmt.Errorf("look up deliveries: %w", err)
	}
	defer func() { _ = found.Close() }()
	for found.Next() {
		var r row
		var ordered, due, sent, expires, opened int64
		err := found.Scan(&r.ID, &r.Action, &r.To, &r.Address, &r.By.ID, &r.By.Name, &r.By.Address, &r.Mode, &r.State, &r.Cause, &r.Attempts,
			&r.version, &ordered, &due, &r.begun, &sent, &expires, &opened, &r.token)
		if err != nil {
			return nil, fmt.Errorf("look up deliveries: %w", err)
		}
		r.Ordered, r.Next, r.Sent, r.Expires, r.Opened = db.Time(ordered), db.Time(due), db.Time(sent), db.Time(expires), db.Time(opened)
		all = append(all, r)
	}
	if err := found.Err(); err != nil {
		return nil, fmt.Errorf("look up deliveries: %w", err)
	}
	return all, nil
}

// Of returns the deliveries of an action, oldest first. Who may see the action is for the caller to ask.
func (d *Deliveries) Of(ctx context.Context, action lock.ID) ([]Delivery, error) {
	if !db.IsText(string(action)) {
		return nil, nil
	}
	rows, err := d.rows(ctx, `action = $1 ORDER BY ordered_at, id`, string(action))
	if err != nil {
		return nil, err
	}
	all := make([]Delivery, len(rows))
	for i, r := range rows {
		if all[i] = r.Delivery; r.Mode == "" {
			all[i].Mode = d.Mode
		}
		if r.State == Sent && r.Mode == PasscodeLink && !r.Expires.After(d.now()) {
			all[i].State = Expired
		}
		if r.Mode == PasscodeClear {
			all[i].Expires = time.Time{} // there is no link
		}
	}
	return all, nil
}

// set changes a row that is as r has it, and returns false when it is not any more.
func (d *Deliveries) set(ctx context.Context, r *row, assignments string, args ...any) (bool, error) {
	changed, err := d.DB.Exec(ctx, `UPDATE server_deliveries SET version = version + 1, `+assignments+` WHERE id = $1 AND version = $2`,
		append([]any{string(r.ID), r.version}, args...)...)
	if err != nil {
		return false, fmt.Errorf("write the delivery: %w", err)
	}
	if changed == 1 {
		r.version++
	}
	return changed == 1, nil
}
