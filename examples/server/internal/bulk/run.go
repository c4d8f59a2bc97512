package bulk

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

const (
	// every is how often a server looks for a batch that nobody works on.
	every = time.Second
	// lease is how long a server that says nothing is believed to be at work, and beat how often it says that it is.
	lease = 6 * time.Second
	beat  = 2 * time.Second
	// pause is how long a batch rests that could not go on.
	pause = 5 * time.Second
	// slack is how much the clocks of servers may differ.
	slack = 30 * time.Second
)

// Kick makes Run look for work at once.
func (b *Batches) Kick() {
	select {
	case b.kick <- struct{}{}:
	default: // a kick is waiting already
	}
}

// Run carries out the batches that nobody works on, one after the other, until ctx ends. Any number of servers may run it. It returns when
// what it began has ended, or will be gone on with by another one.
func (b *Batches) Run(ctx context.Context) {
	b.inherit(ctx)
	timer := time.NewTicker(every)
	defer timer.Stop()
	for {
		worked, err := b.next(ctx)
		if err != nil && ctx.Err() == nil {
			b.Logger.ErrorContext(ctx, "bulk orders could not be looked at", slog.Any("error", err))
		}
		if worked && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-b.kick:
		case <-timer.C:
		}
	}
}

// inherit frees what a server before this one worked on when it died, where there can be one at a time: elsewhere a lease runs out.
func (b *Batches) inherit(ctx context.Context) {
	if b.DB.IsShared() {
		return
	}
	if _, err := b.DB.Exec(ctx, `UPDATE server_batches SET lease_by = '', lease_until = 0 WHERE lease_by <> $1`, b.me); err != nil && ctx.Err() == nil {
		b.Logger.ErrorContext(ctx, "bulk orders wait until their leases run out", slog.Any("error", err))
	}
}

// next works on one batch that nobody works on, if there is one.
func (b *Batches) next(ctx context.Context) (worked bool, err error) {
	found, err := b.list(ctx, `SELECT `+batchColumns+` FROM server_batches b
		WHERE state IN ('preparing', 'running', 'waiting') AND ended_at = 0 AND `+free+` ORDER BY created_at LIMIT 16`, b.free()...)
	if err != nil {
		return false, err
	}
	for _, batch := range found {
		mine, err := b.DB.Exec(ctx, `UPDATE server_batches SET lease_by = $6, lease_until = $7
			WHERE id = $4 AND ended_at = 0 AND state = $5 AND `+free, append(b.free(), batch.ID, string(batch.State), b.me, b.until(lease))...)
		if err != nil {
			return worked, err
		}
		if mine == 1 {
			worked = true
			b.work(ctx, batch)
		}
	}
	return worked, nil
}

// free is true of a batch whose lease, if there is one, has run out, or ends later than anybody could have said whose clock is right: it was
// set back since. Its arguments are the first ones.
const free = `(lease_until < $1 OR lease_until > CASE WHEN state = 'preparing' THEN CAST($2 AS BIGINT) ELSE CAST($3 AS BIGINT) END)`

func (b *Batches) free() []any {
	return []any{b.until(0), b.until(writing + slack), b.until(lease + slack)}
}

// until is a time from now, by the clock of the machine: a lease is no matter of what time the ledger has.
func (b *Batches) until(from time.Duration) int64 { return time.Now().Add(from).UnixMicro() }

// work carries a batch on for as long as it has the lease.
func (b *Batches) work(ctx context.Context, batch Batch) {
	held, stop := context.WithCancel(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		b.keepLease(held, stop, batch.ID)
	}()
	rest, err := b.carryOn(held, batch)
	stop()
	<-beating
	if err != nil && ctx.Err() == nil {
		rest = pause
		b.Logger.ErrorContext(ctx, "bulk order cannot go on now", slog.String("batch", batch.ID), slog.Any("error", err))
	}
	_, err = b.DB.Exec(context.WithoutCancel(ctx), `UPDATE server_batches SET lease_by = '', lease_until = $3 WHERE id = $1 AND lease_by = $2`,
		batch.ID, b.me, b.until(rest))
	if err != nil {
		b.Logger.WarnContext(ctx, "the lease of a bulk order could not be given back", slog.String("batch", batch.ID), slog.Any("error", err))
	}
}

// keepLease prolongs the lease until ctx ends, and calls lost when somebody else has it.
func (b *Batches) keepLease(ctx context.Context, lost func(), id string) {
	timer := time.NewTicker(beat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		kept, err := b.DB.Exec(ctx, `UPDATE server_batches SET lease_until = $3 WHERE id = $1 AND lease_by = $2`, id, b.me, b.until(lease))
		if err == nil && kept == 0 {
			lost()
			return
		}
	}
}

// carryOn does what a batch needs next. It returns how long it rests then.
func (b *Batches) carryOn(ctx context.Context, batch Batch) (rest time.Duration, err error) {
	switch {
	case batch.State == preparing: // its server died before the caller was told of it
		return 0, b.drop(ctx, batch.ID)
	case batch.stopper.ID != "":
		return 0, b.stop(ctx, batch.ID)
	case batch.State == Waiting:
		_, state, err := b.Service.Batch(ctx, batch.Actor, b.Scope, batch.ID)
		if err != nil || state == lock.StateHeld {
			return every, err
		}
		if err := b.set(ctx, batch.ID, `state = $2`, string(Running)); err != nil {
			return 0, err
		}
	}
	return 0, b.order(ctx, batch)
}

// order makes the orders that are left.
func (b *Batches) order(ctx context.Context, batch Batch) error {
	o := batch.Ask.order()
	var err error
	if o.PIN, err = b.sharedPIN(ctx, batch); err != nil {
		return err
	}
	cfg := lockbulk.Config{Service: b.Service, Inventory: unstopped{frozen{b, batch.ID}}, Record: b.recorder(batch)}
	_, err = lockbulk.Run(ctx, cfg, lockbulk.Order{Actor: batch.Actor, Scope: b.Scope, Batch: batch.ID, Request: o.request()})
	input := (*lock.InputError)(nil)
	switch {
	case err == nil, errors.Is(err, lockbulk.ErrNothing):
		return b.end(ctx, batch.ID, Done, "")
	case errors.Is(err, lock.ErrPending):
		return b.set(ctx, batch.ID, `state = $2`, string(Waiting))
	case errors.Is(err, lock.ErrCancelled), errors.Is(err, errStopped):
		return b.stop(ctx, batch.ID)
	case errors.Is(err, lock.ErrDenied):
		return b.giveUp(ctx, batch.ID, Denied, "Who ordered it may not order in bulk any more.")
	case errors.As(err, &input):
		return b.giveUp(ctx, batch.ID, Failed, "The order was refused: "+input.Field+" "+input.Rule+".")
	}
	return err
}

// recorder writes outcomes down as they come.
func (b *Batches) recorder(batch Batch) func(context.Context, []lockbulk.Outcome, lockbulk.Progress) error {
	checked := batch.Checked
	return func(ctx context.Context, outcomes []lockbulk.Outcome, p lockbulk.Progress) error {
		if p.Phase == lockbulk.Ordering && !checked {
			if err := b.set(ctx, batch.ID, `checked = 1`); err != nil {
				return err
			}
			checked = true
		}
		records := make([]record, len(outcomes))
		for i, o := range outcomes {
			records[i] = record{o.Device, string(o.Result), o.Code, o.Reason, string(o.Action)}
		}
		return b.write(ctx, batch.ID, records)
	}
}

// unstopped is the devices of a batch until somebody cancels it. A run asks for each chunk, also for the first one after it opened the batch
// in the ledger: a cancellation that came before, and that the ledger could not be told of, is seen then.
type unstopped struct{ frozen }

// Devices implements lock/bulk.Inventory.
func (u unstopped) Devices(ctx context.Context, scope string, sel lockbulk.Selection, after string, limit int) ([]lock.Device, error) {
	now, err := u.find(ctx, u.batch)
	if err == nil && now.stopper.ID != "" {
		err = errStopped
	}
	if err != nil {
		return nil, err
	}
	return u.frozen.Devices(ctx, scope, sel, after, limit)
}

var errStopped = errors.New("somebody cancelled it")

// stop ends a batch that was cancelled or rejected, or that nobody approved in time. Whoever cancelled it may have died before the ledger
// was told: it is told here, and what was on its way is withdrawn.
func (b *Batches) stop(ctx context.Context, id string) error {
	batch, err := b.find(ctx, id)
	if err != nil || !batch.Ended.IsZero() {
		return err
	}
	if batch.stopper.ID != "" {
		err = b.Service.CancelBatch(ctx, batch.stopper, b.Scope, id, "")
	}
	switch {
	case errors.Is(err, lock.ErrDenied): // it was allowed when it was done, so no more is ordered
		b.Logger.WarnContext(ctx, "whoever cancelled a bulk order has lost the right: look whether it has actions that are to be withdrawn",
			slog.String("batch", id), slog.String("account", batch.stopper.ID))
	case err != nil && !errors.Is(err, lock.ErrNotFound):
		return err
	}
	return b.giveUp(ctx, id, Unordered, "It was not approved, or not finished, in time.")
}

// find reads a batch for the server itself.
func (b *Batches) find(ctx context.Context, id string) (Batch, error) {
	batch, err := scanBatch(b.DB.Readers.QueryRowContext(ctx, `SELECT `+batchColumns+` FROM server_batches WHERE id = $1`, id))
	if err != nil {
		return Batch{}, fmt.Errorf("read batch: %w", err)
	}
	return batch, nil
}

// giveUp ends a batch that cannot go on. What has no outcome yet gets this one. A batch of which nothing was left out is done.
func (b *Batches) giveUp(ctx context.Context, id string, became Outcome, cause string) error {
	var out bool
	err := b.hold(ctx, id, func(tx *sql.Tx) error {
		if err := b.recall(ctx, tx, id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE server_batch_items SET outcome = $2, code = $2 WHERE batch = $1 AND outcome IN ('', 'ready')`,
			id, string(became))
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT b.stopped_by <> '' OR EXISTS (SELECT 1 FROM server_batch_items i WHERE i.batch = b.id AND i.outcome = $2)
			FROM server_batches b WHERE b.id = $1`, id, string(became)).Scan(&out)
	})
	switch {
	case err != nil:
		return fmt.Errorf("write outcomes down: %w", err)
	case !out:
		return b.end(ctx, id, Done, "")
	}
	return b.end(ctx, id, Cancelled, cause)
}

// recall finds the actions of devices that seem to have none, by the keys of their orders. A server that died between an order and its
// outcome left such devices; who has lost a right since, or comes after the deadline, gets an error from the ledger and not the action.
func (b *Batches) recall(ctx context.Context, tx *sql.Tx, id string) error {
	bytewise := b.DB.Bytewise()
	//nolint:gosec // of our own terms
	_, err := tx.ExecContext(ctx, `UPDATE server_batch_items AS i SET action = a.id, why = '',
			outcome = CASE WHEN a.batch = $1 THEN 'ordered' ELSE 'joined' END, code = CASE WHEN a.batch = $1 THEN '' ELSE 'joined' END
		FROM keys k JOIN actions a ON a.id = k.action
		WHERE i.batch = $1 AND i.outcome IN ('', 'ready', 'denied', 'failed') AND i.code <> 'invalid_batch'
			AND k.scope = $2 AND k.key = (i.batch || '/' || i.device)`+bytewise+` AND a.kind = 'lock' AND a.device = i.device`+bytewise, id, b.Scope)
	return err
}

// end ends a batch, and what it kept of a PIN. A cause that somebody gave stays. What somebody cancelled at the last moment is not done.
func (b *Batches) end(ctx context.Context, id string, state State, cause string) error {
	err := b.hold(ctx, id, func(tx *sql.Tx) error {
		if err := b.recall(ctx, tx, id); err != nil {
			return err
		}
		done, err := tx.ExecContext(ctx, `UPDATE server_batches SET state = $2, checked = 1, ended_at = $3,
			cause = CASE WHEN $4 <> '' AND cause = '' THEN $4 ELSE cause END WHERE id = $1 AND (stopped_by = '' OR $5 <> 'done')`,
			id, string(state), db.Micros(b.Now()), cause, string(state))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return cmp.Or(err, errStopped)
		}
		return secret.Forget(ctx, tx, pinOf(id))
	})
	if errors.Is(err, errStopped) {
		return b.stop(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("end a bulk order: %w", err)
	}
	return nil
}
