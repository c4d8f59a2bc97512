package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

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
	{"reveals", "PINs revealed", []lock.EventType{lock.EventRevealed}},
	{"feedback", "PINs tried", []lock.EventType{lock.EventFeedback}},
	{"denials", "Denials and alarms", []lock.EventType{lock.EventDenied, lock.EventAlarm}},
	{"enrolments", "Enrolments", []lock.EventType{lock.EventEnrolmentLink, lock.EventEnrolled}},
	{"keys", "Keys", []lock.EventType{lock.EventKeyring, lock.EventResealed}},
	{"sign-ins", "Sign-ins", []lock.EventType{lock.EventSignedIn}},
}

type auditData struct {
	Filters []eventFilter
	Show    string
	Events  []lock.Event
	Names   map[string]string // of the devices, by ID
	Older   string            // address of the next page; empty: there is none
}

// auditLog shows events by position, newest first. That it was read is itself an event, so it is not refreshed in the background.
func (c *console) auditLog(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data := auditData{Filters: eventFilters, Show: r.FormValue("show")}
	f := lock.EventFilter{Scope: c.Scope, Newest: true, Limit: eventsPerPage}
	if before := r.FormValue("before"); before != "" {
		position, err := strconv.ParseInt(before, 10, 64)
		if err != nil || position < 1 {
			return &lock.InputError{Field: "before", Rule: "must be a position in the log"}
		}
		f.From = position
	}
	i := slices.IndexFunc(eventFilters, func(e eventFilter) bool { return e.Name == data.Show })
	if i < 0 {
		return &choiceError{"show", names(eventFilters, func(e eventFilter) string { return e.Name })}
	}
	f.Types = eventFilters[i].types
	var err error
	if data.Events, err = c.Service.Events(r.Context(), a, f); err != nil {
		return err
	}
	for i, e := range data.Events { // a notice names its device among its facts
		data.Events[i].Device = cmp.Or(e.Device, e.Facts["device"])
	}
	if data.Names, err = c.names(r.Context(), data.Events); err != nil {
		return err
	}
	if n := len(data.Events); n == eventsPerPage && data.Events[n-1].Position > 0 {
		data.Older = "/audit?" + url.Values{
			"show": {data.Show}, "before": {strconv.FormatInt(data.Events[n-1].Position, 10)},
		}.Encode()
	}
	asked := map[string]string{"show": data.Show, "before": r.FormValue("before")}
	if err := c.Service.Note(r.Context(), a, lock.EventAuditRead, c.Scope, asked); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "audit", "Audit log", data)
}

// names looks up what the devices of some events are called. One that is gone keeps its ID.
func (c *console) names(ctx context.Context, events []lock.Event) (map[string]string, error) {
	names := map[string]string{}
	for _, e := range events {
		if _, known := names[e.Device]; known || e.Device == "" {
			continue
		}
		d, err := c.Devices.Find(ctx, e.Device)
		if err != nil && !errors.Is(err, lock.ErrNotFound) {
			return nil, err
		}
		names[e.Device] = d.Name
	}
	return names, nil
}
