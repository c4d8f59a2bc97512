package approval

import (
	"context"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Fate is what became of a request to reveal.
type Fate string

// The fates.
const (
	Waits    Fate = "waiting"
	Approved Fate = "approved" // and not used yet
	Used     Fate = "used"
	Rejected Fate = "rejected"
	Expired  Fate = "expired"
)

// Reveal is a request to reveal the PIN of an action.
type Reveal struct {
	ID      lock.ID
	Fate    Fate
	By      lock.Actor
	Reason  string
	Ticket  string
	At      time.Time
	Until   time.Time // when it expires, or its approval does
	HeldBy  string
	Decided lock.Event // the approval or rejection; zero when nobody decided
}

// Open reports whether the request can still lead to the PIN.
func (r Reveal) Open() bool { return r.Fate == Waits || r.Fate == Approved }

// maxAsked is how many events of an action are looked at for its requests.
const maxAsked = 1000

// RevealsOf lists the requests to reveal the PIN of an action, newest first. It takes the right to view the action.
func (i *Inbox) RevealsOf(ctx context.Context, actor lock.Actor, a lock.Action) ([]Reveal, error) {
	events, err := i.Service.Events(ctx, actor, lock.EventFilter{
		Action: a.ID, Newest: true, Limit: maxAsked,
		Types: []lock.EventType{lock.EventRevealRequested, lock.EventRevealApproved, lock.EventRevealRejected, lock.EventRevealed},
	})
	if err != nil {
		return nil, err
	}
	var found []Reveal
	decisions, used := map[lock.ID]lock.Event{}, map[lock.ID]bool{}
	for _, e := range events {
		switch e.Type {
		case lock.EventRevealed:
			used[e.Request] = true
		case lock.EventRevealRequested:
			r := Reveal{
				ID: e.ID, By: e.Actor, Reason: e.Reason, Ticket: e.Ticket, At: e.Time, Decided: decisions[e.ID], HeldBy: i.whyReveal(e.Actor, a),
			}
			found = append(found, i.fated(r, used[e.ID]))
		default:
			decisions[e.Request] = e
		}
	}
	return found, nil
}

func (i *Inbox) fated(r Reveal, used bool) Reveal {
	r.Until = r.At.Add(i.Patience)
	if r.Decided.Type == lock.EventRevealApproved {
		r.Until = r.Decided.Time.Add(i.Patience)
	}
	switch {
	case used:
		r.Fate = Used
	case r.Decided.Type == lock.EventRevealRejected:
		r.Fate = Rejected
	case !i.Now().Before(r.Until):
		r.Fate = Expired
	case r.Decided.Type == lock.EventRevealApproved:
		r.Fate = Approved
	default:
		r.Fate = Waits
	}
	return r
}

// RevealOf is the actor's own request to reveal the PIN of an action: the open one, else the last. ok is false when there is none.
func (i *Inbox) RevealOf(ctx context.Context, actor lock.Actor, a lock.Action) (r Reveal, ok bool, err error) {
	all, err := i.RevealsOf(ctx, actor, a)
	for _, each := range all {
		if each.By.ID != actor.ID {
			continue
		}
		if each.Open() {
			return each, true, nil
		}
		if !ok {
			r, ok = each, true
		}
	}
	return r, ok, err
}
