// Package approval is what waits for a second person, as people see it: the inbox of those who may approve, what became of one's own
// requests, and the review tasks that a broken glass leaves. It decides nothing: who may approve what is lock.Service's to say.
package approval

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// What a request asks for.
const (
	WhatLock   = "lock"
	WhatReveal = "reveal"
	WhatBulk   = "bulk"
)

// Why a request waits, as lock.Action.HeldBy has it.
const (
	byPolicy = "policy"
	byLimit  = "limit"
)

// Inbox knows the requests. It is safe for concurrent use. Fields are required but for SecondPerson and Batches.
type Inbox struct {
	Service      *lock.Service
	Rights       lock.Authorizer // of the same service: asked here what to show, which is not recorded
	SecondPerson func(lock.Actor, lock.Verb, lock.Target) bool
	Batches      Batches // nil: no bulk orders
	Scope        string
	Patience     time.Duration // of the same service
	Now          func() time.Time
}

// Request is something that waits for a second person.
type Request struct {
	ID     lock.ID   // of the event that asks: what approves names it
	What   string    // WhatLock, which stands for every order of one device, WhatReveal or WhatBulk
	Kind   lock.Kind // of the order; none for a bulk order, and where it may not be seen
	HeldBy string    // "policy" or "limit"

	Action lock.ID     // none for a bulk order
	Device lock.Device // as it was when the lock was ordered; none for a bulk order
	Batch  string      // of a bulk order
	Size   string      // of a bulk order: how many devices

	By     lock.Actor
	Reason string
	Ticket string
	At     time.Time
	Until  time.Time // when it expires
	Own    bool      // whoever looks asked for it: somebody else has to approve

	Talks    bool           // of a held order: its device goes on talking while the lock holds, as with a sign-in lock-out
	Forced   bool           // it was ordered over what blocks it
	Findings []lock.Finding // what blocks it, or has to be thought of
}

// May reports whether the actor has a right for a target. It is not recorded: it is for what a page offers. What cannot be found out is no.
func (i *Inbox) May(ctx context.Context, actor lock.Actor, v lock.Verb, t lock.Target) bool {
	t.Device.Scope = i.Scope
	return i.Rights.Authorize(ctx, actor, v, t) == nil
}

// Needs reports whether an act always takes a second person.
func (i *Inbox) Needs(actor lock.Actor, v lock.Verb, t lock.Target) bool {
	return i.SecondPerson != nil && i.SecondPerson(actor, v, t)
}

// MostCounted is what Count counts up to: as many, or more.
const MostCounted = 100

// Count is how much waits for the actor to decide or to review, up to MostCounted; ok is false for one who may approve nothing, which is not
// recorded. It reads no order, so that every page may ask.
func (i *Inbox) Count(ctx context.Context, actor lock.Actor) (n int, ok bool, err error) {
	seen, err := i.Rights.Visible(ctx, actor, lock.VerbApprove, lock.Filter{Scope: i.Scope})
	if errors.Is(err, lock.ErrUndecided) {
		return 0, false, err
	}
	if err != nil {
		return 0, false, nil //nolint:nilerr // a denial is an answer
	}
	if n, err = i.Service.CountRequests(ctx, actor, i.Scope, MostCounted); err != nil {
		return 0, true, err
	}
	batches, err := i.batches(ctx, actor, seen)
	if err != nil {
		return 0, true, err
	}
	for _, b := range batches {
		if b.Actor.ID != actor.ID {
			n++
		}
	}
	tasks, err := i.Service.Reviews(ctx, actor, i.Scope)
	for _, e := range tasks {
		if !own(e, actor) {
			n++
		}
	}
	return min(n, MostCounted), true, err
}

// Waiting lists the requests that the actor may see, newest first: at most limit of them, from 1 to 1,000, after the cursor before, which is
// empty for the newest. Next is the cursor of the next page, empty when there is none.
func (i *Inbox) Waiting(ctx context.Context, actor lock.Actor, before lock.ID, limit int) (requests []Request, next lock.ID, err error) {
	events, next, err := i.Service.RequestsPage(ctx, actor, i.Scope, before, limit)
	if err != nil {
		return nil, "", err
	}
	for _, e := range events {
		r, err := i.request(ctx, actor, e)
		if err != nil {
			return nil, "", err
		}
		requests = append(requests, r)
	}
	if requests, err = i.withBatches(ctx, actor, before, requests); err != nil {
		return nil, "", err
	}
	if len(requests) > limit {
		requests = requests[:limit]
		next = requests[limit-1].place()
	}
	return requests, next, nil
}

// Asked reports whether the actor asked for something that waits for an action, and may approve what others ask for. It is not recorded.
func (i *Inbox) Asked(ctx context.Context, actor lock.Actor, id lock.ID) bool {
	if _, sees, err := i.Count(ctx, actor); err != nil || !sees {
		return false
	}
	for before := lock.ID(""); ; {
		page, next, err := i.Waiting(ctx, actor, before, 1000)
		if err != nil || slices.ContainsFunc(page, func(r Request) bool { return r.Own && r.Action == id }) {
			return err == nil
		}
		if next == "" {
			return false
		}
		before = next
	}
}

func (i *Inbox) request(ctx context.Context, actor lock.Actor, e lock.Event) (Request, error) {
	r := Request{
		ID: e.ID, What: WhatLock, Action: e.Action, By: e.Actor, Reason: e.Reason, Ticket: e.Ticket, At: e.Time, Until: e.Time.Add(i.Patience),
		Own: e.Actor.ID == actor.ID, HeldBy: byLimit, // what policy wants is known from the beginning
	}
	switch {
	case e.Type == lock.EventBatchOpened:
		r.What, r.Batch, r.Size = WhatBulk, e.Facts["batch"], e.Facts["devices"]
		if e.Facts["held_by"] == byPolicy {
			r.HeldBy = byPolicy
		}
	case e.Type == lock.EventRevealRequested:
		a, err := i.action(ctx, actor, e.Action, e.Device)
		if err != nil {
			return r, err
		}
		r.What, r.Kind, r.Device, r.HeldBy = WhatReveal, a.Kind, a.Device, i.whyReveal(e.Actor, a)
	case e.Order != nil:
		r.Kind, r.Device, r.Ticket = e.Order.Kind, e.Order.Device, e.Order.Ticket
		r.Talks, r.Forced = e.Order.Talks, e.Order.Forced
		r.Findings = slices.DeleteFunc(slices.Clone(e.Order.Findings), func(f lock.Finding) bool { return f.Level == lock.LevelInfo })
		if e.Order.HeldBy == byPolicy {
			r.HeldBy = byPolicy
		}
		if end := e.Order.NotAfter; !end.IsZero() && end.Before(r.Until) {
			r.Until = end
		}
	}
	return r, nil
}

// action is the action of a request. Of who may approve and not view, it hides all but the ID of the device.
func (i *Inbox) action(ctx context.Context, actor lock.Actor, id lock.ID, device string) (lock.Action, error) {
	d := lock.Device{Scope: i.Scope, ID: device}
	if !i.May(ctx, actor, lock.VerbView, lock.Target{Device: d}) {
		return lock.Action{ID: id, Device: d}, nil
	}
	return i.Service.Get(ctx, actor, id)
}

func (i *Inbox) whyReveal(by lock.Actor, a lock.Action) string {
	if i.Needs(by, lock.VerbReveal, lock.Target{Device: a.Device, Action: &a}) {
		return byPolicy
	}
	return byLimit
}

// Review is a task: somebody approved without a second person.
type Review struct {
	ID        lock.ID
	Action    lock.ID     // none for a bulk order
	Device    lock.Device // none for a bulk order
	Batch     string      // of a bulk order
	What      string      // was approved
	By        lock.Actor
	Requester string // who had asked
	Reason    string
	At        time.Time
	Own       bool // whoever looks had a part in it: somebody else has to review
}

// Reviews lists the tasks that the actor may see, newest first: see lock.Service.Reviews.
func (i *Inbox) Reviews(ctx context.Context, actor lock.Actor) ([]Review, error) {
	events, err := i.Service.Reviews(ctx, actor, i.Scope)
	if err != nil {
		return nil, err
	}
	tasks := make([]Review, 0, len(events))
	for _, e := range events {
		task := Review{
			ID: e.ID, Action: e.Other, Batch: e.Facts["batch"], What: WhatBulk, By: e.Actor, Requester: e.Facts["requester"], Reason: e.Reason,
			At: e.Time, Own: own(e, actor),
		}
		if e.Other != "" {
			a, err := i.action(ctx, actor, e.Other, e.Device)
			if err != nil {
				return nil, err
			}
			task.What, task.Device = WhatLock, a.Device
		}
		if e.Facts["approved"] == string(lock.EventRevealRequested) {
			task.What = WhatReveal
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

func own(glass lock.Event, actor lock.Actor) bool {
	return glass.Actor.ID == actor.ID || glass.Facts["requester"] == actor.ID
}
