package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/bulk"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
)

// maxBulkBody is the largest body of a bulk order: about 200,000 devices by their IDs. Groups name more.
const maxBulkBody = 8 << 20

// bulkRequest is an order for many devices.
type bulkRequest struct {
	Kind        string     `json:"kind"`
	Devices     []string   `json:"devices"`
	Groups      []branch   `json:"groups"`
	UserGroups  []string   `json:"user_groups"`
	Reason      string     `json:"reason"`
	Ticket      string     `json:"ticket"`
	Message     string     `json:"message"`
	PhoneNumber string     `json:"phone_number"`
	PIN         *pinChoice `json:"pin"`
	NotAfter    string     `json:"not_after"`
	Force       bool       `json:"force"`
}

type branch struct {
	ID        string `json:"id"`
	Subgroups bool   `json:"include_subgroups"`
}

func (b bulkRequest) order() (bulk.Order, error) {
	if b.Kind != "" && b.Kind != string(lock.KindLock) {
		return bulk.Order{}, invalid("kind", `must be "lock": nothing else is ordered in bulk`)
	}
	o := bulk.Order{
		Selection: lockbulk.Selection{Devices: b.Devices, UserGroups: b.UserGroups},
		Reason:    b.Reason, Ticket: b.Ticket, Message: b.Message, PhoneNumber: b.PhoneNumber, Force: b.Force,
	}
	for _, g := range b.Groups {
		o.Selection.Groups = append(o.Selection.Groups, lockbulk.Group(g))
	}
	var choice lock.Request
	if err := b.PIN.choose(&choice); err != nil {
		return o, err
	}
	o.Keep, o.PIN, o.Reuse = choice.Keep, choice.PIN, choice.Reuse
	if b.NotAfter != "" {
		var err error
		if o.NotAfter, err = time.Parse(time.RFC3339, b.NotAfter); err != nil {
			return o, invalid("not_after", "must be a time in RFC 3339, as in 2026-12-31T12:00:00Z")
		}
	}
	return o, nil
}

// batch is a bulk order. In a list it is without counts and items.
type batch struct {
	ID          string     `json:"id"`
	Kind        lock.Kind  `json:"kind"`
	State       bulk.State `json:"state"`
	Cause       string     `json:"cause,omitempty"`
	RequestedBy string     `json:"requested_by"`
	Reason      string     `json:"reason"`
	Ticket      string     `json:"ticket"`
	Message     string     `json:"message"`
	PhoneNumber string     `json:"phone_number"`
	PINMode     string     `json:"pin_mode"`
	Forced      bool       `json:"forced"`
	CreatedAt   *time.Time `json:"created_at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	NotAfter    *time.Time `json:"not_after,omitempty"`
	Total       int        `json:"total"`
	*counts
	Items      []batchItem `json:"items,omitempty"`
	NextCursor *string     `json:"next_cursor,omitempty"`
}

// counts are the devices of a batch by what became of them.
type counts struct {
	Ordered   int                  `json:"ordered"`
	Blocked   int                  `json:"blocked"`
	Confirmed int                  `json:"confirmed"`
	Failed    int                  `json:"failed"`
	Cancelled int                  `json:"cancelled"`
	Pending   int                  `json:"pending"`
	Outcomes  map[bulk.Outcome]int `json:"outcomes"`
}

type batchItem struct {
	DeviceID     string       `json:"device_id"`
	SerialNumber string       `json:"serial_number"`
	Name         string       `json:"name"`
	ActionID     lock.ID      `json:"action_id"`
	Joined       bool         `json:"joined"`
	Outcome      bulk.Outcome `json:"outcome"`
	Code         string       `json:"code"`
	Reason       string       `json:"reason,omitempty"`
	Platform     string       `json:"platform"`
}

func newBatch(b bulk.Batch) batch {
	return batch{
		ID: b.ID, Kind: lock.KindLock, State: b.State, Cause: b.Cause, RequestedBy: b.Actor.ID, Reason: b.Ask.Reason, Ticket: b.Ask.Ticket,
		Message: b.Ask.Message, PhoneNumber: b.Ask.PhoneNumber, PINMode: b.Ask.Mode, Forced: b.Ask.Force, CreatedAt: when(b.Created),
		EndedAt: when(b.Ended), NotAfter: when(b.Ask.NotAfter), Total: b.Total,
	}
}

func newItems(items []bulk.Item) []batchItem {
	out := []batchItem{}
	for _, i := range items {
		out = append(out, batchItem{i.Device, i.Serial, i.Name, i.Action, i.Joined, i.Outcome, i.Code, i.Reason, i.Platform})
	}
	return out
}

// orderBulk orders for many devices: 202 for a new order, 200 for the earlier one of the same key. A dry run checks them all.
func (a *api) orderBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	dry, err := dryRun(r)
	if err != nil {
		return err
	}
	var body bulkRequest
	if err := read(r, &body); err != nil {
		return err
	}
	order, err := body.order()
	if err != nil {
		return err
	}
	answer := audit.TakeTime(w)
	if dry {
		check, err := a.Bulk.Preflight(r.Context(), actor, order)
		answer()
		if err != nil {
			return err
		}
		write(w, http.StatusOK, newBulkCheck(check))
		return nil
	}
	made, again, err := a.Bulk.Create(r.Context(), actor, order, r.Header.Get("Idempotency-Key"))
	answer()
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/bulk/"+made.ID)
	status := http.StatusAccepted
	if again {
		status = http.StatusOK
	}
	write(w, status, newBatch(made))
	return nil
}

// bulkCheck is the answer to a dry run.
type bulkCheck struct {
	Total     int            `json:"total"`
	Ready     int            `json:"ready"`
	Joined    int            `json:"joined"`    // those that have a lock already
	Platforms map[string]int `json:"platforms"` // the others that are ready
	Findings  []bulkFinding  `json:"findings"`  // what will happen to those that are ready
	Blocked   int            `json:"blocked"`   // not ready, for whatever reason
	Codes     map[string]int `json:"codes"`
	Items     []batchItem    `json:"items"` // the first thousand that are not ready
}

// bulkFinding is what can be said of some of the devices.
type bulkFinding struct {
	lock.Finding
	Devices int `json:"devices"`
}

func newBulkCheck(c bulk.Check) bulkCheck {
	out := bulkCheck{
		Total: c.Total, Ready: c.Ready, Joined: c.Joined, Platforms: c.Platforms, Findings: []bulkFinding{},
		Blocked: c.Total - c.Ready, Codes: c.By, Items: newItems(c.Stopped),
	}
	for _, n := range c.Notes {
		n.Field = fieldName(n.Field)
		out.Findings = append(out.Findings, bulkFinding{n.Finding, n.N})
	}
	return out
}

func (a *api) listBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "cursor", "limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	found, err := a.Bulk.List(r.Context(), actor, q.Get("cursor"), n)
	if err != nil {
		return err
	}
	page := list[batch]{Items: []batch{}}
	for _, b := range found {
		page.Items = append(page.Items, newBatch(b))
	}
	if len(found) == n {
		page.NextCursor = found[n-1].ID
	}
	write(w, http.StatusOK, page)
	return nil
}

func (a *api) getBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "outcome", "cursor", "limit")
	if err != nil {
		return err
	}
	n, err := limit(q)
	if err != nil {
		return err
	}
	after := -1
	if text := q.Get("cursor"); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 0 {
			return invalid("cursor", "must be what next_cursor was")
		}
	}
	found, err := a.Bulk.Get(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	out, err := a.progress(r.Context(), found)
	if err != nil {
		return err
	}
	items, err := a.Bulk.Items(r.Context(), actor, found.ID, q.Get("outcome"), after, n)
	if err != nil {
		return err
	}
	out.Items, out.NextCursor = newItems(items), new(string)
	if len(items) == n {
		*out.NextCursor = strconv.Itoa(items[n-1].N)
	}
	write(w, http.StatusOK, out)
	return nil
}

// progress is a batch with its counts.
func (a *api) progress(ctx context.Context, b bulk.Batch) (batch, error) {
	c, err := a.Bulk.Count(ctx, b.ID)
	out := newBatch(b)
	out.counts = &counts{c.Ordered, c.Blocked, c.Confirmed, c.Failed, c.Cancelled, c.Pending, c.By}
	return out, err
}

func (a *api) cancelBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decideBulk(w, r, actor, a.Bulk.Cancel)
}

func (a *api) approveBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decideBulk(w, r, actor, a.Bulk.Approve)
}

func (a *api) breakGlassBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decideBulk(w, r, actor, a.Bulk.BreakGlass)
}

func (a *api) rejectBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	return a.decideBulk(w, r, actor, a.Bulk.Reject)
}

func (a *api) decideBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor,
	decide func(ctx context.Context, a lock.Actor, id, reason string) error,
) error {
	var body reasonRequest
	if r.ContentLength != 0 {
		if err := read(r, &body); err != nil {
			return err
		}
	}
	answer, id := audit.TakeTime(w), r.PathValue("id")
	err := decide(r.Context(), actor, id, body.Reason)
	answer()
	if errors.Is(err, lock.ErrConflict) || errors.Is(err, lock.ErrCancelled) {
		return refuse(http.StatusConflict, "wrong_state", "the bulk order does not wait for a second person any more")
	}
	if err != nil {
		return err
	}
	found, err := a.Bulk.Get(r.Context(), actor, id)
	if err != nil {
		return err
	}
	out, err := a.progress(r.Context(), found)
	if err != nil {
		return err
	}
	write(w, http.StatusOK, out)
	return nil
}

// exportBulk gives what became of each device, as a file.
func (a *api) exportBulk(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "format")
	if err != nil {
		return err
	}
	format := audit.Format(q.Get("format"))
	if format != audit.CSV && format != audit.JSONLines {
		return invalid("format", "must be csv or jsonl")
	}
	found, err := a.Bulk.Get(r.Context(), actor, r.PathValue("id"))
	if err != nil {
		return err
	}
	return a.Audit.Download(r.Context(), w, format.ContentType(), "latchkey-bulk."+string(format), func(ctx context.Context, out io.Writer) error {
		return a.Bulk.Export(ctx, actor, found.ID, format, out)
	})
}
