package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"

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
	Mode  string `json:"mode"`
	Value secret `json:"value"`
}

// secret is a PIN in a request. It must be a string: as a number it would have lost its leading zeros.
type secret struct {
	pin   pin.PIN
	given bool
}

// UnmarshalJSON implements json.Unmarshaler. Its errors do not repeat the value.
func (s *secret) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) != nil {
		return invalid("pin.value", "must be a string, in quotes: a number would lose its leading zeros")
	}
	s.given = true
	code, err := pin.Parse(text)
	var broken *pin.Error
	if errors.As(err, &broken) {
		return invalid("pin.value", broken.Rule)
	}
	s.pin = code
	return err
}

// choose returns the PIN that the caller chose, zero for a new one.
func (c *pinChoice) choose() (pin.PIN, error) {
	if c == nil {
		return pin.PIN{}, nil
	}
	switch c.Mode {
	case "rotate", "":
		if c.Value.given {
			return pin.PIN{}, invalid("pin.value", `is only for mode "supplied"`)
		}
		return pin.PIN{}, nil
	case "supplied":
		if !c.Value.given {
			return pin.PIN{}, invalid("pin.value", `is required in mode "supplied"`)
		}
		return c.Value.pin, nil
	case "keep":
		p := invalid("pin.mode", `"keep" is not available in this version: use "rotate" or "supplied"`)
		p.Code = "pin_keep_unavailable"
		return pin.PIN{}, p
	}
	return pin.PIN{}, invalid("pin.mode", `must be "rotate" or "supplied"`)
}

// preflight is the answer to a dry run.
type preflight struct {
	Blocked  bool           `json:"blocked"`
	Findings []lock.Finding `json:"findings"`
}

// lockDevice orders a lock: 202 for a new action, 200 for the live one that the order joined.
func (a *api) lockDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "dry_run")
	if err != nil {
		return err
	}
	dry, err := flag(q, "dry_run")
	if err != nil {
		return err
	}
	order, err := a.order(r)
	if err != nil {
		return err
	}
	if dry {
		findings, err := a.Service.Preflight(r.Context(), actor, order)
		if err != nil {
			return err
		}
		blocks := func(f lock.Finding) bool { return f.Level == lock.LevelBlock && (!f.Forceable || !order.Force) }
		write(w, http.StatusOK, preflight{slices.ContainsFunc(findings, blocks), slices.Concat([]lock.Finding{}, findings)})
		return nil
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

// order reads the request for the device in the path.
func (a *api) order(r *http.Request) (lock.Request, error) {
	var body lockRequest
	if err := read(r, &body); err != nil {
		return lock.Request{}, err
	}
	code, err := body.PIN.choose()
	if err != nil {
		return lock.Request{}, err
	}
	var notAfter time.Time
	if body.NotAfter != "" {
		if notAfter, err = time.Parse(time.RFC3339, body.NotAfter); err != nil {
			return lock.Request{}, invalid("not_after", "must be a time in RFC 3339, as in 2026-12-31T12:00:00Z")
		}
	}
	d, err := a.Devices.Find(r.Context(), r.PathValue("id"))
	if err != nil {
		return lock.Request{}, err
	}
	return lock.Request{
		Device: d.Device, Reason: body.Reason, Ticket: body.Ticket, Message: body.Message, PhoneNumber: body.PhoneNumber, PIN: code,
		NotAfter: notAfter, Force: body.Force, Key: r.Header.Get("Idempotency-Key"),
	}, nil
}
