package console

import (
	"context"
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// holdData is what keeps the PINs of a piece of hardware from a purge.
type holdData struct {
	ID    string // the device under which it is placed and lifted
	Holds []retention.Hold
}

// holdOf reads the holds. A refresh in the background would cost a look at the whole log, and leaves that part of a page as it is.
func (c *console) holdOf(r *http.Request, a lock.Actor, found retention.PINs) (holdData, error) {
	data := holdData{ID: found.Device.ID}
	if data.ID == "" && len(found.Names) > 0 {
		data.ID = found.Names[0].ID
	}
	if r.Header.Get("X-Refresh") != "" {
		return data, nil
	}
	var err error
	data.Holds, err = retention.HoldsOn(r.Context(), c.Service, a, found)
	return data, err
}

func (c *console) placeHold(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.changeHold(w, r, a, retention.Place, "A legal hold is placed: no purge takes a PIN of this Mac.")
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
