package delivery

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// stage is how far an action is with the passcode of its device.
type stage int

const (
	open  stage = iota // it may still be confirmed, or something may still change what it did
	ready              // the device has the passcode
	over               // the device does not have it
)

// fate is what an action means for its deliveries.
type fate struct {
	stage
	why    string      // over: as it is; open: once that has lasted too long, or at once when it is lost
	since  time.Time   // open: when an answer was last to be expected; ready: when it came
	action lock.Action // not of one that is over
	lost   bool        // open, and nothing more is to be expected: people must act
}

// lostPIN is why nothing is mailed of a PIN that a device made and that is not here.
const lostPIN = "The device has made a new PIN, and the answer with it was lost: nobody knows it. Reset the PIN again, and have that one mailed."

// fate looks at an action.
func (d *Deliveries) fate(ctx context.Context, id lock.ID) (fate, error) {
	a, err := d.Ledger.Get(ctx, id)
	switch {
	case errors.Is(err, lock.ErrNotFound):
		return fate{stage: over, why: "The action is not in the ledger."}, nil
	case err != nil:
		return fate{}, err
	}
	switch a.State {
	case lock.StateConfirmed:
		return d.judge(ctx, a)
	case lock.StateHeld, lock.StateQueued, lock.StateIssued, lock.StateUnconfirmed:
		why := "The device did not confirm the passcode, not even a day after the command ran out."
		return fate{stage: open, why: why, since: latest(a.NotAfter, a.Changed), action: a}, nil
	}
	return fate{stage: over, why: "The action is " + string(a.State) + ": this passcode is not the one of the device."}, nil
}

// judge looks at what else changes the passcode of a device that has confirmed a. A device acts on a command when it gets it, however late
// it says so: what was delivered last counts, as for lock.Service.Candidates, and of that the clocks of servers do not change the order.
// What it had before it enrolled anew it may not have any more, and nobody will say.
func (d *Deliveries) judge(ctx context.Context, a lock.Action) (fate, error) {
	f := fate{stage: ready, since: a.Confirmed, action: a}
	anew, err := d.enrolledAnew(ctx, a)
	switch {
	case err != nil:
		return fate{}, err
	case anew:
		return fate{stage: over, why: "The device has enrolled anew since it got this passcode, which is gone if the device was wiped."}, nil
	}
	others, err := d.Ledger.List(ctx, lock.Filter{
		Scope: a.Device.Scope, Devices: []string{a.Device.ID}, Kinds: []lock.Kind{lock.KindResetPasscode, lock.KindClearPasscode},
	})
	if err != nil {
		return fate{}, err
	}
	for _, other := range others {
		switch {
		case cmp.Or(had(other).Compare(had(a)), cmp.Compare(other.ID, a.ID)) <= 0 || !other.MayBeOnDevice():
		case other.State == lock.StateConfirmed:
			return fate{stage: over, why: "A later action has changed the passcode again."}, nil
		default:
			f.stage, f.since = open, latest(f.since, other.NotAfter, other.Changed)
			f.why = "It is not certain which passcode the device has: a later action on it was sent and not answered."
		}
	}
	if f.stage == ready && !hasPIN(a) {
		f.stage, f.lost, f.why = open, true, lostPIN
	}
	return f, nil
}

// hasPIN reports whether there is anything to mail. What a device made may be missing, and still come.
func hasPIN(a lock.Action) bool {
	return !a.Returns || slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.Name == lock.SecretPIN })
}

// enrolledAnew reports whether a device has enrolled anew since it got an action. That is on record somewhere among what the device was
// ordered, and not in each action. The order of the feed tells, whatever the clocks of the servers say.
func (d *Deliveries) enrolledAnew(ctx context.Context, a lock.Action) (bool, error) {
	if err := d.sequence(ctx); err != nil {
		return false, err
	}
	got := lock.EventFilter{Action: a.ID, Types: []lock.EventType{lock.EventIssued, lock.EventRedelivered}, Newest: true, Limit: 1}
	if a.Delivered.IsZero() {
		got.Types, got.Newest = []lock.EventType{lock.EventAcknowledged}, false
	}
	last, err := d.Ledger.Events(ctx, got)
	if err != nil {
		return false, err
	}
	since := lock.EventFilter{
		Scope: a.Device.Scope, Devices: []string{a.Device.ID}, Limit: 1000,
		Types: []lock.EventType{lock.EventReenrolled, lock.EventLapsed, lock.EventReleased},
	}
	for _, e := range last {
		since.From = e.Position + 1
	}
	events, err := d.Ledger.Events(ctx, since)
	return slices.ContainsFunc(events, func(e lock.Event) bool {
		return e.Type == lock.EventReenrolled || e.Evidence == lock.EvidenceReenrolled
	}), err
}

// sequence gives the events their place in the feed, where the store does so after the commit.
func (d *Deliveries) sequence(ctx context.Context) error {
	store, more := d.Ledger.(interface {
		Sequence(ctx context.Context) (more bool, err error)
	})
	for more {
		var err error
		if more, err = store.Sequence(ctx); err != nil {
			return err
		}
	}
	return nil
}

// had is when a device got an action.
func had(a lock.Action) time.Time {
	if a.Delivered.IsZero() {
		return a.Confirmed
	}
	return a.Delivered
}

func latest(first time.Time, others ...time.Time) time.Time {
	for _, t := range others {
		if t.After(first) {
			first = t
		}
	}
	return first
}
