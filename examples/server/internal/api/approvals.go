package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/lock"
)

// waiting is a request that waits for a second person.
type waiting struct {
	ID           lock.ID    `json:"id"` // what approve, reject and break-glass name as request
	What         string     `json:"what"`
	Kind         lock.Kind  `json:"kind,omitempty"` // of the order
	HeldBy       string     `json:"held_by"`
	ActionID     lock.ID    `json:"action_id,omitempty"`
	DeviceID     string     `json:"device_id,omitempty"`
	SerialNumber string     `json:"serial_number,omitempty"`
	DeviceName   string     `json:"device_name,omitempty"`
	User         string     `json:"user,omitempty"`
	BatchID      string     `json:"batch_id,omitempty"`
	Devices      string     `json:"devices,omitempty"`
	RequestedBy  string     `json:"requested_by"`
	Reason       string     `json:"reason"`
	Ticket       string     `json:"ticket"`
	RequestedAt  *time.Time `json:"requested_at"`
	ExpiresAt    *time.Time `json:"expires_at"`
	Own          bool       `json:"own"` // the caller asked for it

	Talks    bool           `json:"talks,omitempty"`
	Forced   bool           `json:"forced,omitempty"`
	Findings []lock.Finding `json:"findings,omitempty"` // those that block or warn
}

func newWaiting(r approval.Request) waiting {
	return waiting{
		ID: r.ID, What: r.What, Kind: r.Kind, HeldBy: r.HeldBy, ActionID: r.Action, DeviceID: r.Device.ID, SerialNumber: r.Device.Serial,
		DeviceName: r.Device.Name, User: r.Device.User, BatchID: r.Batch, Devices: r.Size, RequestedBy: r.By.ID, Reason: r.Reason, Ticket: r.Ticket,
		RequestedAt: when(r.At), ExpiresAt: when(r.Until), Own: r.Own,
		Talks: r.Talks, Forced: r.Forced, Findings: inOurWords(r.Findings),
	}
}

// review is a task that a broken glass left.
type review struct {
	ID           lock.ID    `json:"id"`
	What         string     `json:"what"`
	ActionID     lock.ID    `json:"action_id"`
	BatchID      string     `json:"batch_id,omitempty"`
	DeviceID     string     `json:"device_id"`
	SerialNumber string     `json:"serial_number"`
	DeviceName   string     `json:"device_name"`
	ApprovedBy   string     `json:"approved_by"`
	RequestedBy  string     `json:"requested_by"`
	Reason       string     `json:"reason"`
	At           *time.Time `json:"at"`
	Own          bool       `json:"own"` // the caller had a part in it
}

func newReview(r approval.Review) review {
	return review{
		ID: r.ID, What: r.What, ActionID: r.Action, BatchID: r.Batch, DeviceID: r.Device.ID, SerialNumber: r.Device.Serial,
		DeviceName: r.Device.Name, ApprovedBy: r.By.ID, RequestedBy: r.Requester, Reason: r.Reason, At: when(r.At), Own: r.Own,
	}
}

// page cuts the page that a query asks for out of all items, which have IDs and an order that stays.
func page[T any](q url.Values, all []T, id func(T) lock.ID) (list[T], error) {
	n, err := limit(q)
	if err != nil {
		return list[T]{}, err
	}
	if cursor := lock.ID(q.Get("cursor")); cursor != "" {
		at := slices.IndexFunc(all, func(item T) bool { return id(item) == cursor })
		if at < 0 {
			return list[T]{}, invalid("cursor", "must be what next_cursor was; what it names was decided meanwhile: begin anew")
		}
		all = all[at+1:]
	}
	out := list[T]{Items: []T{}}
	out.Items = append(out.Items, all[:min(n, len(all))]...)
	if len(all) > n {
		out.NextCursor = string(id(all[n-1]))
	}
	return out, nil
}

// listApprovals lists what waits for a second person.
func (a *api) listApprovals(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "cursor", "limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	cursor := lock.ID(q.Get("cursor"))
	if cursor != "" && len(cursor) != len(lock.NewID(a.Now())) {
		return invalid("cursor", "must be what next_cursor was")
	}
	found, next, err := a.Approvals.Waiting(r.Context(), actor, cursor, n)
	if err != nil {
		return err
	}
	out := list[waiting]{Items: []waiting{}, NextCursor: string(next)}
	for _, each := range found {
		out.Items = append(out.Items, newWaiting(each))
	}
	write(w, http.StatusOK, out)
	return nil
}

// listReviews lists the broken glass that nobody has looked into.
func (a *api) listReviews(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "cursor", "limit")
	if err != nil {
		return err
	}
	found, err := a.Approvals.Reviews(r.Context(), actor)
	if err != nil {
		return err
	}
	var all []review
	for _, each := range found {
		all = append(all, newReview(each))
	}
	out, err := page(q, all, func(r review) lock.ID { return r.ID })
	if err != nil {
		return err
	}
	write(w, http.StatusOK, out)
	return nil
}

// decisionRequest is what somebody says to a request.
type decisionRequest struct {
	Request lock.ID `json:"request"` // left out: the held order, or the only request to reveal
	Reason  string  `json:"reason"`
}

// decide is a verb of lock.Service about a request.
type decide func(ctx context.Context, actor lock.Actor, id, request lock.ID, reason string) (lock.Action, error)

func (a *api) approve(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	err := a.decide(w, r, actor, a.Service.Approve)
	if errors.Is(err, lock.ErrDenied) && a.Approvals.Asked(r.Context(), actor, lock.ID(r.PathValue("id"))) {
		return refuse(http.StatusForbidden, "self_approval", "nobody approves what they asked for: another person must. The attempt was recorded")
	}
	return err
}

func (a *api) reject(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decide(w, r, actor, a.Service.Reject)
}

func (a *api) breakGlass(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decide(w, r, actor, a.Service.BreakGlass)
}

func (a *api) decide(w http.ResponseWriter, r *http.Request, actor lock.Actor, do decide) error {
	var body decisionRequest
	if r.ContentLength != 0 {
		if err := read(r, &body); err != nil {
			return err
		}
	}
	id := lock.ID(r.PathValue("id"))
	act, err := do(r.Context(), actor, id, body.Request, body.Reason)
	if err != nil {
		return a.undecided(r.Context(), actor, id, body.Request, err)
	}
	write(w, http.StatusOK, newAction(act))
	return nil
}

// undecided tells the errors of a decision apart.
func (a *api) undecided(ctx context.Context, actor lock.Actor, id, request lock.ID, err error) error {
	var step *lock.TransitionError
	switch {
	case errors.As(err, &step) && step.State == lock.StateExpired:
		return refuse(http.StatusConflict, "expired", "nobody decided in time: the order has expired")
	case errors.As(err, &step):
		return refuse(http.StatusConflict, "decided", "nothing waits for a decision here any more: the action is "+string(step.State))
	case errors.Is(err, lock.ErrNotFound) && request != "":
		return a.fate(ctx, actor, id, request, err)
	}
	return err
}

// fate says what became of a request to reveal that waits no more.
func (a *api) fate(ctx context.Context, actor lock.Actor, id, request lock.ID, err error) error {
	act, missing := a.Service.Get(ctx, actor, id)
	if missing != nil {
		return err
	}
	all, failed := a.Approvals.RevealsOf(ctx, actor, act)
	i := slices.IndexFunc(all, func(r approval.Reveal) bool { return r.ID == request })
	switch {
	case failed != nil || i < 0:
		return err
	case all[i].Fate == approval.Expired:
		return refuse(http.StatusConflict, "expired", "nobody decided in time: the request has expired")
	default:
		return refuse(http.StatusConflict, "decided", "the request was decided: it is "+string(all[i].Fate))
	}
}

// giveReview puts on record that somebody looked into a broken glass.
func (a *api) giveReview(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	var body reasonRequest
	if err := read(r, &body); err != nil {
		return err
	}
	event := lock.ID(r.PathValue("event"))
	err := a.Service.Review(r.Context(), actor, a.Scope, event, body.Reason)
	if errors.Is(err, lock.ErrDenied) && a.hadPart(r.Context(), actor, event) {
		return refuse(http.StatusForbidden, "self_approval",
			"nobody reviews what they approved or asked for: another person must. The attempt was recorded")
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) hadPart(ctx context.Context, actor lock.Actor, event lock.ID) bool {
	if _, sees, err := a.Approvals.Count(ctx, actor); err != nil || !sees {
		return false
	}
	tasks, err := a.Approvals.Reviews(ctx, actor)
	return err == nil && slices.ContainsFunc(tasks, func(r approval.Review) bool { return r.ID == event && r.Own })
}

// pendingReveal is the answer to a reveal that waits for a second person.
type pendingReveal struct {
	Code        string     `json:"code"`
	Detail      string     `json:"detail"`
	Request     lock.ID    `json:"request"`
	HeldBy      string     `json:"held_by"`
	RequestedAt *time.Time `json:"requested_at"`
	ExpiresAt   *time.Time `json:"expires_at"`
}

// pending answers that a reveal waits.
func (a *api) pending(w http.ResponseWriter, r *http.Request, actor lock.Actor, id lock.ID, cause error) error {
	act, err := a.Service.Get(r.Context(), actor, id)
	if err != nil {
		return err
	}
	asked, ok, err := a.Approvals.RevealOf(r.Context(), actor, act)
	if err != nil || !ok {
		return errors.Join(cause, err)
	}
	write(w, http.StatusAccepted, pendingReveal{
		Code: "pending", Detail: "it waits for a second person; ask again when it is approved", Request: asked.ID, HeldBy: asked.HeldBy,
		RequestedAt: when(asked.At), ExpiresAt: when(asked.Until),
	})
	return nil
}
