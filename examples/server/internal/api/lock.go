package api

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// lockRequest is an order.
type lockRequest struct {
	why
	Message     string     `json:"message"`
	PhoneNumber string     `json:"phone_number"`
	PIN         *pinChoice `json:"pin"`
	Force       bool       `json:"force"`

	Options lockOptions `json:"options"`
}

// lockOptions say how a device is locked.
type lockOptions struct {
	Method string `json:"method"` // Windows: screen or sign_in; empty: as its kind wants it
}

// wanted are the options as the ledger keeps them.
func (o lockOptions) wanted() map[string]string {
	if o.Method == "" {
		return nil
	}
	return map[string]string{"method": o.Method}
}

type pinChoice struct {
	Mode        string `json:"mode"`
	Value       secret `json:"value"`
	ReuseReason string `json:"reuse_reason"`
}

// secret is a PIN in a request. It must be a string: as a number it would have lost its leading zeros.
type secret struct {
	pin   pin.PIN
	given bool
}

// UnmarshalJSON implements json.Unmarshaler. Null is no value. Its errors do not repeat the value.
func (s *secret) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var text string
	if json.Unmarshal(data, &text) != nil {
		return invalid("pin.value", "must be a string, in quotes: a number would lose its leading zeros")
	}
	s.given = true
	code, err := pin.Parse(text)
	var broken *pin.Error
	if errors.As(err, &broken) {
		p := invalid("pin.value", broken.Rule)
		p.Reason = broken.Reason
		return p
	}
	s.pin = code
	return err
}

// choose puts the choice into the order.
func (c *pinChoice) choose(order *lock.Request) error {
	if c == nil {
		return nil
	}
	order.Reuse = c.ReuseReason
	switch {
	case c.Mode != "" && c.Mode != "rotate" && c.Mode != "keep" && c.Mode != "supplied":
		return invalid("pin.mode", `must be "rotate", "keep" or "supplied"`)
	case c.Mode != "supplied" && c.Value.given:
		return invalid("pin.value", `is only for mode "supplied"`)
	case c.Mode == "supplied" && !c.Value.given:
		return invalid("pin.value", `is required in mode "supplied"`)
	}
	order.Keep, order.PIN = c.Mode == "keep", c.Value.pin
	return nil
}

// preflight is the answer to a dry run.
type preflight struct {
	Blocked  bool           `json:"blocked"`
	Findings []lock.Finding `json:"findings"`
}

// lockDevice orders a lock: 202 for a new action, 200 for the live one that the order joined.
func (a *api) lockDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	order, err := a.lockOrder(r)
	if err != nil {
		return err
	}
	return a.place(w, r, actor, order, verb{lock.KindLock, a.Service.Lock})
}

// lockOrder reads the request of a lock.
func (a *api) lockOrder(r *http.Request) (lock.Request, error) {
	var body lockRequest
	if err := read(r, &body); err != nil {
		return lock.Request{}, err
	}
	order, err := body.request(r)
	if err != nil {
		return order, err
	}
	order.Message, order.PhoneNumber, order.Force, order.Options = body.Message, body.PhoneNumber, body.Force, body.Options.wanted()
	return order, body.PIN.choose(&order)
}
