package console

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/approval"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// perInbox is how many requests a page of the inbox shows, and how many reviews: the next ones come as these are done.
const perInbox = 50

type approvalsData struct {
	Waiting []approval.Request
	Next    lock.ID // where the next page begins; empty: there is none
	First   bool    // the page of the newest, which shows the reviews
	Reviews []approval.Review
	Tasks   int // how many reviews there are
}

// approvalsPage is the inbox of who may approve: what waits for a second person, and the broken glass to look into.
func (c *console) approvalsPage(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	before := lock.ID(r.FormValue("before"))
	data := approvalsData{First: before == ""}
	var err error
	if data.Waiting, data.Next, err = c.Approvals.Waiting(r.Context(), a, before, perInbox); err != nil {
		return err
	}
	if data.First {
		if data.Reviews, err = c.Approvals.Reviews(r.Context(), a); err != nil {
			return err
		}
		data.Tasks = len(data.Reviews)
		data.Reviews = data.Reviews[:min(perInbox, data.Tasks)]
	}
	return c.render(w, r, http.StatusOK, "approvals", "Approvals", data)
}

// decided is a verb of lock.Service about a request.
type decided func(ctx context.Context, actor lock.Actor, id, request lock.ID, reason string) (lock.Action, error)

func (c *console) approve(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	err := c.decide(w, r, a, c.Service.Approve, func(ctx context.Context, act lock.Action, reveal bool) string {
		if reveal {
			return "Approved. Whoever asked can read the PIN now, once. That they do is on record."
		}
		return "Approved. " + ordered(act, c.known(ctx, a, act))
	})
	if errors.Is(err, lock.ErrDenied) && c.asked(r.Context(), a, lock.ID(r.PathValue("id"))) {
		return &pastError{"Somebody else has to approve this", "You asked for it yourself. That you tried is on record."}
	}
	return err
}

func (c *console) reject(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.decide(w, r, a, c.Service.Reject, func(_ context.Context, _ lock.Action, reveal bool) string {
		if reveal {
			return "Rejected. The PIN is not shown."
		}
		return "Rejected. Nothing is sent to the device."
	})
}

func (c *console) breakGlass(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	return c.decide(w, r, a, c.Service.BreakGlass, func(ctx context.Context, act lock.Action, reveal bool) string {
		const done = "You broke the glass: an alarm is on record, and somebody else has to look into it. "
		if reveal {
			return done + "The PIN can be read now, once."
		}
		return done + ordered(act, c.known(ctx, a, act))
	})
}

// decide does what a form says to a request, and goes back to where the form was.
func (c *console) decide(
	w http.ResponseWriter, r *http.Request, a lock.Actor, do decided, said func(ctx context.Context, act lock.Action, reveal bool) string,
) error {
	id, request := lock.ID(r.PathValue("id")), lock.ID(r.PostFormValue("request"))
	act, err := do(r.Context(), a, id, request, r.PostFormValue("reason"))
	if err != nil {
		return whyUndecided(err)
	}
	what := r.PostFormValue("what")
	c.say(r.Context(), said(r.Context(), act, what == approval.WhatReveal))
	to := "/actions/" + string(id)
	switch r.PostFormValue("from") {
	case "inbox":
		to = "/approvals"
	case "reveal", "answer":
		to += "/" + r.PostFormValue("from")
	}
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // the action is there, so its ID is one
	return nil
}

// pastError says that a request cannot be decided any more, or not by this person.
type pastError struct{ title, text string }

// Error says what to do instead.
func (e *pastError) Error() string { return e.text }

func whyUndecided(err error) error {
	var step *lock.TransitionError
	switch {
	case errors.As(err, &step) && step.State == lock.StateExpired:
		return &pastError{"Too late: it has expired", "Nobody decided in time, so nothing was sent. Order again if it is still wanted."}
	case errors.As(err, &step):
		return &pastError{"It was decided already", "Somebody was faster, or it was withdrawn. Open the action to see what came of it."}
	case errors.Is(err, lock.ErrNotFound):
		return &pastError{"Nothing waits here any more", "It was decided, used or withdrawn, or it waited too long."}
	}
	return err
}

// asked reports whether the actor asked for what waits for an action.
func (c *console) asked(ctx context.Context, a lock.Actor, id lock.ID) bool {
	act, err := c.Service.Get(ctx, a, id)
	if err != nil {
		return false
	}
	mine, ok, err := c.Approvals.RevealOf(ctx, a, act)
	return err == nil && (act.State == lock.StateHeld && act.By.ID == a.ID || ok && mine.Open())
}

// giveReview puts on record that somebody looked into a broken glass.
func (c *console) giveReview(w http.ResponseWriter, r *http.Request, a lock.Actor) error {
	if err := c.Service.Review(r.Context(), a, c.Scope, lock.ID(r.PathValue("event")), r.PostFormValue("reason")); err != nil {
		if errors.Is(err, lock.ErrNotFound) {
			return &pastError{"Nothing waits here any more", "Somebody else has reviewed it."}
		}
		return err
	}
	c.say(r.Context(), "Reviewed. What you found is on record.")
	http.Redirect(w, r, "/approvals", http.StatusSeeOther)
	return nil
}

// inbox is the count beside the way to the approvals.
type inbox struct {
	Shown bool   // the actor may approve something
	Count string // empty: nothing waits
}

// inboxOf counts what waits for the actor. That it cannot be counted is no reason to show no page.
func (c *console) inboxOf(r *http.Request, a lock.Actor) inbox {
	n, may, err := c.Approvals.Count(r.Context(), a)
	if err != nil && r.Context().Err() == nil {
		c.Logger.WarnContext(r.Context(), "approvals cannot be counted", slog.Any("error", err))
	}
	box := inbox{Shown: may}
	switch {
	case n >= approval.MostCounted:
		box.Count = strconv.Itoa(approval.MostCounted-1) + "+"
	case n > 0:
		box.Count = strconv.Itoa(n)
	}
	return box
}

// heldData is a held order as its page shows it.
type heldData struct {
	lock.Action
	Until     time.Time
	Why       string // the limit that keeps it
	Own       bool   // whoever looks ordered it
	MayDecide bool
	MayBreak  bool
}

// heldOf describes a held order; nil for any other.
func (c *console) heldOf(ctx context.Context, a lock.Actor, act lock.Action, events []lock.Event) *heldData {
	if act.State != lock.StateHeld {
		return nil
	}
	t := lock.Target{Device: act.Device, Action: &act}
	held := &heldData{Action: act, Until: act.Created.Add(c.Approvals.Patience), Own: act.By.ID == a.ID}
	if !act.NotAfter.IsZero() && act.NotAfter.Before(held.Until) {
		held.Until = act.NotAfter
	}
	held.MayDecide = !held.Own && c.Approvals.May(ctx, a, lock.VerbApprove, t)
	held.MayBreak = c.Approvals.May(ctx, a, lock.VerbBreakGlass, t)
	if i := slices.IndexFunc(events, func(e lock.Event) bool { return e.Type == lock.EventHeld }); i >= 0 {
		held.Why = events[i].Reason
	}
	return held
}

// decision is a form that decides about a request.
type decision struct {
	Path            string // of what it is about
	Action, Request lock.ID
	What, From      string
}

func deciding(action, request lock.ID, what, from string) decision {
	return decision{"/actions/" + string(action), action, request, what, from}
}

func decidingBulk(id string) decision { return decision{Path: bulkPath(id), What: approval.WhatBulk} }

// known is the device of an action as the inventory has it, else as the action keeps it.
func (c *console) known(ctx context.Context, a lock.Actor, act lock.Action) inventory.Device {
	d, err := c.Devices.FindFor(ctx, a, act.Device.ID)
	if err != nil { // the sentence is about one that is there
		return inventory.Device{Device: act.Device, Enrolled: true}
	}
	return d
}

// waitsFor says in a sentence why something waits.
func waitsFor(what, heldBy string) string { return waitsWith(what, heldBy, "A lock") }

// waitsWith is waitsFor of an order that is called so.
func waitsWith(what, heldBy, order string) string {
	switch heldBy {
	case "policy":
		return map[string]string{
			approval.WhatLock: order + " always takes a second person.", approval.WhatReveal: "Revealing a PIN always takes a second person.",
			approval.WhatBulk: "So many devices always take a second person.",
		}[what]
	case "limit":
		return "It is over the limit of what one person may do alone."
	default:
		return "It is being held against the limits."
	}
}
