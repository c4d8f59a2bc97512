package bulk

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// writing is how long the server that writes down the devices of a batch has for that, before another one thinks that it died.
const writing = 5 * time.Minute

// Create writes a bulk order down: when it returns, the order is durable and will be carried out. With a key the same order is made once:
// again is then the earlier one; the same key for another order is lock.ErrKeyReused. A selection of no device that the actor may see is a
// *lock.InputError, as is an order that could be for no device. Who may not order
// in bulk gets lock.ErrDenied.
func (b *Batches) Create(ctx context.Context, a lock.Actor, o Order, key string) (batch Batch, again bool, err error) {
	if err := b.allow(ctx, a); err != nil {
		return Batch{}, false, err
	}
	kept, err := o.ask()
	if err != nil {
		return Batch{}, false, err
	}
	if earlier, err := b.byKey(ctx, a, o, kept, key); err != nil || earlier.ID != "" {
		return earlier, true, err
	}
	if err := b.check(ctx, a, o); err != nil {
		return Batch{}, false, err
	}
	now := b.Now()
	batch = Batch{ID: string(lock.NewID(now)), Actor: a, State: preparing, Ask: kept, Created: now}
	if err := b.insert(ctx, batch, key); err != nil {
		return Batch{}, false, err
	}
	if err := b.fill(ctx, a, &batch, o); err != nil {
		return Batch{}, false, errors.Join(err, b.drop(context.WithoutCancel(ctx), batch.ID))
	}
	b.Kick()
	return batch.shown(), false, nil
}

// Earlier returns the order that was made with a key; one with no ID when there is none. The same key for another order is lock.ErrKeyReused.
func (b *Batches) Earlier(ctx context.Context, a lock.Actor, o Order, key string) (Batch, error) {
	kept, err := o.ask()
	if err != nil {
		return Batch{}, err
	}
	return b.byKey(ctx, a, o, kept, key)
}

// byKey finds the order that was made with a key.
func (b *Batches) byKey(ctx context.Context, a lock.Actor, o Order, kept Ask, key string) (Batch, error) {
	if key == "" {
		return Batch{}, nil
	}
	if len(key) > 128 {
		return Batch{}, &lock.InputError{Field: "key", Rule: "must have at most 128 characters"}
	}
	earlier, err := scanBatch(b.DB.Readers.QueryRowContext(ctx, `SELECT `+batchColumns+` FROM server_batches WHERE idempotency = $1`, key))
	if errors.Is(err, sql.ErrNoRows) {
		return Batch{}, nil
	}
	if err != nil {
		return Batch{}, fmt.Errorf("read batch: %w", err)
	}
	same := earlier.Actor.ID == a.ID && earlier.Ask == kept
	if same && !o.PIN.IsZero() { // of a batch that has ended it is not known any more
		pair, err := secret.Read(ctx, b.DB, b.Sealer, pinOf(earlier.ID))
		if err != nil && !errors.Is(err, secret.ErrNone) {
			return Batch{}, err
		}
		same = err != nil || pair.Private.Equal(o.PIN)
	}
	if !same {
		return Batch{}, lock.ErrKeyReused
	}
	return earlier.shown(), nil
}

// check refuses what could be ordered for no device, before anything is written: by the first one.
func (b *Batches) check(ctx context.Context, a lock.Actor, o Order) error {
	if err := b.Groups.Check(ctx, a, o.selection()); err != nil {
		return err
	}
	first, err := b.resolve(ctx, a, o, "", 1)
	if err != nil {
		return err
	}
	if len(first) == 0 {
		return &lock.InputError{Field: "devices", Rule: "must select at least one device"}
	}
	r := o.request()
	r.Device = first[0]
	_, err = b.Service.Preflight(ctx, a, r)
	if input := (*lock.InputError)(nil); errors.As(err, &input) {
		return err
	}
	return nil // what concerns this device alone is its outcome
}

func pinOf(batch string) secret.Name { return secret.Name("PIN of batch " + batch) }

// insert makes the row. One whose server died over it makes room.
func (b *Batches) insert(ctx context.Context, batch Batch, key string) error {
	ask, err := json.Marshal(batch.Ask)
	if err != nil {
		return fmt.Errorf("encode the order: %w", err)
	}
	done, err := b.DB.Exec(ctx, `INSERT INTO server_batches (`+batchColumns+`, idempotency, lease_by, lease_until)
		VALUES ($1, $2, $3, $4, $5, 0, '', $6, 0, '', $7, 0, $8, $9, $10) ON CONFLICT DO NOTHING`,
		batch.ID, batch.Actor.ID, batch.Actor.Name, batch.Actor.Address, string(batch.State), string(ask), batch.Created.UnixMicro(), key,
		b.me, b.until(writing))
	if err == nil && done == 0 {
		err = lock.ErrConflict // the same key, at the same time
	}
	return err
}

// fill writes the devices down, and the PIN that they share; then the batch can go on by itself.
func (b *Batches) fill(ctx context.Context, a lock.Actor, batch *Batch, o Order) error {
	if !o.PIN.IsZero() {
		_, err := secret.Open(ctx, b.DB, b.Sealer, pinOf(batch.ID), func() (secret.Pair, error) {
			return secret.Pair{Public: []byte{}, Private: o.PIN}, nil
		})
		if err != nil {
			return err
		}
	}
	total, err := b.freeze(ctx, a, batch.ID, o)
	if err != nil {
		return err
	}
	batch.Total, batch.State = total, Running
	return b.set(ctx, batch.ID, `total = $2, state = $3, lease_by = '', lease_until = 0`, total, string(Running))
}

// freeze resolves the selection into rows: the devices that there are, and then the IDs that were named in vain.
func (b *Batches) freeze(ctx context.Context, a lock.Actor, id string, o Order) (total int, err error) {
	query, args := b.Groups.Query(a, o.selection())
	named, err := json.Marshal(o.Selection.Devices)
	if err != nil {
		return 0, fmt.Errorf("encode the selection: %w", err)
	}
	if o.Selection.Devices == nil {
		named = []byte(`[]`)
	}
	err = b.DB.Write(ctx, func(tx *sql.Tx) error {
		//nolint:gosec // of our own terms
		insert := fmt.Sprintf(`INSERT INTO server_batch_items (batch, n, device)
			SELECT CAST($%d AS TEXT), row_number() OVER (ORDER BY s.id%s) - 1, s.id FROM (%s) AS s`,
			len(args)+1, b.DB.Bytewise(), query)
		if _, err := tx.ExecContext(ctx, insert, append(args, id)...); err != nil {
			return err
		}
		//nolint:gosec // of our own terms
		vain := `INSERT INTO server_batch_items (batch, n, device, outcome, code, why)
			SELECT CAST($1 AS TEXT), (SELECT count(*) FROM server_batch_items i WHERE i.batch = $1) + row_number() OVER (ORDER BY t.value), t.value,
				'unknown', 'unknown_device', 'There is no such device.'
			FROM (SELECT DISTINCT value FROM (` + b.DB.Texts("$2") + `) AS l) AS t
			WHERE t.value NOT IN (SELECT i.device FROM server_batch_items i WHERE i.batch = $1)`
		if _, err := tx.ExecContext(ctx, vain, id, string(named)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM server_batch_items WHERE batch = $1`, id).Scan(&total)
	})
	if err != nil {
		return 0, fmt.Errorf("write the devices of the batch down: %w", err)
	}
	return total, nil
}

// drop forgets a batch that was not written down whole.
func (b *Batches) drop(ctx context.Context, id string) error {
	err := b.DB.Write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM server_batch_items WHERE batch IN (SELECT id FROM server_batches WHERE id = $1 AND state = 'preparing')`,
			`DELETE FROM server_batches WHERE id = $1 AND state = 'preparing'`,
		} {
			if _, err := tx.ExecContext(ctx, statement, id); err != nil {
				return err
			}
		}
		var there bool // all the same: it is the answer to who wrote it that got lost
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM server_batches WHERE id = $1)`, id).Scan(&there); err != nil || there {
			return err
		}
		return secret.Forget(ctx, tx, pinOf(id))
	})
	if err != nil {
		return fmt.Errorf("forget a batch that was not written down: %w", err)
	}
	return nil
}

// sharedPIN is the PIN that all devices of a batch get; zero when each has its own, and when it is kept no more but the ledger has the
// batch, and with its first action the PIN.
func (b *Batches) sharedPIN(ctx context.Context, batch Batch) (pin.PIN, error) {
	if batch.Ask.Mode != ModeSupplied {
		return pin.PIN{}, nil
	}
	pair, err := secret.Read(ctx, b.DB, b.Sealer, pinOf(batch.ID))
	if errors.Is(err, secret.ErrNone) {
		if _, _, unknown := b.Service.Batch(ctx, batch.Actor, b.Scope, batch.ID); unknown == nil {
			return pin.PIN{}, nil
		}
	}
	return pair.Private, err
}
