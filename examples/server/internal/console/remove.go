package console

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// removeData says what removing a device does, and what stays.
type removeData struct {
	Device inventory.Device
	Lock   *lock.Action // that is under way, or holds it; nil: none
	Kept   int          // PINs
	Holds  []retention.Hold
	Slip   string // nothing was removed, and why
}

// Arm is what must be typed to remove a device with a lock: nobody here sees any more how that ends.
func (d removeData) Arm() arming { return armingOf(d.Device.Device) }

func (c *console) removePage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data, _, err := c.toRemove(r, a)
	if err != nil {
		return err
	}
	return c.showRemove(w, r, http.StatusOK, data)
}

func (c *console) showRemove(w http.ResponseWriter, r *http.Request, status int, data removeData) error {
	return c.render(w, r, status, "remove", "Remove "+cmp.Or(data.Device.Name, data.Device.Serial, data.Device.ID), data)
}

// toRemove is what there is to say of a device that may be removed.
func (c *console) toRemove(r *http.Request, a lock.Actor) (data removeData, found retention.PINs, err error) {
	d, gone, found, err := c.pastOf(r.Context(), a, r.PathValue("id"))
	if err == nil && gone {
		err = lock.ErrNotFound
	}
	if err == nil {
		err = c.Service.Allow(r.Context(), a, account.VerbRemove, lock.Target{Device: d.Device})
	}
	if err != nil {
		return data, found, err
	}
	data = removeData{Device: d, Kept: len(found.Candidates)}
	locks, err := c.locksOf(r.Context(), a, []inventory.Device{d})
	if err != nil {
		return data, found, err
	}
	if newest := decisive(locks[d.ID]); newest != nil && newest.Lane != "" {
		data.Lock = newest
	}
	if c.may(r, lock.VerbHold) {
		data.Holds, err = retention.HoldsOn(r.Context(), c.Service, a, found)
	}
	return data, found, err
}

// remove takes the device out of the inventory. Nothing that opens it goes.
func (c *console) remove(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	data, found, err := c.toRemove(r, a)
	if err != nil {
		return err
	}
	d := data.Device
	if arm := data.Arm(); data.Lock != nil && !arm.fits(r.PostFormValue("confirm")) {
		data.Slip = "Nothing was removed. " + arm.Slip()
		return c.showRemove(w, r, http.StatusUnprocessableEntity, data)
	}
	if err := c.Devices.Remove(ctx, a, d.ID); err != nil {
		return err
	}
	name := cmp.Or(d.Name, d.Serial, d.ID)
	if len(found.Names) == 0 {
		c.say(ctx, name+" is removed. No PIN was ever kept for it.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	c.say(ctx, fmt.Sprintf("%s is removed. Its history stays: search the devices for %s.", name, cmp.Or(d.Serial, d.ID)))
	http.Redirect(w, r, pinsPath(d.ID), http.StatusSeeOther)
	return nil
}
