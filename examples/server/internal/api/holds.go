package api

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// hold is a legal hold in force.
type hold struct {
	ID           lock.ID    `json:"id"`
	DeviceID     string     `json:"device_id"`
	SerialNumber string     `json:"serial_number"`
	PlacedAt     *time.Time `json:"placed_at"`
	PlacedBy     string     `json:"placed_by"`
	Reason       string     `json:"reason"`
}

func writeHolds(w http.ResponseWriter, holds []retention.Hold) {
	page := list[hold]{Items: []hold{}}
	for _, h := range holds {
		page.Items = append(page.Items, hold{h.ID, h.Device, h.Serial, when(h.At), h.By.ID, h.Reason})
	}
	write(w, http.StatusOK, page)
}

func (a *api) listHolds(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	holds, err := retention.Holds(r.Context(), a.Service, actor, a.Scope)
	if err != nil {
		return err
	}
	writeHolds(w, holds)
	return nil
}

// deviceHolds lists the holds on a device, also on one that the inventory does not know (any more).
func (a *api) deviceHolds(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	found, err := a.history(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.showHolds(w, r, actor, found)
}

func (a *api) placeHold(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.changeHold(w, r, actor, retention.Place)
}

func (a *api) liftHold(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.changeHold(w, r, actor, retention.Lift)
}

// change places or lifts a hold.
type change func(context.Context, *lock.Service, lock.Actor, retention.PINs, string) error

// changeHold answers with the holds on the device as they are then.
func (a *api) changeHold(w http.ResponseWriter, r *http.Request, actor lock.Actor, change change) error {
	var body reasonRequest
	if err := read(r, &body); err != nil {
		return err
	}
	found, err := a.history(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := change(r.Context(), a.Service, actor, found, body.Reason); err != nil {
		return err
	}
	return a.showHolds(w, r, actor, found)
}

func (a *api) showHolds(w http.ResponseWriter, r *http.Request, actor lock.Actor, found retention.PINs) error {
	holds, err := retention.HoldsOn(r.Context(), a.Service, actor, found)
	if err != nil {
		return err
	}
	writeHolds(w, holds)
	return nil
}
