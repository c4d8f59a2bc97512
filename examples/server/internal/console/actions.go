package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	actionsPerPage  = 50
	eventsPerAction = 200
)

// stateFilter is one choice of the action log.
type stateFilter struct {
	Name, Text string
	states     []lock.State
	live       bool
}

var stateFilters = []stateFilter{
	{"", "All", nil, false},
	{"live", "Live: under way or locked", nil, true},
	{"held", "Waits for a second person", []lock.State{lock.StateHeld}, false},
	{"queued", "Waits for its device", []lock.State{lock.StateQueued}, false},
	{"issued", "Sent, no answer", []lock.State{lock.StateIssued}, false},
	{"confirmed", "Acknowledged", []lock.State{lock.StateConfirmed}, false},
	{"released", "Open again", []lock.State{lock.StateReleased}, false},
	{"doubt", "Given up", []lock.State{lock.StateUnconfirmed, lock.StateExpired}, false},
	{"refused", "Refused", []lock.State{lock.StateRefused}, false},
	{"cancelled", "Cancelled", []lock.State{lock.StateCancelled}, false},
}

type actionLogData struct {
	Filters       []stateFilter
	State, Search string
	Actions       []lock.Action
	Away          map[string]bool // devices
	Older         string          // address of the next page; empty: there is none
}

func (c *console) actionLog(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	data := actionLogData{Filters: stateFilters, State: r.FormValue("state"), Search: r.FormValue("device")}
	f := lock.Filter{Scope: c.Scope, Before: lock.ID(r.FormValue("before")), Limit: actionsPerPage}
	i := slices.IndexFunc(stateFilters, func(s stateFilter) bool { return s.Name == data.State })
	if i < 0 {
		return &choiceError{"state", names(stateFilters, func(s stateFilter) string { return s.Name })}
	}
	f.States, f.Live = stateFilters[i].states, stateFilters[i].live
	if err := c.narrow(r.Context(), a, &f, data.Search); err != nil {
		return err
	}
	var err error
	if data.Actions, err = c.Service.List(r.Context(), a, f); err != nil {
		return err
	}
	if data.Away, err = c.away(r.Context(), a, data.Actions...); err != nil {
		return err
	}
	if len(data.Actions) == actionsPerPage {
		data.Older = "/actions?" + url.Values{
			"state": {data.State}, "device": {data.Search}, "before": {string(data.Actions[actionsPerPage-1].ID)},
		}.Encode()
	}
	return c.render(w, r, http.StatusOK, "actions", "Action log", data)
}

// narrow limits a listing to the devices that a search finds. A text that the inventory does not know may be the serial number of a
// device that is gone; its actions are not.
func (c *console) narrow(ctx context.Context, a lock.Actor, f *lock.Filter, search string) error {
	if search == "" {
		return nil
	}
	devices, err := c.Devices.Devices(ctx, a, search, "", devicesPerPage)
	for _, d := range devices {
		f.Devices = append(f.Devices, d.ID)
	}
	if len(devices) == 0 {
		f.Serial = search
	}
	return err
}

// away tells which of the devices that have yet to get an order are not enrolled any more: they checked out, or were removed.
func (c *console) away(ctx context.Context, actor lock.Actor, actions ...lock.Action) (map[string]bool, error) {
	away := map[string]bool{}
	for _, a := range actions {
		if _, known := away[a.Device.ID]; known || a.State != lock.StateQueued {
			continue
		}
		d, err := c.Devices.FindFor(ctx, actor, a.Device.ID)
		if err != nil && !errors.Is(err, lock.ErrNotFound) {
			return nil, err
		}
		away[a.Device.ID] = err != nil || !d.Enrolled
	}
	return away, nil
}

type actionData struct {
	Action      lock.Action
	Away        bool              // its device is not enrolled any more
	Events      []lock.Event      // the newest
	Older       int               // events that are not shown
	HasPIN      bool              // that can be revealed
	Purged      *retention.Purged // it had one
	Cancellable bool
	Held        *heldData        // it waits for a second person
	Sent        []sentPasscode   // who gets its passcode by mail
	Lost        lock.Finding     // that the PIN which the device made is not here; zero: nothing is lost
	Answer      bool             // an answer of the device is kept
	Answers     map[lock.ID]bool // events by which one was shown
}

func (c *console) actionPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	action, err := c.Service.Get(r.Context(), a, lock.ID(r.PathValue("id")))
	if err != nil {
		return err
	}
	data := actionData{Action: action, HasPIN: retention.HasPIN(action) && !retention.IsPurged(action), Cancellable: cancellable(action)}
	data.Lost, data.Answer = lostPIN(action), keepsAnswer(action)
	if retention.IsPurged(action) {
		gone, err := retention.WhoPurged(r.Context(), c.Service, a, action)
		if err != nil {
			return err
		}
		data.Purged = &gone
	}
	if data.Events, err = c.Service.Events(r.Context(), a, lock.EventFilter{Action: action.ID, Newest: true, Limit: eventsPerAction}); err != nil {
		return err
	}
	if n := len(data.Events); n > 0 {
		data.Older = data.Events[n-1].Seq - 1
	}
	data.Answers = answersIn(data.Events, action)
	data.Held = c.heldOf(r.Context(), a, action, data.Events)
	away, err := c.away(r.Context(), a, action)
	if err != nil {
		return err
	}
	data.Away = away[action.Device.ID]
	if data.Sent, err = c.sentFor(r.Context(), action); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, "action", "Action", data)
}

func (c *console) cancel(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	action, err := c.Service.Cancel(r.Context(), a, lock.ID(r.PathValue("id")), r.PostFormValue("reason"))
	if err != nil {
		return err
	}
	text := "Cancelled. Nothing had left, so the Mac is not locked by it."
	switch {
	case !isMac(action.Device):
		text = "Cancelled. " + statusOf(action, false, c.Now()).Detail
	case action.MayBeOnDevice():
		text = "Cancelled: it is not sent again. The command had left before, so the Mac may be " +
			effectOf(action).Is + " all the same. Its PIN stays here."
	}
	c.say(r.Context(), text)
	http.Redirect(w, r, "/actions/"+string(action.ID), http.StatusSeeOther)
	return nil
}
