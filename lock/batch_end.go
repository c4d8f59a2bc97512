package lock

import (
	"context"
	"errors"
)

// end finds what a batch has ordered that takes no more, and withdraws what a call that was stopped left queued after the cancellation.
func (o *batchOrders) end(ctx context.Context, refused error) error {
	if err := o.lookUp(ctx); err != nil {
		return err
	}
	if o.batch.ended.Type == EventBatchCancelled {
		if err := retry(ctx, func() error { return o.withdraw(ctx) }); err != nil {
			return err
		}
	}
	return o.each(func(i int) error { return o.recall(ctx, i, refused) })
}

// withdraw returns ErrConflict when something moved one of the actions meanwhile.
func (o *batchOrders) withdraw(ctx context.Context) error {
	var left []Action
	for _, a := range o.actions {
		if a.State == StateQueued || a.State == StateHeld {
			left = append(left, a)
		}
	}
	if len(left) == 0 {
		return nil
	}
	lost := o.svc.withdrawPage(ctx, Actor{ID: actorSystem}, batchCancelled, left)
	if lost != nil && !errors.Is(lost, ErrConflict) {
		return lost
	}
	return errors.Join(lost, o.lookUp(ctx))
}

// recall finds the action to which an order led, also one that it joined.
func (o *batchOrders) recall(ctx context.Context, i int, refused error) error {
	if o.known[i] {
		return nil
	}
	a, found, err := o.on.byKey(ctx, KindLock, o.requests[i])
	switch {
	case err != nil:
		o.errs[i] = err
	case found:
		o.actions[i] = a
	default:
		o.errs[i] = refused
	}
	return failed(ctx, err)
}
