package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// candidate is a PIN that may open the device, without the PIN.
type candidate struct {
	ActionID     lock.ID    `json:"action_id"`
	Rank         int        `json:"rank"` // 1: the most likely
	Reason       string     `json:"reason"`
	State        lock.State `json:"state"`
	Supplied     bool       `json:"supplied"`
	KeptFrom     lock.ID    `json:"kept_from,omitempty"`
	ReuseReason  string     `json:"reuse_reason,omitempty"`
	Reveals      int        `json:"reveals"`
	Disclosed    bool       `json:"disclosed"`
	Feedback     string     `json:"feedback,omitempty"`
	FeedbackAt   *time.Time `json:"feedback_at,omitempty"`
	OnDevice     bool       `json:"may_be_on_device"`
	OrderedAt    *time.Time `json:"ordered_at,omitempty"`
	DeliveredAt  *time.Time `json:"delivered_at,omitempty"`
	ConfirmedAt  *time.Time `json:"confirmed_at,omitempty"`
	ReleasedAt   *time.Time `json:"released_at,omitempty"`
	LastUsedAt   *time.Time `json:"last_used_at,omitempty"` // confirmed, else delivered
	RequestedBy  string     `json:"requested_by"`
	DeviceID     string     `json:"device_id"` // an earlier enrolment of the same hardware may have another
	SerialNumber string     `json:"serial_number"`
}

func newCandidate(rank int, c lock.Candidate) candidate {
	a := c.Action
	used := a.Confirmed
	if used.IsZero() {
		used = a.Delivered
	}
	return candidate{
		ActionID: a.ID, Rank: rank, Reason: c.Reason, State: a.State, Supplied: a.Supplied, KeptFrom: a.Kept, ReuseReason: a.Reuse,
		Reveals: a.Disclosures, Disclosed: c.Disclosed, Feedback: outcome(a.Feedback), FeedbackAt: when(a.FeedbackAt),
		OnDevice: a.MayBeOnDevice(), OrderedAt: when(a.Created), DeliveredAt: when(a.Delivered), ConfirmedAt: when(a.Confirmed),
		ReleasedAt: when(a.Released), LastUsedAt: when(used), RequestedBy: a.By.ID, DeviceID: a.Device.ID, SerialNumber: a.Device.Serial,
	}
}

// purgedPIN is a PIN that is gone: it opens nothing, and stays in the history.
type purgedPIN struct {
	ActionID     lock.ID    `json:"action_id"`
	State        lock.State `json:"state"`
	OrderedAt    *time.Time `json:"ordered_at,omitempty"`
	DeliveredAt  *time.Time `json:"delivered_at,omitempty"`
	ConfirmedAt  *time.Time `json:"confirmed_at,omitempty"`
	ReleasedAt   *time.Time `json:"released_at,omitempty"`
	Reveals      int        `json:"reveals"`
	RequestedBy  string     `json:"requested_by"`
	DeviceID     string     `json:"device_id"`
	SerialNumber string     `json:"serial_number"`
	PurgedAt     *time.Time `json:"purged_at,omitempty"`
	PurgedBy     string     `json:"purged_by"`
	PurgeReason  string     `json:"purge_reason"`
}

func newPurgedPIN(p retention.Purged) purgedPIN {
	a := p.Action
	return purgedPIN{
		ActionID: a.ID, State: a.State, OrderedAt: when(a.Created), DeliveredAt: when(a.Delivered), ConfirmedAt: when(a.Confirmed),
		ReleasedAt: when(a.Released), Reveals: a.Disclosures, RequestedBy: a.By.ID, DeviceID: a.Device.ID, SerialNumber: a.Device.Serial,
		PurgedAt: when(p.At), PurgedBy: p.By.ID, PurgeReason: p.Reason,
	}
}

// pinHistory is every PIN of a piece of hardware: those that may open it, and those that are gone.
type pinHistory struct {
	list[candidate]
	Purged []purgedPIN `json:"purged"`
}

// devicePINs lists the PINs of a device, also of one that the inventory does not know (any more).
func (a *api) devicePINs(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	found, err := a.history(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	writePINs(w, found)
	return nil
}

// history is what the ledger has of a device, which it or the inventory must know.
func (a *api) history(ctx context.Context, actor lock.Actor, id string) (retention.PINs, error) {
	d := lock.Device{Scope: a.Scope, ID: id}
	known, err := a.Devices.FindFor(ctx, actor, id)
	missing := errors.Is(err, lock.ErrNotFound)
	if err != nil && !missing {
		return retention.PINs{}, err
	}
	if !missing {
		d = known.Device
	}
	found, err := retention.Find(ctx, a.Service, actor, d)
	if err == nil && missing && len(found.Names) == 0 {
		err = lock.ErrNotFound
	}
	return found, err
}

// hardwarePINs finds PINs by what the label of a device says.
func (a *api) hardwarePINs(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "serial_number")
	if err != nil {
		return err
	}
	if q.Get("serial_number") == "" {
		return invalid("serial_number", "is required")
	}
	found, err := retention.Find(r.Context(), a.Service, actor, lock.Device{Scope: a.Scope, Serial: q.Get("serial_number")})
	if err != nil {
		return err
	}
	writePINs(w, found)
	return nil
}

func writePINs(w http.ResponseWriter, found retention.PINs) {
	page := pinHistory{list[candidate]{Items: []candidate{}}, []purgedPIN{}}
	for i, c := range found.Candidates {
		page.Items = append(page.Items, newCandidate(i+1, c))
	}
	for _, p := range found.Purged {
		page.Purged = append(page.Purged, newPurgedPIN(p))
	}
	write(w, http.StatusOK, page)
}
