package locktest

import (
	"encoding/json"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Platform is the name of the platform that New configures.
const Platform = "test"

// Codec is a platform for tests only: its commands are JSON (see Command) with the PIN in clear. The zero Codec draws six digits, finds
// nothing, and holds the device. Do not change its fields while the service is in use.
type Codec struct {
	Answer *lock.Plan // what Plan says of every order; nil: see Plan
	Err    error      // when not nil, Encode fails with it
}

var _ lock.Codec = (*Codec)(nil)

// Plan returns Answer, whatever the order. Without one, a lock, lost mode and a passcode reset draw six digits, an unlock carries no PIN,
// and a lock and lost mode hold the device.
func (c *Codec) Plan(_ lock.Device, r lock.Request) lock.Plan {
	switch {
	case c.Answer != nil:
		return *c.Answer
	case r.Kind == lock.KindUnlock:
		return lock.Plan{NoPIN: true}
	default:
		return lock.Plan{Policy: pin.SixDigits(), Holds: r.Kind != lock.KindResetPasscode}
	}
}

// Encode returns the order as the JSON form of a Command. The same order gives the same bytes.
func (c *Codec) Encode(o lock.Order) ([]byte, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	body, err := json.Marshal(Command{ID: o.Action.ID, PIN: o.PIN.Expose(), Message: o.Action.Message})
	if err != nil {
		return nil, fmt.Errorf("encode test command: %w", err)
	}
	return body, nil
}

// Command is what Codec writes: the body of a lock.Command.
type Command struct {
	ID      lock.ID `json:"id"`
	PIN     string  `json:"pin,omitempty"` // in clear; empty when the order carries none
	Message string  `json:"message,omitempty"`
}
