package api

import (
	"errors"
	"net/http"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// action is one action, without any PIN.
type action struct {
	ID            lock.ID           `json:"id"`
	DeviceID      string            `json:"device_id"`
	SerialNumber  string            `json:"serial_number"`
	DeviceName    string            `json:"device_name"`
	User          string            `json:"user"`
	Kind          lock.Kind         `json:"kind"`
	State         lock.State        `json:"state"`
	HeldBy        string            `json:"held_by,omitempty"` // why it waits, or waited, for a second person: policy or limit
	Live          bool              `json:"live"`
	OnDevice      bool              `json:"may_be_on_device"`
	Reason        string            `json:"reason"`
	Ticket        string            `json:"ticket"`
	Message       string            `json:"message"`
	PhoneNumber   string            `json:"phone_number"`
	Options       map[string]string `json:"options,omitempty"`
	Of            lock.ID           `json:"of,omitempty"`   // the action that it ends
	Uses          lock.ID           `json:"uses,omitempty"` // the action whose token it uses
	Supplied      bool              `json:"supplied"`
	KeptFrom      lock.ID           `json:"kept_from,omitempty"`
	ReuseReason   string            `json:"reuse_reason,omitempty"`
	Forced        bool              `json:"forced"`
	Joined        bool              `json:"joined"`
	RequestedBy   string            `json:"requested_by"`
	CreatedAt     *time.Time        `json:"created_at,omitempty"`
	IssuedAt      *time.Time        `json:"issued_at,omitempty"`
	DeliveredAt   *time.Time        `json:"delivered_at,omitempty"`
	ConfirmedAt   *time.Time        `json:"confirmed_at,omitempty"`
	ReleasedAt    *time.Time        `json:"released_at,omitempty"`
	NotAfter      *time.Time        `json:"not_after,omitempty"`
	Deliveries    int               `json:"deliveries"`
	WakeOutcome   string            `json:"wake_outcome,omitempty"` // how waking the device went last
	Reveals       int               `json:"reveals"`
	Disclosed     bool              `json:"disclosed"`
	Purged        bool              `json:"purged"` // its PIN is gone
	Holds         bool              `json:"holds"`  // once confirmed, the device stays locked
	Talks         bool              `json:"talks,omitempty"`
	Returns       bool              `json:"returns,omitempty"`     // the device makes the PIN
	HasPIN        bool              `json:"has_pin"`               // it can be revealed
	AnswerKept    bool              `json:"answer_kept,omitempty"` // of the device: it may have the PIN
	Feedback      string            `json:"feedback,omitempty"`
	FeedbackAt    *time.Time        `json:"feedback_at,omitempty"`
	Evidence      lock.Evidence     `json:"evidence,omitempty"`
	Cause         string            `json:"cause,omitempty"`
	DeviceAnswers map[string]string `json:"device_answers,omitempty"`
	Findings      []lock.Finding    `json:"findings"`
	Mails         []mail            `json:"mails,omitempty"` // where one action is asked for
}

func newAction(a lock.Action) action {
	return action{
		ID: a.ID, DeviceID: a.Device.ID, SerialNumber: a.Device.Serial, DeviceName: a.Device.Name, User: a.Device.User,
		Kind: a.Kind, State: a.State, HeldBy: a.HeldBy, Live: a.Lane != "", OnDevice: a.MayBeOnDevice(),
		Reason: a.Reason, Ticket: a.Ticket, Message: a.Message, PhoneNumber: a.PhoneNumber,
		Options: a.Options, Of: a.Of, Uses: a.Uses,
		Supplied: a.Supplied, KeptFrom: a.Kept, ReuseReason: a.Reuse, Forced: a.Forced, Joined: a.Joined, RequestedBy: a.By.ID,
		CreatedAt: when(a.Created), IssuedAt: when(a.Issued), DeliveredAt: when(a.Delivered), ConfirmedAt: when(a.Confirmed),
		ReleasedAt: when(a.Released), NotAfter: when(a.NotAfter), Deliveries: a.Deliveries, WakeOutcome: a.WakeOutcome, Reveals: a.Disclosures,
		Disclosed: a.Disclosures > 0, Purged: retention.IsPurged(a), Feedback: outcome(a.Feedback), FeedbackAt: when(a.FeedbackAt),
		Holds: a.Holds, Talks: a.Talks, Returns: a.Returns, HasPIN: retention.HasPIN(a) && !retention.IsPurged(a), AnswerKept: keepsAnswer(a),
		Evidence: a.Evidence, Cause: a.Cause, DeviceAnswers: a.Facts, Findings: inOurWords(a.Findings),
	}
}

func (a *api) listActions(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "device_id", "state", "live", "cursor", "limit")
	if err != nil {
		return err
	}
	f := lock.Filter{Scope: a.Scope, Before: lock.ID(q.Get("cursor"))}
	if f.Limit, err = limit(q); err != nil {
		return err
	}
	if f.Live, err = flag(q, "live"); err != nil {
		return err
	}
	if id := q.Get("device_id"); id != "" {
		f.Devices = []string{id}
	}
	if state := q.Get("state"); state != "" {
		f.States = []lock.State{lock.State(state)}
	}
	found, err := a.Service.List(r.Context(), actor, f)
	if err != nil {
		return err
	}
	page := list[action]{Items: []action{}}
	for _, act := range found {
		page.Items = append(page.Items, newAction(act))
	}
	if len(found) == f.Limit {
		page.NextCursor = string(found[len(found)-1].ID)
	}
	write(w, http.StatusOK, page)
	return nil
}

func (a *api) getAction(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	act, err := a.Service.Get(r.Context(), actor, lock.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	shown := newAction(act)
	if shown.Mails, err = a.mails(r.Context(), act.ID); err != nil {
		return err
	}
	write(w, http.StatusOK, shown)
	return nil
}

// reasonRequest is why somebody does something.
type reasonRequest struct {
	Reason string `json:"reason"`
}

func (a *api) cancelAction(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body reasonRequest
	if r.ContentLength != 0 {
		if err := read(r, &body); err != nil {
			return err
		}
	}
	act, err := a.Service.Cancel(r.Context(), actor, lock.ID(r.PathValue("id")), body.Reason)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, newAction(act))
	return nil
}

// revealRequest is why somebody wants to see a PIN.
type revealRequest struct {
	Reason string `json:"reason"`
	Ticket string `json:"ticket"`
}

// revealPIN gives the PIN to a person. The reveal was recorded before the PIN is here. One that waits for a second person is 202.
func (a *api) revealPIN(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body revealRequest
	if err := read(r, &body); err != nil {
		return err
	}
	id := lock.ID(r.PathValue("id"))
	code, err := a.Service.Reveal(r.Context(), actor, id, body.Reason, body.Ticket)
	if errors.Is(err, lock.ErrPending) {
		return a.pending(w, r, actor, id, err)
	}
	if err != nil {
		return err
	}
	write(w, http.StatusOK, map[string]string{"pin": code.Expose()})
	return nil
}
