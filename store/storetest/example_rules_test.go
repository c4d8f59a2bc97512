package storetest_test

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// matches reports whether the filter selects the action, but for its Key.
func matches(a lock.Action, f lock.Filter) bool {
	return is(f.Scope, a.Device.Scope) && among(f.Devices, a.Device.ID) && is(f.Serial, a.Device.Serial) && is(f.Actor, a.By.ID) &&
		among(f.Kinds, a.Kind) && among(f.States, a.State) && (!f.Live || a.Lane != "") && is(f.Batch, a.Batch) && is(f.Ref, a.Ref) &&
		(f.SealedBy == "" || slices.ContainsFunc(a.Secrets, func(s lock.Secret) bool { return s.KeyID == f.SealedBy })) &&
		(f.CreatedFrom.IsZero() || !a.Created.Before(f.CreatedFrom)) && (f.CreatedTo.IsZero() || a.Created.Before(f.CreatedTo)) &&
		(f.DueBefore.IsZero() || !a.Due.IsZero() && !a.Due.After(f.DueBefore)) &&
		(f.Before == "" || a.ID < f.Before || !f.DueBefore.IsZero())
}

// eventMatches reports whether the filter selects the event, on the right side of From.
func eventMatches(e lock.Event, f lock.EventFilter) bool {
	number := e.Position
	if f.Action != "" {
		number = int64(e.Seq)
	}
	if f.Newest && f.From > 0 && number >= f.From || !f.Newest && number < f.From {
		return false
	}
	return is(f.Scope, e.Scope) && among(f.Devices, e.Device) && is(f.Action, e.Action) && is(f.Actor, e.Actor.ID) && among(f.Types, e.Type)
}

func is[T ~string](wanted, value T) bool { return wanted == "" || wanted == value }

func among[T ~string](wanted []T, value T) bool {
	return len(wanted) == 0 || slices.Contains(wanted, value)
}

// broken is the rule that no store lets a change break, whatever it has stored; empty for a good one.
func broken(c lock.Change) string {
	if len(c.Actions)+len(c.Events) == 0 || len(c.Events) > 0 && len(c.Events) < len(c.Actions) {
		return "must have one event for each action, or hints alone"
	}
	if c.Key != "" && (len(c.Actions) == 0 || len(c.Events) == 0) {
		return "must have an action and an event for its key"
	}
	for i, a := range c.Actions {
		if !identified(a, c.Actions[:i]) {
			return "must have actions with an ID each, a version, a scope and a device"
		}
	}
	for i, e := range c.Events {
		if !intact(e) || !belongs(e, c.Actions[min(i, len(c.Actions)):]) {
			return "must have events as they were sealed: each in the place of its action, with the boxes that it names, then notices"
		}
	}
	return ""
}

func identified(a lock.Action, before []lock.Action) bool {
	again := slices.ContainsFunc(before, func(b lock.Action) bool { return b.ID == a.ID })
	return !again && a.ID != "" && a.Version >= 1 && a.Device.Scope != "" && a.Device.ID != ""
}

func intact(e lock.Event) bool {
	sum := sha256.Sum256(slices.Concat([]byte("latchkey event v1\n"), e.Prev, e.Body))
	return len(e.Prev) == sha256.Size && bytes.Equal(e.Hash, sum[:]) && e.Decode() == nil
}

// belongs is given the actions from the event's place on: none for a notice.
func belongs(e lock.Event, actions []lock.Action) bool {
	if len(actions) == 0 {
		return e.Action == "" && e.Seq == 0
	}
	a := actions[0]
	for _, named := range e.Secrets {
		sum := sha256.Sum256(boxOf(a, named.N))
		purged := e.Type == lock.EventPurged && boxOf(a, named.N) == nil
		if !purged && (boxOf(a, named.N) == nil || !bytes.Equal(named.SHA256, sum[:])) {
			return false
		}
	}
	return e.Action == a.ID && e.Seq == a.Version && e.Scope == a.Device.Scope && bytes.Equal(e.Hash, a.Head)
}

func boxOf(a lock.Action, n int) []byte {
	for _, secret := range a.Secrets {
		if secret.N == n {
			return secret.Box
		}
	}
	return nil
}
