package lock

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"
)

// step is one row of the lifecycle: the states in which an event may happen (nil: all) and where it leads (empty: nowhere).
type step struct {
	from []State
	to   State
}

// transitions is the whole lifecycle. An event that is not in its row's states is a *TransitionError.
func transitions(t EventType) (step, bool) {
	switch t {
	case EventHeld:
		return step{[]State{StateHeld}, ""}, true
	case EventApproved:
		return step{[]State{StateHeld}, StateQueued}, true
	case EventRejected:
		return step{[]State{StateHeld}, StateCancelled}, true
	case EventIssued:
		return step{[]State{StateQueued}, StateIssued}, true
	case EventProgress: // also of what was given up: its result may come by a name that is learnt late
		return step{[]State{StateIssued, StateUnconfirmed, StateCancelled}, ""}, true
	case EventRedelivered, EventNotNow:
		return step{[]State{StateIssued}, ""}, true
	case EventWoken:
		return step{[]State{StateQueued, StateIssued, StateConfirmed}, ""}, true
	case EventAcknowledged: // the device wins; in StateReleased it is only recorded, see Apply
		return step{nil, StateConfirmed}, true
	case EventRefused:
		return step{[]State{StateIssued, StateUnconfirmed, StateCancelled}, StateRefused}, true
	case EventCancelled:
		return step{[]State{StateHeld, StateQueued, StateIssued}, StateCancelled}, true
	case EventExpired:
		return step{[]State{StateHeld, StateQueued}, StateExpired}, true
	case EventLapsed:
		return step{[]State{StateIssued}, StateUnconfirmed}, true
	case EventReleased:
		return step{[]State{StateConfirmed, StateUnconfirmed, StateCancelled, StateRefused}, StateReleased}, true
	case EventJoined, EventRevealed, EventRevealRequested, EventRevealApproved, EventRevealRejected, EventReturned, EventFeedback,
		EventSecretAdded, EventResealed, EventPurged, EventReenrolled:
		return step{}, true
	default:
		return step{}, false
	}
}

// allows reports whether the event may happen in the action's state. What never left makes no progress, and cannot be released, but by
// what confirmed it; of what was refused only a PIN that the device returned can.
func (s step) allows(a Action, t EventType) bool {
	if t == EventReleased && a.State == StateRefused && !a.returnedPIN() {
		return false
	}
	if (t == EventReleased || t == EventProgress) && a.State != StateConfirmed && a.Deliveries == 0 {
		return false
	}
	return s.from == nil || slices.Contains(s.from, a.State)
}

// Apply returns the action as it is after the event: one step of the fold that defines an action. It is pure. An event that the
// lifecycle does not allow in the action's state is a *TransitionError, one that does not follow its last event an *InputError.
func (a Action) Apply(e Event) (Action, error) {
	if e.Seq != a.Version+1 || (a.Version > 0 && e.Action != a.ID) {
		return a, &InputError{Field: "event.seq", Rule: "must follow the action's last event"}
	}
	if err := a.checkSecrets(e); err != nil {
		return a, err
	}
	if a.Version == 0 {
		return first(e)
	}
	row, ok := transitions(e.Type)
	if !ok || !row.allows(a, e.Type) {
		return a, &TransitionError{Action: a.ID, State: a.State, Event: e.Type}
	}
	next := record(a, e)
	if row.to != "" && !(e.Type == EventAcknowledged && a.State == StateReleased) {
		next.State = row.to
	}
	if next.State != a.State || e.Type == EventAcknowledged {
		next.Lane = laneOf(next)
	}
	if e.NoLane {
		next.Lane = ""
	}
	return next, nil
}

// first makes an action of its first event, which holds it as it was ordered.
func first(e Event) (Action, error) {
	if e.Type != EventOrdered || e.Order == nil {
		return Action{}, &TransitionError{Action: e.Action, Event: e.Type}
	}
	a := *e.Order
	switch {
	case a.State == StateHeld, a.State == StateQueued:
	case a.State == StateConfirmed && a.Kind == KindEscrow:
		a.Confirmed = e.Time
	default:
		return Action{}, &TransitionError{Action: e.Action, State: a.State, Event: e.Type}
	}
	a.ID, a.By, a.Reason, a.Key, a.Created = e.Action, e.Actor, e.Reason, e.Key, e.Time
	a = record(a, e)
	a.Lane = laneOf(a)
	return a, nil
}

// record writes into the action what the event says, but for state and lane.
func record(a Action, e Event) Action {
	a.Version, a.Head, a.Changed = e.Seq, e.Hash, e.Time
	a.Secrets, a.Findings = mergeSecrets(a.Secrets, e.Secrets), noted(a.Findings, e)
	if len(e.Facts) > 0 && (e.Type == EventProgress || e.Type == EventAcknowledged || e.Type == EventRefused || e.Type == EventLapsed) {
		a.Facts = merged(a.Facts, e.Facts)
	}
	if e.Ref != "" {
		a.Ref = e.Ref
	}
	if bringsPIN(e) {
		a.Feedback, a.FeedbackAt = "", time.Time{} // that was of the PIN before
	}
	if e.Type == EventReenrolled || e.Evidence == EvidenceReenrolled {
		a.Reenrolled = e.Time
	}
	switch e.Type {
	case EventHeld:
		a.HeldBy = heldByLimit
	case EventIssued, EventRedelivered:
		a.Deliveries, a.Delivered, a.Deferred = e.Delivery, e.Time, false
		if e.Type == EventIssued {
			a.Issued = e.Time
		} else {
			a.Ref = e.Ref // what it was called before is not its name any more
		}
	case EventNotNow:
		a.Deferred = true
		a.Deferrals++
	case EventAcknowledged:
		a.Answers++
		a.Confirmed = e.Time
	case EventCancelled, EventRejected, EventLapsed, EventExpired:
		a.Cause = e.Reason
	case EventReleased:
		a.Evidence, a.Released = e.Evidence, e.Time
	case EventRevealed:
		a.Disclosures++
	case EventFeedback:
		if said := Feedback(e.Facts["outcome"]); said != FeedbackOther || a.Feedback == "" { // it takes nothing back
			a.Feedback, a.FeedbackAt = said, e.Time
		}
	case EventWoken:
		a.WakeOutcome = e.Facts["outcome"]
	}
	return a
}

// merged is what was said and what is said now, in a map of its own.
func merged(have, said map[string]string) map[string]string {
	all := make(map[string]string, len(have)+len(said))
	maps.Copy(all, have)
	maps.Copy(all, said)
	return all
}

// checkSecrets holds that a secret is added under the next number, that only a reseal or a purge touches one that is there, and that
// what was purged stays so.
func (a Action) checkSecrets(e Event) error {
	next := len(a.Secrets) + 1
	for _, s := range e.Secrets {
		touches := e.Type == EventResealed || e.Type == EventPurged
		switch {
		case touches && (s.N < 1 || s.N >= next) || !touches && s.N != next:
			return &InputError{Field: "event.secrets", Rule: "must be added under the next number, or resealed or purged under one that is there"}
		case touches && s.Purged() != (e.Type == EventPurged), e.Type == EventResealed && a.Secrets[s.N-1].Purged():
			return &InputError{Field: "event.secrets", Rule: "must be without key and hash when it is purged, and is not sealed anew after that"}
		}
		if !touches {
			next++
		}
	}
	return nil
}

// mergeSecrets adds secrets by number, or replaces the box of one that was sealed anew.
func mergeSecrets(have, add []Secret) []Secret {
	if len(add) == 0 {
		return have
	}
	merged := slices.Clone(have)
	for _, s := range add {
		if i := slices.IndexFunc(merged, func(m Secret) bool { return m.N == s.N }); i >= 0 {
			merged[i] = s
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// Replay verifies the hash chain of the events that follow what the action is, in order and without a gap, and returns the action after
// them, without boxes and scheduling hints: Action{}.Replay takes all of an action's events and proves what it is. An event that was
// changed, left out or put in is an error that names the first bad one.
func (a Action) Replay(events []Event) (Action, error) {
	for _, e := range events {
		if err := e.Decode(); err != nil {
			return a, fmt.Errorf("replay: %w", err)
		}
		prev := a.Head
		if a.Version == 0 {
			prev = make([]byte, sha256.Size)
		}
		if !bytes.Equal(e.Prev, prev) || !e.intact() {
			return a, fmt.Errorf("replay: event %d of action %s at position %d breaks the hash chain", a.Version+1, events[0].Action, e.Position)
		}
		next, err := a.Apply(e)
		if err != nil {
			return a, fmt.Errorf("replay: event %d of action %s at position %d: %w", a.Version+1, events[0].Action, e.Position, err)
		}
		a = next
	}
	return a, nil
}
