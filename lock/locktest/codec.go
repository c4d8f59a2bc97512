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

// FactToken is the fact of a device that names the action whose token its passcode reset and its clearing use. Without it they use none.
const FactToken = "token_id"

// Token is the name of the secret that an order of lock.KindProvisionToken makes.
const Token = "token"

// Options of an order. Any value but the empty one will do.
const (
	OptionReturns = "returns" // the device makes the PIN, and returns it: see Fixture.Return
	OptionTalks   = "talks"   // the device goes on talking while it is locked
)

// Plan returns Answer, whatever the order. Without one, a lock, lost mode and a passcode reset draw six digits, or leave that to the device
// (OptionReturns), a token is made where one is provisioned, and all else carries nothing; a lock and lost mode hold the device.
func (c *Codec) Plan(d lock.Device, r lock.Request) lock.Plan {
	if c.Answer != nil {
		return *c.Answer
	}
	if r.Options[OptionReturns] != "" {
		return lock.Plan{Returns: true, Holds: r.Kind != lock.KindResetPasscode}
	}
	switch r.Kind {
	case lock.KindUnlock, lock.KindRevokeToken:
		return lock.Plan{NoPIN: true}
	case lock.KindProvisionToken:
		return lock.Plan{NoPIN: true, Makes: Token}
	case lock.KindClearPasscode:
		return lock.Plan{NoPIN: true, Uses: lock.ID(d.Facts[FactToken].Value)}
	case lock.KindResetPasscode:
		return lock.Plan{Policy: pin.SixDigits(), Uses: lock.ID(d.Facts[FactToken].Value)}
	default:
		return lock.Plan{Policy: pin.SixDigits(), Holds: true, Talks: r.Options[OptionTalks] != ""}
	}
}

// Encode returns the order as the JSON form of a Command. The same order gives the same bytes.
func (c *Codec) Encode(o lock.Order) ([]byte, error) {
	if c.Err != nil {
		return nil, c.Err
	}
	body, err := json.Marshal(Command{
		ID: o.Action.ID, PIN: o.PIN.Expose(), Secret: []byte(o.Secret.Expose()), Message: o.Action.Message, Options: o.Action.Options,
		Asks: o.Action.Returns && o.Action.Deliveries > o.Action.Deferrals, Ends: o.Ended.ID, Resumed: o.Resumed, Facts: o.Action.Facts,
	})
	if err != nil {
		return nil, fmt.Errorf("encode test command: %w", err)
	}
	return body, nil
}

// Command is what Codec writes: the body of a lock.Command.
type Command struct {
	ID      lock.ID `json:"id"`
	PIN     string  `json:"pin,omitempty"`    // in clear; empty when the order carries none
	Secret  []byte  `json:"secret,omitempty"` // in clear: the token that the order makes or uses
	Message string  `json:"message,omitempty"`

	Options map[string]string `json:"options,omitempty"`
	Asks    bool              `json:"asks,omitempty"`    // of an order that Returns: only asks for the PIN, and has none made
	Ends    lock.ID           `json:"ends,omitempty"`    // the action that an unlock ends
	Resumed bool              `json:"resumed,omitempty"` // the next part of the delivery that is under way: see Service.Resume
	Facts   map[string]string `json:"facts,omitempty"`   // of the action, as of this delivery
}
