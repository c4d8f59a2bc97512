package bulk

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Item is one device of a batch.
type Item struct {
	N        int // its number in the batch
	Device   string
	Platform string // empty: the inventory does not know the device
	Serial   string
	Name     string
	User     string
	Outcome  Outcome
	Joined   bool    // the action is an earlier one, which the order joined
	Code     string  // why, for programs; Confirmed: android.CodeNoSecureLock when only the screen of the device went off, or CodeLockedOut
	Reason   string  // why, in words
	Action   lock.ID // Busy: the one in the way
}

// Items returns the devices of a batch that the actor sees, by their numbers: those after the number after (-1: from the first), at most
// limit of them, and of the outcomes of a share alone, if it is not empty. A share that is none is a *lock.InputError. Ask Get first whether
// the actor may.
func (b *Batches) Items(ctx context.Context, a lock.Actor, id, share string, after, limit int) ([]Item, error) {
	filter, list := `1 = 1`, []byte(`[]`)
	if share != "" {
		outcomes := outcomesOf(share)
		if outcomes == nil {
			return nil, &lock.InputError{Field: "outcome", Rule: "must be confirmed, sent, ordered, pending, failed, blocked or cancelled"}
		}
		filter = `(` + outcome + `) IN (` + b.DB.Texts("$5") + `)`
		list, _ = json.Marshal(outcomes) // never fails
	}
	args := []any{id, after, limit, a.ID}
	if share != "" {
		args = append(args, string(list))
	}
	//nolint:gosec // of our own terms
	query := `SELECT i.n, i.device, coalesce(d.platform, ''), coalesce(d.serial, ''), coalesce(d.name, ''), coalesce(d.user_name, ''),
			` + outcome + `, i.outcome, i.code, i.why, i.action
		FROM server_batch_items i LEFT JOIN actions a ON a.id = i.action` + b.DB.Bytewise() + ` 
			LEFT JOIN server_devices d ON d.id = i.device AND i.code <> 'unknown_device'
		WHERE i.batch = $1 AND i.n > $2 AND (i.code = 'unknown_device' OR ` + group.Visible("i.device", "$4") + `) AND ` + filter + ` ORDER BY i.n LIMIT $3`
	rows, err := b.DB.Readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list devices of a batch: %w", err)
	}
	items, err := scanItems(rows)
	if err != nil {
		return nil, fmt.Errorf("list devices of a batch: %w", err)
	}
	return items, b.screensOff(ctx, id, items)
}

func scanItems(rows *sql.Rows) (items []Item, err error) {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var i Item
		var kept string
		if err := rows.Scan(&i.N, &i.Device, &i.Platform, &i.Serial, &i.Name, &i.User, &i.Outcome, &kept, &i.Code, &i.Reason, &i.Action); err != nil {
			return nil, err
		}
		i.Joined = kept == "joined"
		items = append(items, i)
	}
	return items, rows.Err()
}

// counted is what was counted last.
type counted struct {
	Counts
	at    time.Time
	fresh time.Duration // how long that is good enough
}

const (
	maxCounted = 64              // how many batches are remembered
	maxStale   = 3 * time.Second // and for how long at most
)

// Count counts the outcomes of a batch: as they are now, or were a moment ago. A large batch is not counted anew for each who looks.
func (b *Batches) Count(ctx context.Context, id string) (Counts, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last, ok := b.counts[id]; ok && time.Since(last.at) < last.fresh {
		return last.Counts, nil
	}
	begun := time.Now()
	c, err := b.count(ctx, id)
	if err != nil {
		return Counts{}, fmt.Errorf("count outcomes: %w", err)
	}
	if len(b.counts) >= maxCounted {
		clear(b.counts)
	}
	b.counts[id] = counted{c, begun, min(4*time.Since(begun), maxStale)}
	return c, nil
}

func (b *Batches) count(ctx context.Context, id string) (Counts, error) {
	c := Counts{By: map[Outcome]int{}}
	//nolint:gosec // of our own terms
	query := `SELECT ` + outcome + ` AS became, count(*) FROM server_batch_items i LEFT JOIN actions a ON a.id = i.action` + b.DB.Bytewise() + `
		WHERE i.batch = $1 GROUP BY became`
	rows, err := b.DB.Readers.QueryContext(ctx, query, id)
	if err != nil {
		return c, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var o Outcome
		var n int
		if err := rows.Scan(&o, &n); err != nil {
			return c, err
		}
		c.add(o, n)
	}
	return c, rows.Err()
}

// record is one outcome to be written down.
type record struct {
	device, outcome, code, why, action string
}

// write writes outcomes down, for who has the lease. What has its outcome keeps it: one that comes late is of a server that was thought dead.
func (b *Batches) write(ctx context.Context, id string, records []record) error {
	if len(records) == 0 {
		return nil
	}
	values := make([]byte, 0, 32*len(records))
	args := []any{id}
	for i, r := range records {
		row := `,($%d,$%d,$%d,$%d,$%d)`
		if i == 0 { // PostgreSQL knows the types by the first row
			row = `(CAST($%d AS TEXT),CAST($%d AS TEXT),CAST($%d AS TEXT),CAST($%d AS TEXT),CAST($%d AS TEXT))`
		}
		n := len(args)
		values = fmt.Appendf(values, row, n+1, n+2, n+3, n+4, n+5)
		args = append(args, r.device, r.outcome, r.code, r.why, r.action)
	}
	err := b.hold(ctx, id, func(tx *sql.Tx) error {
		//nolint:gosec // of our own terms
		_, err := tx.ExecContext(ctx, `UPDATE server_batch_items AS i SET outcome = v.column2, code = v.column3, why = v.column4, action = v.column5
			FROM (VALUES `+string(values)+`) AS v WHERE i.batch = $1 AND i.device = v.column1 AND i.outcome IN ('', 'ready')`, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("write outcomes down: %w", err)
	}
	return nil
}

// errLost is what a server gets that went on with a batch for longer than it had the lease.
var errLost = errors.New("the bulk order has ended, or another server goes on with it")

// hold makes a change that is only for who has the lease of a batch that goes on: nobody else gets the lease before it is durable.
func (b *Batches) hold(ctx context.Context, id string, change func(*sql.Tx) error) error {
	return b.DB.Write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE server_batches SET lease_by = lease_by WHERE id = $1 AND lease_by = $2 AND ended_at = 0`, id, b.me)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return cmp.Or(err, errLost)
		}
		return change(tx)
	})
}

// set changes what a batch is, for who has the lease.
func (b *Batches) set(ctx context.Context, id, change string, args ...any) error {
	err := b.hold(ctx, id, func(tx *sql.Tx) error {
		statement := `UPDATE server_batches SET ` + change + ` WHERE id = $1` //nolint:gosec // of our own terms
		_, err := tx.ExecContext(ctx, statement, append([]any{id}, args...)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("write batch down: %w", err)
	}
	return nil
}
