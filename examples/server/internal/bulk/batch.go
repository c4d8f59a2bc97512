package bulk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// State is where a batch stands.
type State string

// The states of a batch. To whoever asks, one whose devices are being written down is running.
const (
	preparing State = "preparing" // the devices are being written down
	Running   State = "running"
	Waiting   State = "waiting" // for a second person
	Done      State = "done"    // each device has its outcome; devices may still have to answer
	Cancelled State = "cancelled"
)

// Batch is a bulk order.
type Batch struct {
	ID      string
	Actor   lock.Actor // who ordered it
	State   State
	Checked bool   // preflight has looked at each device
	Cause   string // why it was cancelled
	Ask     Ask
	Total   int
	Created time.Time
	Ended   time.Time // zero: it goes on

	stopper lock.Actor // who cancelled it; no ID: nobody
}

const batchColumns = `id, actor_id, actor_name, actor_address, state, checked, cause, ask, total, stopped_by, created_at, ended_at`

func scanBatch(row interface{ Scan(...any) error }) (Batch, error) {
	var b Batch
	var ask, stopper string
	var created, ended int64
	err := row.Scan(&b.ID, &b.Actor.ID, &b.Actor.Name, &b.Actor.Address, &b.State, &b.Checked, &b.Cause, &ask, &b.Total, &stopper, &created, &ended)
	if err != nil {
		return Batch{}, err
	}
	b.Created, b.Ended = db.Time(created), db.Time(ended)
	if err := json.Unmarshal([]byte(ask), &b.Ask); err != nil || stopper == "" {
		return b, err
	}
	return b, json.Unmarshal([]byte(stopper), &b.stopper)
}

// visible is true of a batch b whose every device the account of the name $1 sees, and of its own, which it must be able to stop when a
// device has left its groups. What was named in vain is no device to whoever named it.
var visible = `(b.actor_id = $1 OR ` + whole + `)`

// whole is visible for who did not order the batch. What may be asked once for all devices is not asked for each.
var whole = group.Whole("$1") + ` OR NOT EXISTS (SELECT 1 FROM server_batch_items i
	WHERE i.batch = b.id AND i.device NOT IN (` + group.Seen("$1") + `) AND i.code <> 'unknown_device')`

// Get returns a batch, or an error that wraps lock.ErrNotFound: also when the actor neither ordered it nor may see every device of it.
func (b *Batches) Get(ctx context.Context, a lock.Actor, id string) (Batch, error) {
	if err := b.Service.Allow(ctx, a, lock.VerbView, lock.Target{Device: lock.Device{Scope: b.Scope}}); err != nil {
		return Batch{}, err
	}
	if !db.IsText(id) {
		return Batch{}, errNoBatch
	}
	found, err := scanBatch(b.DB.Readers.QueryRowContext(ctx, `SELECT `+batchColumns+` FROM server_batches b WHERE id = $2 AND `+visible, a.ID, id))
	if errors.Is(err, sql.ErrNoRows) {
		return Batch{}, errNoBatch
	}
	if err != nil {
		return Batch{}, fmt.Errorf("read batch: %w", err)
	}
	return found.shown(), nil
}

var errNoBatch = fmt.Errorf("bulk order %w", lock.ErrNotFound)

// shown is the batch for whoever asks.
func (b Batch) shown() Batch {
	if b.State == preparing {
		b.State = Running
	}
	return b
}

// maxBatches is the most batches of one page.
const maxBatches = 1000

// List returns batches that the actor may see, newest first, after the one with the ID after ("": from the newest), at most limit of them.
func (b *Batches) List(ctx context.Context, a lock.Actor, after string, limit int) ([]Batch, error) {
	if err := b.Service.Allow(ctx, a, lock.VerbView, lock.Target{Device: lock.Device{Scope: b.Scope}}); err != nil || !db.IsText(after) {
		return nil, err
	}
	id := "b.id" + b.DB.Bytewise()
	return b.list(ctx, `SELECT `+batchColumns+` FROM server_batches b
		WHERE ($2 = '' OR `+id+` < $2) AND `+visible+` ORDER BY `+id+` DESC LIMIT $3`, a.ID, after, min(limit, maxBatches))
}

// Waiting returns the batches that wait for a second person and that the actor may see whole, newest first, at most limit of them. One of
// the actor's own is there as well. Unlike List it records nothing: ask first whether the actor may view and approve.
func (b *Batches) Waiting(ctx context.Context, a lock.Actor, limit int) ([]Batch, error) {
	if !db.IsText(a.ID) {
		return nil, nil
	}
	return b.list(ctx, `SELECT `+batchColumns+` FROM server_batches b
		WHERE state = 'waiting' AND `+visible+` ORDER BY b.id`+b.DB.Bytewise()+` DESC LIMIT $2`, a.ID, min(limit, maxBatches))
}

func (b *Batches) list(ctx context.Context, query string, args ...any) ([]Batch, error) {
	rows, err := b.DB.Readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list batches: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []Batch
	for rows.Next() {
		one, err := scanBatch(rows)
		if err != nil {
			return nil, fmt.Errorf("list batches: %w", err)
		}
		found = append(found, one)
	}
	return found, rows.Err()
}
