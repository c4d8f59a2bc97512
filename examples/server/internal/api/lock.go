package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// lockRequest is an order.
type lockRequest struct {
	Reason      string     `json:"reason"`
	Ticket      string     `json:"ticket"`
	Message     string     `json:"message"`
	PhoneNumber string     `json:"phone_number"`
	PIN         *pinChoice `json:"pin"`
	NotAfter    string     `json:"not_after"`
	Force       bool       `json:"force"`
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
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	order, err := a.order(r, actor)
	if err != nil {
		return err
	}
	if dry {
		return a.dryRun(w, r, actor, order)
	}
	act, err := a.Service.Lock(r.Context(), actor, order)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/actions/"+string(act.ID))
	status := http.StatusAccepted
	if act.Joined {
		status = http.StatusOK
	}
	write(w, status, newAction(act))
	return nil
}

// dryRun says what an order would do.
func (a *api) dryRun(w http.ResponseWriter, r *http.Request, actor lock.Actor, order lock.Request) error {
	findings, err := a.Service.Preflight(r.Context(), actor, order)
	if err != nil {
		return err
	}
	live, err := a.live(r, actor, inventory.Device{Device: order.Device})
	if err != nil {
		return err
	}
	if l := live[order.Device.ID]; l != nil {
		findings = append(findings, beside(*l, actor, order))
	}
	blocks := func(f lock.Finding) bool { return f.Level == lock.LevelBlock && (!f.Forceable || !order.Force) }
	write(w, http.StatusOK, preflight{slices.ContainsFunc(findings, blocks), inOurWords(findings)})
	return nil
}

// beside says what an order would do while a lock is live. PINs are not compared: only an order, which is on record, does that.
func beside(live lock.Action, actor lock.Actor, order lock.Request) lock.Finding {
	switch {
	case order.PIN.IsZero():
		return lock.Finding{Code: "live_lock", Level: lock.LevelInfo, Text: "A lock is under way or holds: the order would join it"}
	case live.Supplied && live.By.ID == actor.ID:
		return lock.Finding{
			Code: "live_lock", Level: lock.LevelInfo, Field: "pin",
			Text: "A lock is under way or holds: the order would join it if it has this PIN, and be refused if it has another one",
		}
	default:
		return lock.Finding{
			Code: "busy", Level: lock.LevelBlock, Field: "pin",
			Text: "A lock is under way or holds, with a PIN that you did not choose: an order with a PIN of your own would be refused",
		}
	}
}

// order reads the request for the device in the path.
func (a *api) order(r *http.Request, actor lock.Actor) (lock.Request, error) {
	var body lockRequest
	if err := read(r, &body); err != nil {
		return lock.Request{}, err
	}
	order := lock.Request{
		Reason: body.Reason, Ticket: body.Ticket, Message: body.Message, PhoneNumber: body.PhoneNumber, Force: body.Force,
		Key: r.Header.Get("Idempotency-Key"),
	}
	if err := body.PIN.choose(&order); err != nil {
		return order, err
	}
	var err error
	if body.NotAfter != "" {
		if order.NotAfter, err = time.Parse(time.RFC3339, body.NotAfter); err != nil {
			return order, invalid("not_after", "must be a time in RFC 3339, as in 2026-12-31T12:00:00Z")
		}
	}
	d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
	order.Device = d.Device
	return order, err
}
