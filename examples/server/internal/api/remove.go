package api

import (
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
)

// removeDevice takes a device out of the inventory. Nothing that opens it goes, so whoever may see it may remove it.
func (a *api) removeDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	d, err := a.Devices.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if _, err := a.live(r, actor, d); err != nil {
		return err
	}
	if err := a.Devices.Remove(r.Context(), actor, d.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
