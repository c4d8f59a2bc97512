package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// unlockRequest ends a lock.
type unlockRequest struct {
	why
	Force bool    `json:"force"`
	Of    lock.ID `json:"action_id"`
}

// unlockDevice orders the end of a lock: of the one that is named, else of the one that holds the device, or may.
func (a *api) unlockDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body unlockRequest
	if err := read(r, &body); err != nil {
		return err
	}
	order, err := body.request(r)
	if err != nil {
		return err
	}
	order.Force, order.Of = body.Force, body.Of
	if order.Of == "" {
		if order.Of, err = a.holding(r.Context(), actor, r.PathValue("id")); err != nil {
			return err
		}
	}
	unlock := func(ctx context.Context, actor lock.Actor, r lock.Request) (lock.Action, error) {
		act, err := a.Service.Unlock(ctx, actor, order.Of, r)
		if errors.Is(err, lock.ErrNotFound) {
			err = invalid("action_id", "must name an action of this device")
		}
		return act, err
	}
	return a.place(w, r, actor, order, verb{lock.KindUnlock, unlock})
}

// holding is the lock that holds a device, or that it may have: the one in its lane, else the newest.
func (a *api) holding(ctx context.Context, actor lock.Actor, device string) (lock.ID, error) {
	if _, err := a.Devices.FindFor(ctx, actor, device); err != nil {
		return "", err
	}
	locks, err := a.Service.List(ctx, actor, lock.Filter{
		Scope: a.Scope, Devices: []string{device}, Kinds: []lock.Kind{lock.KindLock, lock.KindLostMode}, Limit: 1000,
		States: []lock.State{lock.StateConfirmed, lock.StateUnconfirmed, lock.StateCancelled},
	})
	if err != nil {
		return "", err
	}
	ends := func(l lock.Action) bool { return l.State == lock.StateConfirmed && l.Lane != "" }
	i := slices.IndexFunc(locks, ends)
	if i < 0 {
		i = slices.IndexFunc(locks, func(l lock.Action) bool { return l.Talks && l.MayBeOnDevice() })
	}
	if i < 0 {
		return "", invalid("action_id", "is required: no lock is known that holds this device")
	}
	return locks[i].ID, nil
}
