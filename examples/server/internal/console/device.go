package console

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

type deviceData struct {
	Device  inventory.Device
	Lock    *lock.Action // what is known of its lock; nil: none was ever ordered
	Live    bool         // Lock is under way or holds: another order would join it
	Facts   []fact
	PINs    []pinUse      // the first of them, the most likely first
	Kept    int           // how many there are
	PIN     use           // of the first of them
	Guide   guide         // to Lock, when that is under way or may be on the device
	Actions []lock.Action // the newest
	Screen  *Screen       // of a simulated Mac
	Purged  int           // PINs that are gone
	Hold    holdData
	Groups  []group.Group
	Phone   *phoneData // nil: it is none
	Windows *computerData
}

type fact struct {
	Name, Value string
	At          time.Time
}

// pinsOnDevice is how many PINs the page of a device shows; all of them are in its PIN history.
const pinsOnDevice = 5

func (c *console) devicePage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	d, gone, found, err := c.pastOf(ctx, a, r.PathValue("id"))
	if err != nil {
		return err
	}
	if gone { // what is left of it is its PIN history
		http.Redirect(w, r, pinsPath(d.ID), http.StatusSeeOther)
		return nil
	}
	data := deviceData{Device: d, Facts: factsOf(d), Guide: guideOf(d.Silicon, lock.Action{}), Purged: len(found.Purged)}
	candidates := found.Candidates
	if data.Hold, err = c.holdOf(r, a, found); err != nil {
		return err
	}
	if data.Kept = len(candidates); data.Kept > 0 {
		data.PIN = useOf(candidates[0])
	}
	if data.PINs, err = c.history(r, a, candidates, pinsOnDevice); err != nil {
		return err
	}
	if data.Actions, err = c.Service.List(ctx, a, lock.Filter{Scope: c.Scope, Devices: []string{d.ID}, Limit: 50}); err != nil {
		return err
	}
	if err := c.orders(r, a, &data); err != nil {
		return err
	}
	if data.Groups, err = c.groupsOf(ctx, a, d.ID); err != nil {
		return err
	}
	if c.Demo != nil {
		if screen, ok := c.Demo.Screen(ctx, d.ID); ok {
			data.Screen = &screen
		}
	}
	return c.render(w, r, http.StatusOK, data.page(), cmp.Or(d.Name, d.Serial, d.ID), data)
}

// page is the template of the device.
func (d *deviceData) page() string {
	switch {
	case d.Phone != nil:
		return "phone"
	case d.Windows != nil:
		return "windows"
	}
	return "device"
}

// orders adds what the orders of the device say of it.
func (c *console) orders(r *http.Request, a lock.Actor, data *deviceData) error {
	d := data.Device
	locks, err := c.locksOf(r.Context(), a, []inventory.Device{d})
	if err != nil {
		return err
	}
	data.Lock = decisive(locks[d.ID])
	if !isMac(d.Device) { // their locks are beside the orders for passcode or PIN
		data.Live = slices.ContainsFunc(locks[d.ID], func(a lock.Action) bool { return a.Kind == lock.KindLock && a.Lane != "" })
	}
	switch {
	case isPhone(d.Device):
		data.Phone, err = c.phoneOf(r, a, d, data.Actions)
		return err
	case isComputer(d.Device):
		data.Windows, err = c.computerOf(r, a, d, locks[d.ID], data.Actions)
		if err == nil && data.Windows.Lost != nil && len(data.PINs) > 0 {
			data.PIN = use{"Earlier PIN", sentence(data.PINs[0].Reason), true}
		}
		return err
	}
	data.Live = data.Lock != nil && data.Lock.Lane != ""
	if data.Live || data.Lock != nil && data.Lock.MayBeOnDevice() {
		data.Guide = guideOf(d.Silicon, *data.Lock)
	}
	return nil
}

func factsOf(d inventory.Device) []fact {
	var facts []fact
	for _, name := range slices.Sorted(maps.Keys(d.Facts)) {
		facts = append(facts, fact{name, d.Facts[name].Value, d.Facts[name].At})
	}
	return facts
}

func devicePath(id string) string { return "/devices/" + url.PathEscape(id) }
