package console

import (
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
)

// typePIN types a PIN at the keyboard of a simulated device.
func (c *console) typePIN(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if c.Demo == nil {
		return lock.ErrNotFound
	}
	d, err := c.Devices.FindFor(r.Context(), a, r.PathValue("id"))
	if err != nil {
		return err
	}
	opened, err := c.Demo.Type(r.Context(), r.PathValue("id"), r.PostFormValue("digits"))
	if err != nil {
		return err
	}
	switch {
	case opened && !isMac(d.Device):
		c.say(r.Context(), "The simulated device is open.")
	case isComputer(d.Device):
		c.warn(r.Context(), "It does not open, says the simulated device.")
	case isPhone(d.Device):
		c.warn(r.Context(), "Wrong passcode, says the simulated device. Reveal the passcode and type it as it is written.")
	case opened:
		c.say(r.Context(), "The simulated Mac has opened. The lock says Open again once the Mac has asked for commands, a minute or so from now.")
	default:
		c.warn(r.Context(), "Wrong PIN, says the simulated Mac. Reveal the PIN and read it digit by digit.")
	}
	http.Redirect(w, r, devicePath(r.PathValue("id")), http.StatusSeeOther) //nolint:gosec // an escaped path of this server
	return nil
}
