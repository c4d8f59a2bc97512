package console

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
)

const eventsPerPage = 50

// eventFilter is one choice of the audit log.
type eventFilter struct {
	Name, Text string
	types      []lock.EventType
}

var eventFilters = []eventFilter{
	{"", "Everything", nil},
	{"orders", "Orders and cancellations", []lock.EventType{lock.EventOrdered, lock.EventJoined, lock.EventCancelled}},
	{"approvals", "Approvals", []lock.EventType{
		lock.EventHeld, lock.EventApproved, lock.EventRejected, lock.EventRevealRequested, lock.EventRevealApproved, lock.EventRevealRejected,
		lock.EventBatchApproved, lock.EventBatchRejected, lock.EventBreakGlass, lock.EventReviewed,
	}},
	{"reveals", "PINs revealed", []lock.EventType{lock.EventRevealed}},
	{"feedback", "PINs tried", []lock.EventType{lock.EventFeedback}},
	{"denials", "Denials and alarms", []lock.EventType{lock.EventDenied, lock.EventAlarm, lock.EventBreakGlass}},
	{"enrolments", "Enrolments", []lock.EventType{lock.EventEnrolmentLink, lock.EventEnrolled, lock.EventRemoved}},
	{"accounts", "Accounts, rights and groups", []lock.EventType{lock.EventAccount, lock.EventGroup}},
	{"keys", "Keys", []lock.EventType{lock.EventKeyring, lock.EventResealed}},
	{"retention", "Purges and legal holds", []lock.EventType{lock.EventPurge, lock.EventPurged, lock.EventHoldPlaced, lock.EventHoldLifted}},
	{"sign-ins", "Sign-ins", []lock.EventType{lock.EventSignedIn}},
	{"reads", "Readings of this log", []lock.EventType{lock.EventAuditRead, lock.EventAuditVerified}},
}

// auditQuery is which events were asked for.
type auditQuery struct {
	Show     string // of eventFilters
	Actor    string // account
	Device   string // name, serial number, user or ID
	From, To string // days, in UTC
}

func (q auditQuery) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"show": q.Show, "actor": q.Actor, "device": q.Device, "from": q.From, "to": q.To} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// Some reports whether it is not everything.
func (q auditQuery) Some() bool { return q != auditQuery{} }

// path is an address with the query, and one more parameter.
func (q auditQuery) path(base, name, value string) string {
	values := q.values()
	values.Set(name, value)
	return base + "?" + values.Encode()
}

// Export is where the events that match are to be had in a format.
func (q auditQuery) Export(format string) string { return q.path("/audit/events", "format", format) }

type auditData struct {
	Filters []eventFilter
	Asked   auditQuery
	Events  []lock.Event
	Names   map[string]string // of the devices, by ID
	Answers map[lock.ID]bool  // events by which somebody was shown the answer of a device
	Older   string            // address of the next page; empty: there is none
	Log     logState
}

// auditLog shows events by position, newest first. That it was read is itself an event, so it is not refreshed in the background.
func (c *console) auditLog(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	ctx := r.Context()
	asked, f, err := c.auditFilter(ctx, r, a)
	if err != nil {
		return err
	}
	data := auditData{Filters: eventFilters, Asked: asked}
	f.Limit = eventsPerPage
	if before := r.FormValue("before"); before != "" {
		position, err := strconv.ParseInt(before, 10, 64)
		if err != nil || position < 1 {
			return &lock.InputError{Field: "before", Rule: "must be a position in the log"}
		}
		f.From = position
	}
	if data.Log, err = c.logState(ctx, a); err != nil {
		return err
	}
	var next int64
	data.Events, next, err = c.Audit.Page(ctx, a, f)
	if errors.Is(err, audit.ErrUnreadable) { // the page is where that is looked into
		c.Logger.ErrorContext(ctx, "events cannot be read", slog.Any("error", err))
		data.Log.Unread = true
	} else if err != nil {
		return err
	}
	for i, e := range data.Events { // a notice names its device among its facts
		data.Events[i].Device = cmp.Or(e.Device, e.Facts["device"])
	}
	if data.Names, err = c.names(ctx, a, data.Events); err != nil {
		return err
	}
	if data.Answers, err = c.answers(ctx, a, data.Events); err != nil {
		return err
	}
	if next > 0 {
		data.Older = asked.path("/audit", "before", strconv.FormatInt(next, 10))
	}
	return c.render(w, r, http.StatusOK, "audit", "Audit log", data)
}

// auditFilter reads which events are asked for, newest first.
func (c *console) auditFilter(ctx context.Context, r *http.Request, a lock.Actor) (q auditQuery, f audit.Filter, err error) {
	field := func(name string) string { return strings.TrimSpace(r.FormValue(name)) }
	q = auditQuery{Show: field("show"), Actor: field("actor"), Device: field("device"), From: field("from"), To: field("to")}
	i := slices.IndexFunc(eventFilters, func(e eventFilter) bool { return e.Name == q.Show })
	if i < 0 {
		return q, f, &choiceError{"show", names(eventFilters, func(e eventFilter) string { return e.Name })}
	}
	f.Newest, f.Types, f.Actor = true, eventFilters[i].types, q.Actor
	if reserved := strings.ToLower(q.Actor); reserved == "system" || reserved == "device" {
		f.Actor = reserved // as the page calls them
	}
	if f.Since, err = dayOf("from", q.From); err != nil {
		return q, f, err
	}
	if f.Until, err = dayOf("to", q.To); err != nil {
		return q, f, err
	}
	if !f.Until.IsZero() {
		f.Until = f.Until.AddDate(0, 0, 1) // the day itself is meant too
	}
	f.Devices, err = c.devicesCalled(ctx, a, q.Device)
	return q, f, err
}

// dayOf reads the beginning of a day.
func dayOf(field, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, &lock.InputError{Field: field, Rule: "must be a day as in 2026-11-21", Err: err}
	}
	return t, nil
}

// devicesCalled are the IDs of the devices that a search finds, in the inventory or, by serial number, in the ledger. What neither knows is
// taken for an ID.
func (c *console) devicesCalled(ctx context.Context, a lock.Actor, search string) ([]string, error) {
	if search == "" {
		return nil, nil
	}
	f := lock.Filter{Scope: c.Scope, Limit: 1000}
	if err := c.narrow(ctx, a, &f, search); err != nil || len(f.Devices) > 0 {
		return f.Devices, err
	}
	actions, err := c.Service.List(ctx, a, f)
	if err != nil {
		return nil, err
	}
	ids := []string{search}
	for _, action := range actions {
		if !slices.Contains(ids, action.Device.ID) {
			ids = append(ids, action.Device.ID)
		}
	}
	return ids, nil
}

// names looks up what the devices of some events are called. One that is gone keeps its ID.
func (c *console) names(ctx context.Context, a lock.Actor, events []lock.Event) (map[string]string, error) {
	names := map[string]string{}
	for _, e := range events {
		if _, known := names[e.Device]; known || e.Device == "" {
			continue
		}
		d, err := c.Devices.FindFor(ctx, a, e.Device)
		if err != nil && !errors.Is(err, lock.ErrNotFound) {
			return nil, err
		}
		names[e.Device] = d.Name
	}
	return names, nil
}
