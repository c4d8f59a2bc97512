package approval

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Batches are the bulk orders (bulk.Batches).
type Batches interface {
	// Waiting returns bulk orders that wait for a second person and of which the actor sees every device, newest first.
	Waiting(ctx context.Context, a lock.Actor, limit int) ([]bulk.Batch, error)
}

// mostBatches is how many bulk orders of an account's groups are shown at most.
const mostBatches = 100

// batches are the bulk orders that the actor may approve although the ledger does not list them: it knows their devices no more than their
// groups, so it shows them to nobody who sees some devices only.
func (i *Inbox) batches(ctx context.Context, actor lock.Actor, seen lock.Filter) ([]bulk.Batch, error) {
	if i.Batches == nil || len(seen.Devices) == 0 || !i.May(ctx, actor, lock.VerbView, lock.Target{}) {
		return nil, nil
	}
	found, err := i.Batches.Waiting(ctx, actor, mostBatches)
	return slices.DeleteFunc(found, func(b bulk.Batch) bool {
		return !i.May(ctx, actor, lock.VerbApprove, lock.Target{Size: b.Total})
	}), err
}

// withBatches adds them to a page that begins below the cursor before.
func (i *Inbox) withBatches(ctx context.Context, actor lock.Actor, before lock.ID, page []Request) ([]Request, error) {
	seen, err := i.Rights.Visible(ctx, actor, lock.VerbApprove, lock.Filter{Scope: i.Scope})
	if err != nil {
		return nil, err
	}
	found, err := i.batches(ctx, actor, seen)
	if err != nil || len(found) == 0 {
		return page, err
	}
	for _, b := range found {
		opened, state, err := i.Service.Batch(ctx, actor, i.Scope, b.ID)
		if errors.Is(err, lock.ErrNotFound) || err == nil && state != lock.StateHeld {
			continue // decided just now
		}
		if err != nil {
			return nil, err
		}
		r, err := i.request(ctx, actor, opened)
		if err != nil {
			return nil, err
		}
		if before == "" || r.place() < before {
			page = append(page, r)
		}
	}
	slices.SortFunc(page, func(a, b Request) int { return cmp.Compare(b.place(), a.place()) })
	return page, nil
}

// place is where a request is among the others, as lock.Service.RequestsPage has it.
func (r Request) place() lock.ID {
	if r.What == WhatLock {
		return r.Action
	}
	return r.ID
}
