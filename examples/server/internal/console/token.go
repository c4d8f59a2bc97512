package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/lock"
)

// phoneHandlers are the pages that phones alone have.
func (c *console) phoneHandlers() map[string]handler {
	return map[string]handler{
		"GET /devices/{id}/reset":         c.resetPage,
		"POST /devices/{id}/reset":        c.orderReset,
		"POST /devices/{id}/reset/pin":    c.judgePasscode,
		"POST /devices/{id}/clear":        c.clearPasscode,
		"POST /devices/{id}/token":        c.provisionToken,
		"POST /devices/{id}/token/revoke": c.revokeToken,
	}
}

// clearPasscode orders that the passcode of a phone is removed.
func (c *console) clearPasscode(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.orderPhone(w, r, a, c.Service.ClearPasscode)
}

// provisionToken gives a phone a reset token. With force it is another one than it has.
func (c *console) provisionToken(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.orderPhone(w, r, a, c.Service.ProvisionToken)
}

// revokeToken takes from a phone the reset token that an action provided.
func (c *console) revokeToken(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.orderPhone(w, r, a, func(ctx context.Context, a lock.Actor, req lock.Request) (lock.Action, error) {
		action, err := c.Service.RevokeToken(ctx, a, lock.ID(r.PostFormValue("token")), req)
		if errors.Is(err, lock.ErrNotFound) {
			err = &lock.InputError{Field: "token", Rule: "must be one that this server has given: rotate the token of the device", Err: err}
		}
		return action, err
	})
}

// orderPhone orders by a small form of the device's page, and goes back there. What stands in the way is said there too.
func (c *console) orderPhone(
	w http.ResponseWriter, r *http.Request, a lock.Actor, order func(context.Context, lock.Actor, lock.Request) (lock.Action, error),
) error {
	d, err := c.Devices.FindFor(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	if !isPhone(d.Device) {
		return lock.ErrNotFound
	}
	action, err := order(r.Context(), a, lock.Request{Device: d.Device, Reason: r.PostFormValue("reason"), Force: r.PostFormValue("force") != ""})
	var blocked *lock.BlockedError
	var busy *lock.BusyError
	switch {
	case errors.As(err, &blocked):
		c.warn(r.Context(), "Nothing was ordered: "+against(blocked.Findings))
	case errors.As(err, &busy):
		c.warn(r.Context(), "Nothing was ordered: "+strings.ToLower(an(busy.Live.Kind, d.Device))+" is under way. Wait for it, or cancel it.")
	case err != nil:
		return err
	default:
		c.sayOrdered(r, action, d.Enrolled)
	}
	http.Redirect(w, r, devicePath(d.ID), http.StatusSeeOther)
	return nil
}

// against says what blocks.
func against(findings []lock.Finding) string {
	var why []string
	for _, f := range findings {
		if f.Level == lock.LevelBlock {
			why = append(why, sentence(f.Text))
		}
	}
	return cmp.Or(strings.Join(why, " "), "it would not work.")
}

// sayOrdered says what an order for a phone has led to.
func (c *console) sayOrdered(r *http.Request, a lock.Action, enrolled bool) {
	if a.Joined && a.Lane == "" {
		c.warn(r.Context(), "The order of this form has ended, and nothing new was ordered. Open the form again to order anew.")
		return
	}
	c.say(r.Context(), phoneOrdered(a, enrolled))
}

func phoneOrdered(a lock.Action, enrolled bool) string {
	when := " when it comes online, within seconds if it is online now."
	if !enrolled {
		when = " when it is enrolled again, and not before."
	}
	switch {
	case a.State == lock.StateHeld:
		return "Ordered. " + waitsWith(approval.WhatLock, a.HeldBy, an(a.Kind, a.Device)) + " Nothing is sent before somebody else approves it."
	case a.Joined:
		return "The same was ordered before. Your order joined it."
	case a.Returns:
		return "Reset ordered. The device makes the PIN" + strings.TrimSuffix(when, ".") + ". The PIN appears here once the device has answered."
	case a.Kind == lock.KindResetPasscode:
		return "Reset ordered, and the new passcode is kept. The device gets it" + when
	default:
		return ordersOf(a) + ". The device gets the command" + when
	}
}
