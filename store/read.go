package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

// Get is lock.Store's.
func (m *Memory) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	if err := ctx.Err(); err != nil {
		return lock.Action{}, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	r := m.actions[id]
	if r == nil {
		return lock.Action{}, lock.ErrNotFound
	}
	a, err := r.decode()
	for i, s := range a.Secrets {
		a.Secrets[i].Box = bytes.Clone(r.boxes[s.N].sealed)
	}
	return a, err
}

func (r *row) decode() (lock.Action, error) {
	a, err := change.Decode(r.data)
	if err != nil {
		return a, err
	}
	a.Due, a.Wake = r.due, r.wake
	return a, nil
}

// List is lock.Store's. It looks at every action that is newer than the page's end.
func (m *Memory) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	rows := m.match(f)
	actions := make([]lock.Action, len(rows))
	for i, r := range rows {
		a, err := r.decode()
		if err != nil {
			return nil, err
		}
		actions[i] = a
	}
	return actions, nil
}

// match returns a page of rows in the order of the listing.
func (m *Memory) match(f lock.Filter) []*row {
	byDue, size := !f.DueBefore.IsZero(), f.PageSize()
	end := len(m.ids)
	if f.Before != "" && !byDue {
		end, _ = slices.BinarySearch(m.ids, f.Before)
	}
	var rows []*row
	for _, id := range slices.Backward(m.ids[:end]) {
		if !byDue && len(rows) == size {
			break
		}
		if r := m.actions[id]; r.matches(f) && (f.Key == "" || m.leads(f.Key, r.action)) {
			rows = append(rows, r)
		}
	}
	if byDue {
		slices.SortFunc(rows, func(x, y *row) int { return cmp.Or(x.due.Compare(y.due), cmp.Compare(x.action.ID, y.action.ID)) })
		rows = rows[:min(len(rows), size)]
	}
	return rows
}

// leads reports whether the idempotency key leads to the action.
func (m *Memory) leads(name string, a lock.Action) bool {
	return m.keys[key{a.Device.Scope, name}] == a.ID
}

func (r *row) matches(f lock.Filter) bool {
	a := r.action
	return is(f.Scope, a.Device.Scope) && oneOf(f.Devices, a.Device.ID) && is(f.Serial, a.Device.Serial) &&
		is(f.Actor, a.By.ID) && oneOf(f.Kinds, a.Kind) && oneOf(f.States, a.State) &&
		(!f.Live || a.Lane != "") && is(f.Batch, a.Batch) && is(f.Ref, a.Ref) && r.inTime(f) &&
		(f.SealedBy == "" || r.sealedBy(f.SealedBy))
}

func (r *row) inTime(f lock.Filter) bool {
	return (f.CreatedFrom.IsZero() || !r.action.Created.Before(f.CreatedFrom)) &&
		(f.CreatedTo.IsZero() || r.action.Created.Before(f.CreatedTo)) &&
		(f.DueBefore.IsZero() || !r.due.IsZero() && !r.due.After(f.DueBefore))
}

func (r *row) sealedBy(keyID string) bool {
	for _, b := range r.boxes {
		if b.keyID == keyID {
			return true
		}
	}
	return false
}

// Events is lock.Store's.
func (m *Memory) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var events []lock.Event
	count, at := m.positions(f)
	for i := 0; i < count && len(events) < f.PageSize(); i++ {
		e := m.events[at(i)]
		if !matches(e, f) {
			continue
		}
		e.Body, e.Prev, e.Hash = bytes.Clone(e.Body), bytes.Clone(e.Prev), bytes.Clone(e.Hash)
		if err := e.Decode(); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

// positions returns how many events lie on the wanted side of From, and the position of the i-th of them in the wanted direction.
func (m *Memory) positions(f lock.EventFilter) (count int, at func(i int) int) {
	total, position, from := len(m.events), func(i int) int { return i }, int(max(0, f.From))
	if f.Action != "" {
		r := m.actions[f.Action]
		if r == nil {
			return 0, nil
		}
		total, position, from = len(r.events), func(i int) int { return r.events[i] }, max(0, from-1) // Seq counts from 1
	}
	if f.Newest {
		if f.From > 0 {
			total = min(total, from)
		}
		return total, func(i int) int { return position(total - 1 - i) }
	}
	return total - from, func(i int) int { return position(from + i) }
}

func matches(e lock.Event, f lock.EventFilter) bool {
	return is(f.Scope, e.Scope) && oneOf(f.Devices, e.Device) && is(f.Actor, e.Actor.ID) && oneOf(f.Types, e.Type)
}

// is reports whether the filter is empty or the value.
func is[T ~string](filter, value T) bool { return filter == "" || filter == value }

func oneOf[T ~string](filter []T, value T) bool {
	return len(filter) == 0 || slices.Contains(filter, value)
}
