package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

// Commit is lock.Store's. It waits for nothing but other calls.
func (m *Memory) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := make([]error, len(changes))
	for _, i := range change.Order(changes) {
		errs[i] = m.apply(changes[i])
	}
	return errs, nil
}

func (m *Memory) apply(c lock.Change) error {
	if err := change.Check(c); err != nil {
		return err
	}
	if len(c.Events) == 0 {
		return m.hint(c.Actions)
	}
	if m.stored(c.Events) {
		return nil
	}
	if !m.fits(c) {
		return lock.ErrConflict
	}
	rows, err := m.encode(c)
	if err != nil {
		return err
	}
	m.write(c, rows)
	return nil
}

// hint moves Due and Wake, and nothing else.
func (m *Memory) hint(actions []lock.Action) error {
	for _, a := range actions {
		if r := m.actions[a.ID]; r == nil || r.action.Version != a.Version {
			return lock.ErrConflict
		}
	}
	for _, a := range actions {
		r := m.actions[a.ID]
		r.due, r.wake = micros(a.Due), a.Wake
	}
	return nil
}

// stored reports whether all events are there, with these hashes.
func (m *Memory) stored(events []lock.Event) bool {
	for _, e := range events {
		if !m.has(e) {
			return false
		}
	}
	return true
}

func (m *Memory) has(e lock.Event) bool {
	if e.Action == "" {
		return m.notices[string(e.Hash)]
	}
	r := m.actions[e.Action]
	return r != nil && e.Seq <= len(r.events) && bytes.Equal(m.events[r.events[e.Seq-1]].Hash, e.Hash)
}

// fits reports whether the whole change can be stored: every action at the version before, its lane free when its turn comes, the key
// free, the notices new.
func (m *Memory) fits(c lock.Change) bool {
	if c.Key != "" && m.keys[key{c.Actions[0].Device.Scope, c.Key}] != "" {
		return false
	}
	moved := map[lane]lock.ID{} // over m.lanes
	for i, a := range c.Actions {
		r := m.actions[a.ID]
		if (r == nil) != (a.Version == 1) || r != nil && r.action.Version != a.Version-1 || !r.takes(c.Events[i]) {
			return false
		}
		if r != nil {
			moved[laneOf(r.action)] = ""
		}
		l := laneOf(a)
		holder, ok := moved[l]
		if !ok {
			holder = m.lanes[l]
		}
		if a.Lane != "" && holder != "" {
			return false
		}
		moved[l] = a.ID
	}
	return !slices.ContainsFunc(c.Events[len(c.Actions):], m.has)
}

// takes reports whether the event's secrets are new, or there when it replaces them. The row is nil for a new action.
func (r *row) takes(e lock.Event) bool {
	for _, s := range e.Secrets {
		there := false
		if r != nil {
			_, there = r.boxes[s.N]
		}
		if there != change.Replaces(e) {
			return false
		}
	}
	return true
}

// encode makes the new rows, before anything is written.
func (m *Memory) encode(c lock.Change) ([]*row, error) {
	rows := make([]*row, len(c.Actions))
	for i, a := range c.Actions {
		data, err := change.Encode(a)
		if err != nil {
			return nil, err
		}
		decoded, err := change.Decode(data)
		if err != nil {
			return nil, err
		}
		r := &row{data: data, action: decoded, boxes: map[int]box{}, due: micros(a.Due), wake: a.Wake}
		if old := m.actions[a.ID]; old != nil {
			r.boxes, r.events = old.boxes, old.events
		}
		rows[i] = r
	}
	return rows, nil
}

func (m *Memory) write(c lock.Change, rows []*row) {
	for i, r := range rows {
		id := r.action.ID
		if old := m.actions[id]; old == nil {
			at, _ := slices.BinarySearch(m.ids, id)
			m.ids = slices.Insert(m.ids, at, id)
		} else if old.action.Lane != "" {
			delete(m.lanes, laneOf(old.action))
		}
		if r.action.Lane != "" {
			m.lanes[laneOf(r.action)] = id
		}
		for _, s := range c.Events[i].Secrets {
			r.boxes[s.N] = box{s.KeyID, bytes.Clone(change.Box(c.Actions[i], s.N))}
		}
		r.events = append(r.events, len(m.events))
		m.append(c.Events[i])
		m.actions[id] = r
	}
	for _, e := range c.Events[len(rows):] {
		m.notices[string(e.Hash)] = true
		m.append(e)
	}
	if c.Key != "" {
		m.keys[key{c.Actions[0].Device.Scope, c.Key}] = c.Actions[0].ID
	}
}

// append keeps a copy of the event, as far as filters and readers need it: the rest is in its body.
func (m *Memory) append(e lock.Event) {
	m.events = append(m.events, lock.Event{
		Action: e.Action, Seq: e.Seq, Type: e.Type, Scope: e.Scope, Device: e.Device, Actor: e.Actor,
		Body: bytes.Clone(e.Body), Prev: bytes.Clone(e.Prev), Hash: bytes.Clone(e.Hash), Position: int64(len(m.events)),
	})
}
