package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// holdData is what keeps the PINs of a piece of hardware from a purge.
type holdData struct {
	ID    string // the device under which it is placed and lifted
	Holds []retention.Hold
}

// holdOf reads the holds, for who may know of them. A refresh in the background would cost a look at the whole log, and leaves that part of
// a page as it is.
func (c *console) holdOf(r *http.Request, a lock.Actor, found retention.PINs) (holdData, error) {
	data := holdData{ID: found.Device.ID}
	if data.ID == "" && len(found.Names) > 0 {
		data.ID = found.Names[0].ID
	}
	if r.Header.Get("X-Refresh") != "" || !c.may(r, lock.VerbHold) {
		return data, nil
	}
	var err error
	data.Holds, err = retention.HoldsOn(r.Context(), c.Service, a, found)
	return data, err
}

func (c *console) placeHold(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.changeHold(w, r, a, retention.Place, "A legal hold is placed: no purge takes a PIN of this device.")
}

// holdSerial places a hold on what has a serial number, in the inventory or in the ledger. One that nobody knows is a slip: it would keep
// nothing.
func (c *console) holdSerial(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data := retentionData{
		Order: firstOrder, Serial: strings.TrimSpace(r.PostFormValue("serial")), Why: strings.TrimSpace(r.PostFormValue("reason")),
	}
	err := c.placeOn(r.Context(), a, data.Serial, data.Why)
	input := (*lock.InputError)(nil)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		data.Errors = map[string]string{"serial": "No device here has, or had, this serial number."}
	case errors.As(err, &input):
		field := input.Field
		if field == "reason" {
			field = "hold"
		}
		data.Errors = map[string]string{field: sentence(input.Rule)}
	case err != nil:
		return err
	default:
		c.say(r.Context(), "A legal hold is placed: no purge takes a PIN of "+data.Serial+".")
		http.Redirect(w, r, "/retention#holds", http.StatusSeeOther)
		return nil
	}
	return c.showRetention(w, r, a, http.StatusUnprocessableEntity, data)
}

func (c *console) placeOn(ctx context.Context, a lock.Actor, serial, reason string) error {
	if serial == "" {
		return &lock.InputError{Field: "serial", Rule: "is required"}
	}
	d := lock.Device{Scope: c.Scope, Serial: serial}
	known, err := c.Devices.Devices(ctx, a, serial, "", devicesPerPage)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(known, func(d inventory.Device) bool { return strings.EqualFold(d.Serial, serial) })
	if i >= 0 {
		d = known[i].Device
	}
	found, err := retention.Find(ctx, c.Service, a, d)
	if err == nil && i < 0 && len(found.Names) == 0 {
		err = lock.ErrNotFound
	}
	if err != nil {
		return err
	}
	return retention.Place(ctx, c.Service, a, found, reason)
}

func (c *console) liftHold(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.changeHold(w, r, a, retention.Lift, "The legal hold is lifted.")
}

func (c *console) changeHold(w http.ResponseWriter, r *http.Request, a lock.Actor, change func(
	context.Context, *lock.Service, lock.Actor, retention.PINs, string) error, done string,
) error {
	d, _, found, err := c.pastOf(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := change(r.Context(), c.Service, a, found, r.PostFormValue("reason")); err != nil {
		return err
	}
	c.say(r.Context(), done)
	http.Redirect(w, r, devicePath(d.ID), http.StatusSeeOther)
	return nil
}
