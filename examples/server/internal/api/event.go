package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/lock"
)

// formatJSON is a page of events; the others have all that match.
const formatJSON = "json"

// listEvents lists events in the order of the feed, those of one action by their number, or exports all that match. To read the feed is an
// event itself.
func (a *api) listEvents(w http.ResponseWriter, r *http.Request, actor lock.Actor) error {
	q, err := params(r, "action_id", "device_id", "type", "actor", "since", "until", "newest", "format", "cursor", "limit")
	if err != nil {
		return err
	}
	f, err := a.eventFilter(q)
	if err != nil {
		return err
	}
	format := q.Get("format")
	if q.Has("format") && format != formatJSON {
		return a.exportEvents(w, r, actor, f, audit.Format(format), q.Has("limit"))
	}
	found, next, err := a.Audit.Page(r.Context(), actor, f)
	if err != nil {
		return err
	}
	page := list[audit.Event]{Items: []audit.Event{}}
	for _, e := range found {
		page.Items = append(page.Items, audit.NewEvent(e))
	}
	if next != 0 {
		page.NextCursor = strconv.FormatInt(next, 10)
	}
	write(w, http.StatusOK, page)
	return nil
}

func (a *api) exportEvents(w http.ResponseWriter, r *http.Request, actor lock.Actor, f audit.Filter, format audit.Format, limited bool) error {
	switch {
	case !slices.Contains([]audit.Format{audit.CSV, audit.JSONLines}, format):
		return invalid("format", "must be json, csv or jsonl")
	case limited:
		return invalid("limit", "leave it out: csv and jsonl have all events that match, from the cursor on")
	}
	write := func(ctx context.Context, out io.Writer) error { return a.Audit.WriteEvents(ctx, actor, f, format, out) }
	return a.Audit.Download(r.Context(), w, format.ContentType(), "latchkey-events."+string(format), write)
}

func (a *api) eventFilter(q url.Values) (f audit.Filter, err error) {
	if f.Limit, err = limit(q); err != nil {
		return f, err
	}
	if text := q.Get("cursor"); text != "" {
		if f.From, err = strconv.ParseInt(text, 10, 64); err != nil || f.From < 0 {
			return f, invalid("cursor", "must be what next_cursor was")
		}
	}
	if f.Newest, err = flag(q, "newest"); err != nil {
		return f, err
	}
	if f.Since, err = moment(q, "since"); err != nil {
		return f, err
	}
	if f.Until, err = moment(q, "until"); err != nil {
		return f, err
	}
	f.Action, f.Actor = lock.ID(q.Get("action_id")), q.Get("actor")
	if id := q.Get("device_id"); id != "" {
		f.Devices = []string{id}
	}
	if kinds := q.Get("type"); kinds != "" {
		for kind := range strings.SplitSeq(kinds, ",") {
			f.Types = append(f.Types, lock.EventType(kind))
		}
	}
	return f, nil
}

// moment reads a time, zero when it is not given.
func moment(q url.Values, name string) (time.Time, error) {
	text := q.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid(name, "must be a time as in 2026-11-21T09:00:00Z")
	}
	return t, nil
}
