package console

import (
	"cmp"
	"fmt"
	"net/http"

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
}

func (c *console) removePage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	d, gone, found, err := c.pastOf(r.Context(), a, r.PathValue("id"))
	if err == nil && gone {
		err = lock.ErrNotFound
	}
	if err != nil {
		return err
	}
	data := removeData{Device: d, Kept: len(found.Candidates)}
	locks, err := c.locksOf(r.Context(), a, []inventory.Device{d})
	if err != nil {
		return err
	}
	if newest := decisive(locks[d.ID]); newest != nil && newest.Lane != "" {
		data.Lock = newest
	}
	if data.Holds, err = retention.HoldsOn(r.Context(), c.Service, a, found); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "remove", "Remove "+cmp.Or(d.Name, d.Serial, d.ID), data)
}

// remove takes the device out of the inventory. Nothing that opens it goes, so whoever may see it may remove it.
func (c *console) remove(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	d, gone, found, err := c.pastOf(ctx, a, r.PathValue("id"))
	if err == nil && gone {
		err = lock.ErrNotFound
	}
	if err != nil {
		return err
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
