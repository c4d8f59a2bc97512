package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
)

const devicesPerPage = 100

type deviceRow struct {
	inventory.Device
	Lock *lock.Action // what is known of its lock; nil: none was ever ordered
}

type deviceListData struct {
	Search string
	Rows   []deviceRow
	Next   string        // ID after which the next page begins; empty: there is none
	Counts locked.Totals // of the whole fleet
	Past   []pastDevice  // what only the ledger knows under what was searched for
}

// pastDevice is a device that left the inventory, or an enrolment that another one of the same hardware followed.
type pastDevice struct {
	lock.Device
	Last lock.Action // the newest of it
}

func (c *console) deviceList(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx, data := r.Context(), deviceListData{Search: r.FormValue("q")}
	devices, err := c.Devices.Devices(ctx, a, data.Search, r.FormValue("after"), devicesPerPage+1)
	if err != nil {
		return err
	}
	if len(devices) > devicesPerPage {
		devices = devices[:devicesPerPage]
		data.Next = devices[devicesPerPage-1].ID
	}
	locks, err := c.locksOf(ctx, a, devices)
	if err != nil {
		return err
	}
	for _, d := range devices {
		data.Rows = append(data.Rows, deviceRow{d, decisive(locks[d.ID])})
	}
	if data.Counts, err = c.Locked.Totals(ctx, a); err != nil {
		return err
	}
	if data.Search != "" && r.FormValue("after") == "" {
		if data.Past, err = c.pastCalled(ctx, a, data.Search); err != nil {
			return err
		}
	}
	return c.render(w, r, http.StatusOK, "devices", "Devices", data)
}

// pastCalled finds, by a whole serial number or ID, what the ledger knows and the inventory does not.
func (c *console) pastCalled(ctx context.Context, a lock.Actor, search string) ([]pastDevice, error) {
	search = strings.TrimSpace(search)
	var past []pastDevice
	for _, f := range []lock.Filter{{Serial: search}, {Serial: strings.ToUpper(search)}, {Devices: []string{search}}} {
		f.Scope, f.Limit = c.Scope, 1000
		actions, err := c.Service.List(ctx, a, f)
		if err != nil {
			return nil, err
		}
		for _, action := range actions {
			if slices.ContainsFunc(past, func(p pastDevice) bool { return p.ID == action.Device.ID }) {
				continue
			}
			past = append(past, pastDevice{action.Device, action})
		}
	}
	var err error
	past = slices.DeleteFunc(past, func(p pastDevice) bool {
		_, missing := c.Devices.FindFor(ctx, a, p.ID)
		if missing != nil && !errors.Is(missing, lock.ErrNotFound) {
			err = missing
		}
		return missing == nil
	})
	return past, err
}

// decisiveKinds are the orders of which one says most of a device: locks, and of phones what is done to their passcodes.
var decisiveKinds = []lock.Kind{lock.KindLock, lock.KindResetPasscode, lock.KindClearPasscode}

// locksOf reads what decides the state of some devices: all that is live, and the newest thousand orders.
func (c *console) locksOf(ctx context.Context, a lock.Actor, devices []inventory.Device) (map[string][]lock.Action, error) {
	byDevice := map[string][]lock.Action{}
	if len(devices) == 0 {
		return byDevice, nil
	}
	f := lock.Filter{Scope: c.Scope, Kinds: decisiveKinds, Limit: 1000}
	for _, d := range devices {
		f.Devices = append(f.Devices, d.ID)
	}
	for _, live := range []bool{true, false} {
		f.Live = live
		actions, err := c.Service.List(ctx, a, f)
		if err != nil {
			return nil, err
		}
		for _, action := range actions {
			byDevice[action.Device.ID] = append(byDevice[action.Device.ID], action)
		}
	}
	return byDevice, nil
}

// decisive picks the order that says most of the device now.
func decisive(orders []lock.Action) *lock.Action {
	weight := weightOfLock
	if len(orders) > 0 && !isMac(orders[0].Device) {
		confirmed := lastConfirmed(orders)
		weight = func(a lock.Action) int { return weightOnPhone(a, confirmed) }
	}
	var best *lock.Action
	for i, a := range orders {
		if best == nil || weight(a) > weight(*best) || weight(a) == weight(*best) && a.ID > best.ID {
			best = &orders[i]
		}
	}
	return best
}

// weightOfLock puts a lock first that the device acknowledged and that holds it, then the live one, then those that may have reached it
// unanswered.
func weightOfLock(a lock.Action) int {
	switch {
	case a.State == lock.StateConfirmed && a.Holds:
		return 3
	case a.State == lock.StateQueued, a.State == lock.StateIssued:
		return 2
	case a.MayBeOnDevice() && a.State != lock.StateConfirmed:
		return 1
	default:
		return 0
	}
}

// weightOnPhone puts the live order first, then one that waits for a second person, then those that were delivered: on a phone nothing lasts,
// and what it did last is what counts. One that stayed unanswered counts only until the phone confirms something after it.
func weightOnPhone(a lock.Action, confirmed time.Time) int {
	answered := a.State == lock.StateConfirmed || a.State == lock.StateReleased || a.State == lock.StateRefused
	switch {
	case a.State == lock.StateConfirmed && a.Holds: // of Windows, where a lock-out lasts
		return 4
	case a.State == lock.StateQueued, a.State == lock.StateIssued:
		return 3
	case a.State == lock.StateHeld:
		return 2
	case answered, a.MayBeOnDevice() && !a.Delivered.Before(confirmed):
		return 1
	default:
		return 0
	}
}

// lastConfirmed is when the device confirmed an order last; zero: never.
func lastConfirmed(orders []lock.Action) (at time.Time) {
	for _, a := range orders {
		if a.Confirmed.After(at) {
			at = a.Confirmed
		}
	}
	return at
}

// cancellable says whether Cancel can still withdraw something of the action.
func cancellable(a lock.Action) bool {
	return slices.Contains([]lock.State{lock.StateHeld, lock.StateQueued, lock.StateIssued}, a.State)
}
