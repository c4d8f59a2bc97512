package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Deliveries sends new passcodes to people.
type Deliveries interface {
	// Order sees to it that people get the passcode of an action once its device has confirmed it. Nothing is sent before that.
	Order(ctx context.Context, o delivery.Order) error
	// Of returns the deliveries of an action, oldest first.
	Of(ctx context.Context, action lock.ID) ([]delivery.Delivery, error)
}

// Accounts knows where accounts get mail.
type Accounts interface {
	// Account returns an account, or an error that wraps lock.ErrNotFound.
	Account(ctx context.Context, name string) (account.Account, error)
}

// verb is one way to order something for a device.
type verb struct {
	kind  lock.Kind
	order func(context.Context, lock.Actor, lock.Request) (lock.Action, error)
}

// passcodeRoutes are those of what is ordered for passcodes and PINs of users: reset for Android and Windows, the others for Android alone.
func (a *api) passcodeRoutes() map[string]handler {
	return map[string]handler{
		"POST /api/v1/devices/{id}/reset-passcode":  a.resetPasscode,
		"POST /api/v1/devices/{id}/clear-passcode":  a.clearPasscode,
		"POST /api/v1/devices/{id}/provision-token": a.provisionToken,
		"POST /api/v1/devices/{id}/revoke-token":    a.revokeToken,
	}
}

// why is what every order may say.
type why struct {
	Reason   string `json:"reason"`
	Ticket   string `json:"ticket"`
	NotAfter string `json:"not_after"`
}

// request begins an order.
func (y why) request(r *http.Request) (order lock.Request, err error) {
	order = lock.Request{Reason: y.Reason, Ticket: y.Ticket, Key: r.Header.Get("Idempotency-Key")}
	if y.NotAfter != "" {
		if order.NotAfter, err = time.Parse(time.RFC3339, y.NotAfter); err != nil {
			return order, invalid("not_after", "must be a time in RFC 3339, as in 2026-12-31T12:00:00Z")
		}
	}
	return order, nil
}

// resetRequest orders a new passcode.
type resetRequest struct {
	why
	PIN     *pinChoice       `json:"pin"`
	Options resetOptions     `json:"options"`
	Force   bool             `json:"force"`
	Deliver *deliveryRequest `json:"deliver"`
}

// resetOptions say how the passcode is set. What is not for the platform of the device is refused by its preflight.
type resetOptions struct {
	RequireEntry *bool `json:"require_entry"` // nil: true on Android
	LockNow      *bool `json:"lock_now"`      // nil: true on Android
	Recover      bool  `json:"recover"`       // Windows
}

// wanted are the options as the ledger keeps them.
func (o resetOptions) wanted(platform string) map[string]string {
	options := map[string]string{}
	for name, on := range map[string]*bool{"require_entry": o.RequireEntry, "lock_now": o.LockNow} {
		if on == nil && platform == inventory.AgentPlatform || on != nil && *on {
			options[name] = "true"
		}
	}
	if o.Recover {
		options["recover"] = "true"
	}
	return options
}

// deliveryRequest says who gets the new passcode by mail, once it is on the device.
type deliveryRequest struct {
	ToAdmin bool   `json:"to_admin"` // who orders it, at the address of the account
	ToUser  string `json:"to_user"`  // address of the device's user
}

func (d *deliveryRequest) asked() bool { return d != nil && (d.ToAdmin || d.ToUser != "") }

// resetPasscode orders a new passcode: 202 for a new action, 200 for the live one that the order joined.
func (a *api) resetPasscode(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body resetRequest
	if err := read(r, &body); err != nil {
		return err
	}
	order, err := body.request(r)
	if err != nil {
		return err
	}
	if body.PIN != nil && body.PIN.Mode == "keep" {
		return invalid("pin.mode", `must be "rotate" or "supplied": a reset sets a new passcode`)
	}
	if err := body.PIN.choose(&order); err != nil {
		return err
	}
	d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	order.Options, order.Force = body.Options.wanted(d.Platform), body.Force
	do := verb{lock.KindResetPasscode, a.Service.ResetPasscode}
	var needs []lock.Verb
	if body.Deliver.asked() {
		needs = append(needs, lock.VerbReveal) // a mail is a reveal
		send, err := a.delivery(r.Context(), actor, *body.Deliver)
		if err != nil {
			return err
		}
		do.order = func(ctx context.Context, actor lock.Actor, order lock.Request) (lock.Action, error) {
			act, err := a.Service.ResetPasscode(ctx, actor, order)
			if err == nil {
				send.Action = act.ID
				err = a.Deliveries.Order(ctx, send)
			}
			return act, err
		}
	}
	return a.place(w, r, actor, order, do, needs...)
}

// mail is one mail with a passcode, or with a link to it.
type mail struct {
	Recipient delivery.Recipient `json:"recipient"`
	Address   string             `json:"address"`
	State     delivery.State     `json:"state"`
	Attempts  int                `json:"attempts"`
	LastError string             `json:"last_error,omitempty"`
	NextAt    *time.Time         `json:"next_at,omitempty"` // of one that waits
	SentAt    *time.Time         `json:"sent_at,omitempty"`
	OpenedAt  *time.Time         `json:"opened_at,omitempty"`
}

// mails are those of an action.
func (a *api) mails(ctx context.Context, id lock.ID) ([]mail, error) {
	if a.Deliveries == nil {
		return nil, nil
	}
	found, err := a.Deliveries.Of(ctx, id)
	all := make([]mail, len(found))
	for i, d := range found {
		all[i] = mail{
			Recipient: d.To, Address: d.Address, State: d.State, Attempts: d.Attempts, LastError: d.Cause,
			SentAt: when(d.Sent), OpenedAt: when(d.Opened),
		}
		if d.State == delivery.Waiting {
			all[i].NextAt = when(d.Next)
		}
	}
	return all, err
}

// delivery checks who is to get the passcode, before anything is ordered.
func (a *api) delivery(ctx context.Context, actor lock.Actor, d deliveryRequest) (delivery.Order, error) {
	send := delivery.Order{By: actor, User: d.ToUser}
	if a.Deliveries == nil {
		return send, invalid("deliver", "is not possible: this server sends no mail")
	}
	if d.ToUser != "" {
		if err := account.CheckEmail("deliver.to_user", d.ToUser); err != nil {
			return send, err
		}
	}
	if d.ToAdmin {
		who, err := a.Accounts.Account(ctx, actor.ID)
		if err != nil {
			return send, err
		}
		if send.Admin = who.Email; send.Admin == "" {
			return send, invalid("deliver.to_admin", "is not possible: the account has no mail address")
		}
	}
	return send, nil
}

// forceRequest is an order that may be forced.
type forceRequest struct {
	why
	Force bool `json:"force"`
}

// clearPasscode orders that the passcode is removed.
func (a *api) clearPasscode(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.forceable(w, r, actor, verb{lock.KindClearPasscode, a.Service.ClearPasscode})
}

// provisionToken orders that the device gets a reset token. With force it is another one than it has.
func (a *api) provisionToken(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.forceable(w, r, actor, verb{lock.KindProvisionToken, a.Service.ProvisionToken})
}

func (a *api) forceable(w http.ResponseWriter, r *http.Request, actor lock.Actor, do verb) error {
	var body forceRequest
	if err := read(r, &body); err != nil {
		return err
	}
	order, err := body.request(r)
	if err != nil {
		return err
	}
	order.Force = body.Force
	return a.place(w, r, actor, order, do)
}

// revokeRequest takes a token from a device.
type revokeRequest struct {
	why
	Of lock.ID `json:"token_id"`
}

// revokeToken orders that a reset token is revoked: the one that is named, else the one that the device says that it has.
func (a *api) revokeToken(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body revokeRequest
	if err := read(r, &body); err != nil {
		return err
	}
	order, err := body.request(r)
	if err != nil {
		return err
	}
	of := body.Of
	if of == "" {
		d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
		if err != nil {
			return err
		}
		if of = lock.ID(android.FromDevice(d.Device).TokenID); of == "" {
			return invalid("token_id", "is required: the device has said of no token that it has it")
		}
	}
	order.Of = of
	revoke := func(ctx context.Context, actor lock.Actor, r lock.Request) (lock.Action, error) {
		return a.Service.RevokeToken(ctx, actor, of, r)
	}
	return a.place(w, r, actor, order, verb{lock.KindRevokeToken, revoke})
}

// unknownToken says of which field it is that an order names an action that is not there.
func unknownToken(order lock.Request, err error) error {
	if order.Of != "" && errors.Is(err, lock.ErrNotFound) {
		return invalid("token_id", "names no token that this server has given: one that the device has from elsewhere is replaced by provision-token "+
			"with force")
	}
	return err
}

// place orders something for the device in the path, or says what the order would do. Who has not the rights that it needs beside that of
// the order finds out before anything is ordered.
func (a *api) place(w http.ResponseWriter, r *http.Request, actor lock.Actor, order lock.Request, do verb, needs ...lock.Verb) error {
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	order.Device, order.Kind = d.Device, do.kind
	for _, v := range needs {
		if err := a.Service.Allow(r.Context(), actor, v, lock.Target{Device: d.Device}); err != nil {
			return err
		}
	}
	if dry {
		return a.dryRun(w, r, actor, order)
	}
	act, err := do.order(r.Context(), actor, order)
	if err != nil {
		return unknownToken(order, err)
	}
	w.Header().Set("Location", "/api/v1/actions/"+string(act.ID))
	status := http.StatusAccepted
	if act.Joined {
		status = http.StatusOK
	}
	write(w, status, newAction(act))
	return nil
}

// dryRun says what an order would do.
func (a *api) dryRun(w http.ResponseWriter, r *http.Request, actor lock.Actor, order lock.Request) error {
	findings, err := a.Service.Preflight(r.Context(), actor, order)
	if err != nil {
		return unknownToken(order, err)
	}
	blocks := func(f lock.Finding) bool { return f.Level == lock.LevelBlock && (!f.Forceable || !order.Force) }
	write(w, http.StatusOK, preflight{slices.ContainsFunc(findings, blocks), inOurWords(findings)})
	return nil
}
