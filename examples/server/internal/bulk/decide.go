package bulk

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Cancel ends a batch: nothing more is ordered, and what waits for its device is withdrawn, also of a batch that is done. What was sent may
// lock its device all the same.
func (b *Batches) Cancel(ctx context.Context, a lock.Actor, id, reason string) error {
	batch, err := b.Get(ctx, a, id)
	if err != nil {
		return err
	}
	if err := b.Service.Allow(ctx, a, lock.VerbCancel, lock.Target{Device: lock.Device{Scope: b.Scope}, Size: batch.Total}); err != nil {
		return err
	}
	stopper, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the actor: %w", err)
	}
	// Whoever works on it sees this, also before the ledger knows of the batch.
	if err := b.because(ctx, id, "Cancelled by ", a, reason, string(stopper)); err != nil {
		return err
	}
	defer b.Kick()
	// From here on it is cancelled, whether or not the caller waits for the answer.
	if err := b.Service.CancelBatch(context.WithoutCancel(ctx), a, b.Scope, id, reason); !errors.Is(err, lock.ErrNotFound) {
		return err
	}
	return nil
}

// Approve lets a batch go on that waits for a second person.
func (b *Batches) Approve(ctx context.Context, a lock.Actor, id, reason string) error {
	if _, err := b.Get(ctx, a, id); err != nil {
		return err
	}
	if err := b.Service.ApproveBatch(ctx, a, b.Scope, id, reason); err != nil {
		return err
	}
	return b.wakeUp(ctx, id)
}

// BreakGlass lets a batch go on that waits for a second person, without one.
func (b *Batches) BreakGlass(ctx context.Context, a lock.Actor, id, reason string) error {
	if _, err := b.Get(ctx, a, id); err != nil {
		return err
	}
	if err := b.Service.BreakGlassBatch(ctx, a, b.Scope, id, reason); err != nil {
		return err
	}
	return b.wakeUp(ctx, id)
}

// Reject ends a batch that waits for a second person: nothing is ordered.
func (b *Batches) Reject(ctx context.Context, a lock.Actor, id, reason string) error {
	if _, err := b.Get(ctx, a, id); err != nil {
		return err
	}
	if err := b.Service.RejectBatch(ctx, a, b.Scope, id, reason); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(b.because(ctx, id, "Rejected by ", a, reason, ""), b.wakeUp(ctx, id))
}

// because writes down why a batch ends.
func (b *Batches) because(ctx context.Context, id, what string, a lock.Actor, reason, stopper string) error {
	cause := what + cmp.Or(a.Name, a.ID)
	if reason != "" {
		cause += ": " + maskPINs(reason)
	}
	_, err := b.DB.Exec(ctx, `UPDATE server_batches SET cause = $2, stopped_by = $3,
		lease_until = CASE WHEN state = 'waiting' THEN 0 ELSE lease_until END WHERE id = $1 AND stopped_by = ''`, id, cause, stopper)
	if err != nil {
		return fmt.Errorf("write down why a bulk order ends: %w", err)
	}
	return nil
}

// wakeUp lets a batch that waited go on at once.
func (b *Batches) wakeUp(ctx context.Context, id string) error {
	defer b.Kick()
	if _, err := b.DB.Exec(ctx, `UPDATE server_batches SET lease_until = 0 WHERE id = $1 AND state = 'waiting'`, id); err != nil {
		return fmt.Errorf("let a bulk order go on: %w", err)
	}
	return nil
}
