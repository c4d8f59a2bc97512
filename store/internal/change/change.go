// Package change is what the stores share: the form that a lock.Change must have before a store looks at it, and the order in which a
// batch is written. Stores decide nothing beyond it.
package change

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Order returns the indices of changes sorted by scope and device, and by their place in the batch where these are the same. Stores
// write in this order, so that two batches take the rows of their devices in one order and cannot deadlock.
func Order(changes []lock.Change) []int {
	indices := make([]int, len(changes))
	for i := range indices {
		indices[i] = i
	}
	slices.SortStableFunc(indices, func(i, j int) int {
		a, b := device(changes[i]), device(changes[j])
		return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.ID, b.ID))
	})
	return indices
}

func device(c lock.Change) lock.Device {
	switch {
	case len(c.Actions) > 0:
		return c.Actions[0].Device
	case len(c.Events) > 0:
		return lock.Device{Scope: c.Events[0].Scope, ID: c.Events[0].Device}
	default:
		return lock.Device{}
	}
}

// Check returns a *lock.InputError for a change that no store may keep: events that do not belong to its actions one by one, bytes that
// are not those that were hashed, a box that is not the one that its event names.
func Check(c lock.Change) error {
	switch {
	case len(c.Actions) == 0 && len(c.Events) == 0:
		return refuse("change", "must have an action or an event")
	case c.Key != "" && (len(c.Actions) == 0 || len(c.Events) == 0):
		return refuse("key", "needs an action to lead to, and an event that records it")
	case len(c.Events) > 0 && len(c.Events) < len(c.Actions):
		return refuse("events", "must be one for each action, then notices")
	}
	for i, a := range c.Actions {
		if err := checkAction(fmt.Sprintf("actions[%d]", i), a, c.Actions[:i]); err != nil {
			return err
		}
	}
	for i, e := range c.Events {
		if err := checkEvent(fmt.Sprintf("events[%d]", i), e, c.Actions[min(i, len(c.Actions)):]); err != nil {
			return err
		}
	}
	return nil
}

// checkEvent is given the actions from the event's place on: none for a notice.
func checkEvent(name string, e lock.Event, actions []lock.Action) error {
	if err := checkSealed(name, e); err != nil {
		return err
	}
	if len(actions) > 0 {
		return checkStep(name, actions[0], e)
	}
	if e.Action != "" || e.Seq != 0 {
		return refuse(name, "must be a notice: it has no action in this change")
	}
	return nil
}

func checkAction(name string, a lock.Action, before []lock.Action) error {
	switch {
	case a.ID == "":
		return refuse(name+".id", "is required")
	case a.Version < 1:
		return refuse(name+".version", "must be 1 or more")
	case a.Device.Scope == "" || a.Device.ID == "":
		return refuse(name+".device", "must have a scope and an ID")
	case slices.ContainsFunc(before, func(b lock.Action) bool { return b.ID == a.ID }):
		return refuse(name+".id", "must be there once in a change")
	}
	return nil
}

func checkSealed(name string, e lock.Event) error {
	h := sha256.New()
	h.Write([]byte("latchkey event v1\n"))
	h.Write(e.Prev)
	h.Write(e.Body)
	if len(e.Prev) != sha256.Size || !bytes.Equal(e.Hash, h.Sum(nil)) {
		return refuse(name+".hash", "must be that of prev and body")
	}
	return nil
}

// checkStep is for an event and the action as it is after it.
func checkStep(name string, a lock.Action, e lock.Event) error {
	switch {
	case e.Action != a.ID:
		return refuse(name+".action", "must be the action in the same place")
	case e.Seq != a.Version:
		return refuse(name+".seq", "must be the version of its action")
	case e.Scope != a.Device.Scope:
		return refuse(name+".scope", "must be that of its action")
	case !bytes.Equal(e.Hash, a.Head):
		return refuse(name+".hash", "must be the head of its action")
	}
	for _, s := range e.Secrets {
		if !boxed(a, e.Type, s) {
			return refuse(fmt.Sprintf("%s.secrets[%d]", name, s.N), "must be in its action, in the sealed box that the event names")
		}
	}
	return nil
}

// Replaces reports whether the secrets of the event take the place of what is there. All others are new.
func Replaces(e lock.Event) bool { return e.Type == lock.EventResealed || e.Type == lock.EventPurged }

func boxed(a lock.Action, t lock.EventType, named lock.Secret) bool {
	box := Box(a, named.N)
	if len(box) == 0 {
		return t == lock.EventPurged
	}
	sum := sha256.Sum256(box)
	return bytes.Equal(named.SHA256, sum[:])
}

// Encode returns the JSON form in which a store keeps the action: without its boxes and scheduling hints.
func Encode(a lock.Action) ([]byte, error) {
	data, err := json.Marshal(a)
	if err != nil {
		return nil, &lock.InputError{Field: "action", Rule: "must have a JSON form", Err: err}
	}
	return data, nil
}

// Decode is the reverse of Encode.
func Decode(data []byte) (lock.Action, error) {
	var a lock.Action
	if err := json.Unmarshal(data, &a); err != nil {
		return lock.Action{}, fmt.Errorf("stored action cannot be decoded: %w", err)
	}
	return a, nil
}

// Box is the sealed box of the action's secret n; nil when there is none, or when it was purged.
func Box(a lock.Action, n int) []byte {
	for _, s := range a.Secrets {
		if s.N == n {
			return s.Box
		}
	}
	return nil
}

func refuse(field, rule string) error { return &lock.InputError{Field: field, Rule: rule} }
