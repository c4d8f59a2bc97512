package lock

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Sender hands a command to somebody else's queue or API, which delivers it. Run does that for the platforms that have one: it encodes the
// command, makes the delivery durable, sends, and records the name that Send returned (Action.Ref). Send is called at least once for a
// delivery number, by one process; a command whose sending may have gone wrong is sent again, with the same action ID and the same PIN, so
// a Sender whose provider can recognise a repetition says the ID. It has ten seconds, and must honour Action.NotAfter if the provider can.
// The order's device comes from the ledger, so it has no facts.
//
// Results come as Report with that name. The name is empty when results come by the action's ID. What the bytes go through is outside of
// this package's care: a foreign queue may keep a PIN in clear.
//
// A Sender may have two methods more:
//
//   - Poll(ctx context.Context, a Action) (Report, error): what became of an action that has a Ref. A report without Outcome: nothing is known
//     yet. Run asks on the schedule of wake-ups, and once more when the action's deadline has passed: until it got an answer, for about a
//     day. Scope, Device and Action of the report are filled in.
//   - Withdraw(ctx context.Context, a Action) error: ask the provider to drop an action that was cancelled. Its Ref is empty when nobody
//     knows whether the command was taken, or under which name: then Run asks again until a minute after it was sent, at least.
//
// The errors of the three may have the methods that those of a Waker may have. Those of Send may have two more:
//
//   - NotTaken() bool: the command was certainly not taken. It does not count as a delivery; it is sent again on the schedule, and, where
//     it is the provider that is in trouble (ProviderTrouble), with no pause of more than ten minutes unless RetryAfter asks for it.
//   - Refusal() map[string]string: when it is not nil, the command was refused for good, and these are the facts.
//
// Any other error of Send says nothing of the command: it may have been taken. It is sent again, up to the platform's MaxDeliveries, and
// then lapses. Of an action that was sent again only the last name is known. So a refusal, of Send or by a name, ends the action as refused
// only if no other delivery may have been taken: else it lapses, with the facts of the refusal.
type Sender interface {
	Send(ctx context.Context, o Order, body []byte) (ref string, err error)
}

// maxRef is the length of a name that a Sender gives, in characters.
const maxRef = 512

// troubledWakes is after how many wake-ups the pauses stop to grow, for what a provider in trouble did not take.
const troubledWakes = 3

// unsent reports whether a command of a platform with a Sender is to be sent, and not to be waited for: it never left, nobody knows whether
// it was taken, or the device put it off.
func (a Action) unsent() bool {
	return a.State == StateQueued || a.State == StateIssued && (a.Ref == "" || a.Deferred)
}

// send does what is due for an action of a platform with a Sender: sending, asking, or what is left to do when it has ended.
func (s *Service) send(ctx context.Context, p Platform, a Action) (Action, wakeOutcome, error) {
	switch {
	case a.State == StateCancelled:
		return s.followed(ctx, p, a, s.takeBack(ctx, a))
	case a.unsent():
		return s.sendNow(ctx, p, a)
	case a.State == StateIssued || a.State == StateUnconfirmed:
		a, o, err := s.poll(ctx, p, a)
		if err != nil {
			return a, o, err
		}
		return s.followed(ctx, p, a, o)
	default:
		return a, wakeOutcome{class: a.WakeOutcome}, nil
	}
}

// sendNow encodes, claims, and only then lets the bytes go. Of several processes that are at it, one claims: others get ErrConflict.
func (s *Service) sendNow(ctx context.Context, p Platform, listed Action) (Action, wakeOutcome, error) {
	o := Order{Device: listed.Device}
	unlock, err := s.devices.lock(ctx, listed.Device.Scope, listed.Device.ID)
	if err != nil {
		return listed, wakeOutcome{}, err
	}
	a, body, c, err := s.prepare(ctx, listed, &o, actorSystem)
	if err == nil {
		c.Actions[0].Due, c.Actions[0].Wake = a.Due, a.Wake // as it was claimed by Run, so that the pauses grow
		err = s.commit(ctx, c)
	}
	unlock()
	if err != nil {
		return listed, wakeOutcome{}, err
	}
	claimed := c.Actions[0].withoutBoxes()
	o.Action = claimed
	var ref string
	answer := bounded(ctx, func(ctx context.Context) (err error) {
		ref, err = p.Sender.Send(ctx, o, body)
		return err
	})
	if answer == nil {
		answer = cmp.Or(checkRef(ref), discreetRef(ref, o))
	}
	return s.sent(ctx, claimed, ref, answer)
}

// checkRef bounds a transport's own name for an action.
func checkRef(ref string) error {
	if err := checkText("ref", ref, maxRef, false); err != nil {
		return fmt.Errorf("a transport's name for a command: %w", err)
	}
	return nil
}

// discreetRef refuses a name that repeats what the command carries in clear: it is kept in clear.
func discreetRef(ref string, o Order) error {
	if betrays(ref, o.Secret, o.PIN) {
		return errors.New("a transport's name for a command must not contain what it carries")
	}
	return nil
}

// sent records what the provider said of a command.
func (s *Service) sent(ctx context.Context, claimed Action, ref string, answer error) (Action, wakeOutcome, error) {
	e := Event{Actor: Actor{ID: actorSystem}}
	var untaken interface{ NotTaken() bool }
	var refused interface{ Refusal() map[string]string }
	switch {
	case answer == nil:
		e.Type, e.Ref = EventProgress, cmp.Or(ref, string(claimed.ID))
	case errors.As(answer, &refused) && refused.Refusal() != nil:
		e.Type, e.Facts = EventRefused, refused.Refusal()
	case errors.As(answer, &untaken) && untaken.NotTaken():
		e.Type = EventNotNow
	default:
		return claimed, outcomeOf(answer), nil
	}
	// What came in as Run was told to end must not get lost.
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTimeout)
	defer cancel()
	o := outcomeOf(answer)
	a, err := s.update(lasting, claimed, func(a Action) (Change, error) { return s.sentChange(lasting, claimed, a, e, o) })
	if err != nil {
		return claimed, wakeOutcome{}, err
	}
	if e.Ref != "" && a.State == StateCancelled { // while it was on its way
		a = s.takeBackNow(lasting, a)
	}
	return a, o, nil
}

// undecided reports whether more than one delivery may have been taken: what is said of one need not be true of the others.
func (a Action) undecided() bool { return a.Deliveries-a.Deferrals > 1 }

// refuse makes the change that a refusal means: whether it is final, or of one delivery beside which another may reach the device.
func (s *Service) refuse(a Action, e Event, final bool) (Change, error) {
	switch e.Type = EventRefused; {
	case a.State == StateRefused:
		return Change{}, nil
	case final:
	case a.State == StateIssued:
		e.Type, e.Reason = EventLapsed, "the last delivery was refused, and an earlier one may have been taken"
	case !a.news(e):
		return Change{}, nil
	default:
		e.Type = EventProgress
	}
	c, err := s.act(a, e)
	return c.rest(time.Time{}), err
}

// sentChange is the change that an answer of the provider means for the action as it is by now, or none: it ended, or another process has
// sent it since.
func (s *Service) sentChange(ctx context.Context, claimed, a Action, e Event, o wakeOutcome) (Change, error) {
	row, _ := transitions(e.Type)
	stale := a.Deliveries != claimed.Deliveries && (e.Ref == "" || a.Ref != "")
	if stale || !row.allows(a, e.Type) {
		return Change{}, nil
	}
	facts, err := s.withhold(ctx, a, e.Facts)
	if err != nil {
		return Change{}, err
	}
	e.Facts = room(a.Facts, facts)
	if e.Type == EventRefused {
		return s.refuse(a, e, !a.undecided())
	}
	c, err := s.act(a, e)
	switch {
	case err != nil:
		return c, err
	case e.Type == EventNotNow && o.silent: // it has to leave once the provider can take it
		c.Actions[0].Wake = min(a.Wake, troubledWakes)
		c.Actions[0].Due = s.capped(a, s.now().Add(backoff(a.ID, c.Actions[0].Wake)))
		return c, nil
	case e.Type == EventNotNow:
		c.Actions[0].Due, c.Actions[0].Wake = a.Due, a.Wake
		return c, nil
	case a.State != StateIssued:
		return s.toFollow(c), nil
	}
	c = c.rest(s.capped(c.Actions[0], s.now().Add(backoff(a.ID, 1))))
	c.Actions[0].Wake = 1 // the pauses begin anew, until its result is asked for
	return c, nil
}
