package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// pinUse is one PIN of the device's past and present, without the PIN.
type pinUse struct {
	Action    lock.Action
	Rank      int    // among the PINs that may open the device: 1 is the most likely
	Reason    string // what puts it there
	MayReveal bool   // who looks at the page
	Seen      bool   // somebody was shown it, with this action or with another one that has the same PIN
	Reveals   []lock.Event
	Tried     []lock.Event // what people said of it
}

// Older is how many reveals came before Reveals.
func (p pinUse) Older() int { return max(0, p.Action.Disclosures-len(p.Reveals)) }

// Used is when the PIN was last put to use: acknowledged, else sent. It is zero for one that never left.
func (p pinUse) Used() time.Time {
	if p.Action.Confirmed.IsZero() {
		return p.Action.Delivered
	}
	return p.Action.Confirmed
}

// Stage is how far the PIN has come.
func (p pinUse) Stage() status { return stageOf(p.Action) }

// Since is when it came that far.
func (p pinUse) Since() time.Time {
	switch a := p.Action; a.State {
	case lock.StateHeld, lock.StateQueued:
		return a.Created
	case lock.StateIssued:
		return a.Delivered
	case lock.StateConfirmed:
		return a.Confirmed
	case lock.StateReleased:
		return a.Released
	default:
		return a.Changed
	}
}

// pinsData is the PIN history of a device, or of a piece of hardware.
type pinsData struct {
	Device inventory.Device // with no ID: asked for by its serial number
	Gone   bool             // the inventory does not know it any more
	Names  []knownAs        // what it was called, when it was called more than one thing, or its serial number was asked for
	PINs   []pinUse
	Purged []retention.Purged
	Hold   holdData
}

// knownAs is one enrolment of a piece of hardware.
type knownAs struct {
	lock.Device
	Enrolled bool // the inventory knows it
}

// pinsPage is the PIN history. It outlives the device: what the ledger has of one that is gone is shown all the same.
func (c *console) pinsPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx, id := r.Context(), r.PathValue("id")
	d, gone, found, err := c.pastOf(ctx, a, id)
	if err != nil {
		return err
	}
	data := pinsData{Device: d, Gone: gone}
	return c.showPINs(w, r, a, data, found)
}

// pastOf is a device and what the ledger has of it. It is lock.ErrNotFound when neither inventory nor ledger knows it.
func (c *console) pastOf(ctx context.Context, a lock.Actor, id string) (d inventory.Device, gone bool, found retention.PINs, err error) {
	d, err = c.Devices.FindFor(ctx, a, id)
	gone = errors.Is(err, lock.ErrNotFound)
	if err != nil && !gone {
		return d, gone, found, err
	}
	if gone {
		d.Device = lock.Device{Scope: c.Scope, ID: id}
	}
	if found, err = retention.Find(ctx, c.Service, a, d.Device); err != nil {
		return d, gone, found, err
	}
	if gone {
		d.Device = found.Device
		if len(found.Names) == 0 {
			err = lock.ErrNotFound
		}
	}
	return d, gone, found, err
}

// hardwarePage is the PIN history of a serial number, whatever the device was called.
func (c *console) hardwarePage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	d := lock.Device{Scope: c.Scope, Serial: strings.TrimSpace(r.FormValue("serial"))}
	if d.Serial == "" {
		return lock.ErrNotFound
	}
	found, err := retention.Find(r.Context(), c.Service, a, d)
	if err == nil && len(found.Names) == 0 {
		err = lock.ErrNotFound
	}
	if err != nil {
		return err
	}
	return c.showPINs(w, r, a, pinsData{Device: inventory.Device{Device: found.Device}, Gone: true}, found)
}

func (c *console) showPINs(w http.ResponseWriter, r *http.Request, a lock.Actor, data pinsData, found retention.PINs) error {
	ctx := r.Context()
	for _, d := range found.Names {
		if slices.ContainsFunc(data.Names, func(n knownAs) bool { return n.ID == d.ID }) {
			continue
		}
		_, err := c.Devices.FindFor(ctx, a, d.ID)
		if err != nil && !errors.Is(err, lock.ErrNotFound) {
			return err
		}
		data.Names = append(data.Names, knownAs{d, err == nil})
	}
	if data.Device.ID == "" {
		data.Gone = !slices.ContainsFunc(data.Names, func(n knownAs) bool { return n.Enrolled })
	} else if len(data.Names) < 2 {
		data.Names = nil
	}
	var err error
	if data.PINs, err = c.history(r, a, found.Candidates, len(found.Candidates)); err != nil {
		return err
	}
	data.Purged = found.Purged
	if data.Hold, err = c.holdOf(r, a, found); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "pins", "PIN history of "+cmp.Or(data.Device.Name, data.Device.Serial, data.Device.ID), data)
}

// history describes the first of the candidates, with who saw each and what came of it. Only PINs of which there is something to tell
// cost a question to the ledger.
func (c *console) history(r *http.Request, a lock.Actor, candidates []lock.Candidate, limit int) ([]pinUse, error) {
	ctx := r.Context()
	var uses []pinUse
	for i, candidate := range candidates[:min(limit, len(candidates))] {
		use := pinUse{Action: candidate.Action, Rank: i + 1, Reason: candidate.Reason, Seen: candidate.Disclosed, MayReveal: c.may(r, lock.VerbReveal)}
		if use.Action.Disclosures > 0 || use.Action.Feedback != "" {
			events, err := c.Service.Events(ctx, a, lock.EventFilter{
				Action: use.Action.ID, Types: []lock.EventType{lock.EventRevealed, lock.EventFeedback}, Newest: true,
			})
			if err != nil {
				return nil, err
			}
			for _, e := range events {
				if e.Type == lock.EventRevealed {
					use.Reveals = append(use.Reveals, e)
				} else {
					use.Tried = append(use.Tried, e)
				}
			}
		}
		uses = append(uses, use)
	}
	return uses, nil
}

// deviceOf is the device of an action as the inventory knows it, else as the action keeps it.
func (c *console) deviceOf(ctx context.Context, actor lock.Actor, a lock.Action) (inventory.Device, error) {
	d, err := c.Devices.FindFor(ctx, actor, a.Device.ID)
	if errors.Is(err, lock.ErrNotFound) {
		return inventory.Device{Device: a.Device}, nil
	}
	return d, err
}

func pinsPath(id string) string { return devicePath(id) + "/pins" }

func hardwarePath(serial string) string {
	return "/hardware?" + url.Values{"serial": {serial}}.Encode()
}
