package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// device is one device. State is lock-pending, lock-sent, locked or deactivated while ActionID is its live lock, else managed or unenrolled.
type device struct {
	ID           string     `json:"id"`
	Platform     string     `json:"platform"`
	SerialNumber string     `json:"serial_number"`
	Name         string     `json:"name"`
	User         string     `json:"user"`
	Model        string     `json:"model"`
	ProductName  string     `json:"product_name"`
	OSVersion    string     `json:"os_version"`
	AppleSilicon *bool      `json:"apple_silicon,omitempty"`
	Enrolled     bool       `json:"enrolled"`
	EnrolledAt   *time.Time `json:"enrolled_at,omitempty"`
	LastSeenAt   *time.Time `json:"last_seen_at,omitempty"`
	ExpiresAt    *time.Time `json:"certificate_expires_at,omitempty"`
	State        string     `json:"state"`
	ActionID     lock.ID    `json:"action_id"`
	particular
	Facts map[string]fact `json:"facts,omitempty"` // in a list only that the device checked out
}

type fact struct {
	Value    string    `json:"value"`
	LearntAt time.Time `json:"learnt_at"`
}

// newDevice describes a device with its live lock, which may be nil.
func newDevice(d inventory.Device, live *lock.Action) device {
	out := device{
		ID: d.ID, Platform: d.Platform, SerialNumber: d.Serial, Name: d.Name, User: d.User, Model: d.Model, ProductName: d.ProductName,
		OSVersion: d.OSVersion, AppleSilicon: d.Silicon, Enrolled: d.Enrolled, EnrolledAt: when(d.EnrolledAt), LastSeenAt: when(d.LastSeen),
		ExpiresAt: when(d.Expires), particular: newParticular(d),
	}
	switch {
	case live != nil && live.State == lock.StateConfirmed && slices.ContainsFunc(live.Findings, deactivates):
		out.State = "deactivated" // the PIN does not open it
	case live != nil && live.State == lock.StateConfirmed:
		out.State = "locked"
	case live != nil && live.State == lock.StateIssued:
		out.State = "lock-sent"
	case live != nil:
		out.State = "lock-pending"
	case d.Enrolled:
		out.State = "managed"
	default:
		out.State = "unenrolled"
	}
	if live != nil {
		out.ActionID = live.ID
	}
	for name, f := range d.Facts {
		if out.Facts == nil {
			out.Facts = map[string]fact{}
		}
		out.Facts[name] = fact{f.Value, f.At.UTC()}
	}
	return out
}

func (a *api) listDevices(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "search", "cursor", "limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	found, err := a.Devices.Devices(r.Context(), actor, q.Get("search"), q.Get("cursor"), n)
	if err != nil {
		return err
	}
	live, err := a.live(r, actor, found...)
	if err != nil {
		return err
	}
	page := list[device]{Items: []device{}}
	for _, d := range found {
		page.Items = append(page.Items, newDevice(d, live[d.ID]))
	}
	if len(found) == n {
		page.NextCursor = found[n-1].ID
	}
	write(w, http.StatusOK, page)
	return nil
}

func (a *api) getDevice(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	d, err := a.Devices.FindFor(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	live, err := a.live(r, actor, d)
	if err != nil {
		return err
	}
	out := newDevice(d, live[d.ID])
	if out.particular, err = a.whole(r.Context(), actor, out.particular, d); err != nil {
		return err
	}
	write(w, http.StatusOK, out)
	return nil
}

func deactivates(f lock.Finding) bool { return f.Code == "apple_silicon_before_11_5" }

// live finds the live locks of some devices. It is also what asks whether the caller may see anything, so it is asked for no device too.
func (a *api) live(r *http.Request, actor lock.Actor, devices ...inventory.Device) (map[string]*lock.Action, error) {
	f := lock.Filter{Scope: a.Scope, Kinds: []lock.Kind{lock.KindLock}, Live: true, Limit: 1000}
	for _, d := range devices {
		f.Devices = append(f.Devices, d.ID)
	}
	if len(devices) == 0 {
		f.Devices = []string{""} // none; nil would be all
	}
	actions, err := a.Service.List(r.Context(), actor, f)
	if err != nil {
		return nil, err
	}
	live := map[string]*lock.Action{}
	for i := range actions {
		if actions[i].State != lock.StateHeld { // waits beside the live one
			live[actions[i].Device.ID] = &actions[i]
		}
	}
	return live, nil
}
