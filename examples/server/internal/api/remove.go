package api

import (
	"net/http"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// removeDevice takes a device out of the inventory. Nothing that opens it goes.
func (a *api) removeDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	if err := a.Service.Allow(r.Context(), actor, account.VerbRemove, lock.Target{Device: d.Device}); err != nil {
		return err
	}
	if err := a.Devices.Remove(r.Context(), actor, d.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
