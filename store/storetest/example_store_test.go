package storetest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Journal is a whole lock.Store: a file with one change on each line, and maps of what the file says, which are the tables of another
// store. It passes the suite. The rules of broken and the filters of matches, which any store can take as they are, lie in
// example_rules_test.go.
type Journal struct {
	mu    sync.Mutex
	path  string
	file  file
	size  int64 // of what is durable; -1: whatever is there
	stale bool  // the maps have what the file may not have

	actions map[lock.ID]*row
	lanes   map[[3]string]lock.ID // scope, device, lane: a unique index elsewhere
	keys    map[[2]string]lock.ID // scope, key: a table with a primary key elsewhere
	events  []lock.Event          // by position
	hashes  map[string]bool       // of all events: how a repeat is told from a conflict
}

var _ lock.Store = (*Journal)(nil)

// file is what a Journal needs of an *os.File.
type file interface {
	WriteAt(data []byte, at int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// row is one action as it is, and its boxes.
type row struct {
	action lock.Action
	boxes  map[int][]byte
}

// line is a change as it lies in the file, with what has no JSON name: boxes, hints, and the bytes of the events.
type line struct {
	Actions []saved      `json:"actions,omitempty"`
	Events  []savedEvent `json:"events,omitempty"`
	Key     string       `json:"key,omitempty"`
}

type saved struct {
	Action lock.Action    `json:"action"`
	Due    time.Time      `json:"due,omitzero"`
	Wake   int            `json:"wake,omitempty"`
	Boxes  map[int][]byte `json:"boxes,omitempty"`
}

type savedEvent struct{ Body, Prev, Hash []byte }

// OpenJournal opens the file, or makes it.
func OpenJournal(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close()) // a new file's name must be durable too
	}
	s := &Journal{path: path, file: f, size: -1}
	if err = errors.Join(err, s.load()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Journal) Close() error { return s.file.Close() }

// load fills the maps anew. A line that was cut off in a crash, and lines whose write or sync failed, were never acknowledged: they go.
func (s *Journal) load() error {
	s.actions, s.lanes, s.keys = map[lock.ID]*row{}, map[[3]string]lock.ID{}, map[[2]string]lock.ID{}
	s.events, s.hashes = nil, map[string]bool{}
	data, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	if s.size < 0 {
		s.size = int64(bytes.LastIndexByte(data, '\n') + 1)
	}
	if err := errors.Join(s.file.Truncate(s.size), s.file.Sync()); err != nil {
		return err
	}
	for text := range bytes.Lines(data[:s.size]) {
		if err := s.apply(text); err != nil {
			return err
		}
	}
	s.stale = false
	return nil
}

// Commit decides change by change, writes what is new with one sync, and only then answers.
func (s *Journal) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	errs := make([]error, len(changes))
	var lines []byte
	for i, c := range changes {
		var text []byte
		text, errs[i] = s.take(c)
		lines = append(lines, text...)
	}
	if len(lines) == 0 {
		return errs, nil
	}
	_, err := s.file.WriteAt(lines, s.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil { // nobody knows what is on the disk: forget it, and let the caller repeat
		s.stale = true
		return nil, fmt.Errorf("journal: the outcome is unknown: %w", err)
	}
	s.size += int64(len(lines))
	return errs, nil
}

// enter begins every method: it locks the store and repairs it after a failed write.
func (s *Journal) enter(ctx context.Context) error {
	s.mu.Lock()
	err := ctx.Err()
	if err == nil && s.stale {
		err = s.load()
	}
	if err != nil {
		s.mu.Unlock()
	}
	return err
}

// take decides about one change: nothing to write when it was stored before, and the line to write when it fits.
func (s *Journal) take(c lock.Change) ([]byte, error) {
	if rule := broken(c); rule != "" {
		return nil, &lock.InputError{Field: "change", Rule: rule}
	}
	there := 0
	for _, e := range c.Events {
		if s.hashes[string(e.Hash)] {
			there++
		}
	}
	switch {
	case there > 0 && there == len(c.Events):
		return nil, nil
	case there > 0 || !s.fits(c):
		return nil, lock.ErrConflict
	}
	text, err := json.Marshal(toLine(c))
	if err != nil {
		return nil, &lock.InputError{Field: "change", Rule: "must have a JSON form", Err: err}
	}
	text = append(text, '\n')
	return text, s.apply(text)
}

// fits is the compare of compare-and-set: every action at the version before, its lane free when its turn comes, its boxes new (or there, to
// be replaced), the key free. In SQL these are the WHERE of an UPDATE and unique indexes, and no row written means false.
func (s *Journal) fits(c lock.Change) bool {
	if c.Key != "" && s.keys[[2]string{c.Actions[0].Device.Scope, c.Key}] != "" {
		return false
	}
	if len(c.Events) == 0 { // only hints move
		return !slices.ContainsFunc(c.Actions, func(a lock.Action) bool { return s.row(a.ID).action.Version != a.Version })
	}
	lanes := map[[3]string]bool{} // taken or not, where this change makes a difference
	for i, a := range c.Actions {
		old := s.row(a.ID)
		lanes[laneOf(old.action)] = false
		taken, moved := lanes[laneOf(a)]
		if !moved {
			taken = s.lanes[laneOf(a)] != ""
		}
		if old.action.Version != a.Version-1 || a.Lane != "" && taken || !old.takes(c.Events[i]) {
			return false
		}
		lanes[laneOf(a)] = true
	}
	return true
}

// row is the action as it is; an empty one, at version 0, when there is none.
func (s *Journal) row(id lock.ID) *row {
	if r := s.actions[id]; r != nil {
		return r
	}
	return &row{boxes: map[int][]byte{}}
}

func (r *row) takes(e lock.Event) bool {
	for _, secret := range e.Secrets {
		if _, there := r.boxes[secret.N]; there != (e.Type == lock.EventResealed || e.Type == lock.EventPurged) {
			return false
		}
	}
	return true
}

func laneOf(a lock.Action) [3]string { return [3]string{a.Device.Scope, a.Device.ID, a.Lane} }

func toLine(c lock.Change) line {
	l := line{Key: c.Key}
	for i, a := range c.Actions {
		kept := saved{Action: a, Due: a.Due, Wake: a.Wake, Boxes: map[int][]byte{}}
		if len(c.Events) > 0 {
			for _, named := range c.Events[i].Secrets {
				kept.Boxes[named.N] = boxOf(a, named.N)
			}
		}
		l.Actions = append(l.Actions, kept)
	}
	for _, e := range c.Events {
		l.Events = append(l.Events, savedEvent{e.Body, e.Prev, e.Hash})
	}
	return l
}

// apply does what a line says, which was found to fit. What it keeps shares nothing with the change that the line was made of.
func (s *Journal) apply(text []byte) error {
	var l line
	if err := json.Unmarshal(text, &l); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	for _, kept := range l.Actions {
		r := s.row(kept.Action.ID)
		s.actions[kept.Action.ID] = r
		if len(l.Events) > 0 {
			delete(s.lanes, laneOf(r.action))
			s.lanes[laneOf(kept.Action)] = kept.Action.ID
			r.action = kept.Action
			maps.Copy(r.boxes, kept.Boxes)
		}
		r.action.Due, r.action.Wake = kept.Due.UTC().Truncate(time.Microsecond), kept.Wake
	}
	for _, b := range l.Events {
		e := lock.Event{Body: b.Body, Prev: b.Prev, Hash: b.Hash, Position: int64(len(s.events))}
		if err := e.Decode(); err != nil {
			return err
		}
		s.events, s.hashes[string(e.Hash)] = append(s.events, e), true
	}
	if l.Key != "" {
		s.keys[[2]string{l.Actions[0].Action.Device.Scope, l.Key}] = l.Actions[0].Action.ID
	}
	return nil
}

// read is the action as it is given out, with its own memory. Only Get gives boxes.
func (r *row) read(boxes bool) (lock.Action, error) {
	var a lock.Action
	data, err := json.Marshal(r.action)
	if err = errors.Join(err, json.Unmarshal(data, &a)); err != nil {
		return a, err
	}
	a.Due, a.Wake = r.action.Due, r.action.Wake
	for i, secret := range a.Secrets {
		if boxes {
			a.Secrets[i].Box = bytes.Clone(r.boxes[secret.N])
		}
	}
	return a, nil
}

// Get is lock.Store's.
func (s *Journal) Get(ctx context.Context, id lock.ID) (lock.Action, error) {
	if err := s.enter(ctx); err != nil {
		return lock.Action{}, err
	}
	defer s.mu.Unlock()
	if s.actions[id] == nil {
		return lock.Action{}, lock.ErrNotFound
	}
	return s.actions[id].read(true)
}

// List is lock.Store's.
func (s *Journal) List(ctx context.Context, f lock.Filter) ([]lock.Action, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var found []*row
	for id, r := range s.actions {
		if matches(r.action, f) && (f.Key == "" || s.keys[[2]string{r.action.Device.Scope, f.Key}] == id) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *row) int {
		if !f.DueBefore.IsZero() {
			return cmp.Or(a.action.Due.Compare(b.action.Due), cmp.Compare(a.action.ID, b.action.ID))
		}
		return cmp.Compare(b.action.ID, a.action.ID)
	})
	var actions []lock.Action
	for _, r := range found[:min(len(found), f.PageSize())] {
		a, err := r.read(false)
		if err != nil {
			return nil, err
		}
		actions = append(actions, a)
	}
	return actions, nil
}

// Events is lock.Store's.
func (s *Journal) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var found []lock.Event
	for i := range s.events {
		e := s.events[i]
		if f.Newest {
			e = s.events[len(s.events)-1-i]
		}
		if len(found) == f.PageSize() {
			break
		}
		if !eventMatches(e, f) {
			continue
		}
		e.Body, e.Prev, e.Hash = bytes.Clone(e.Body), bytes.Clone(e.Prev), bytes.Clone(e.Hash)
		if err := e.Decode(); err != nil { // gives the other fields memory of their own
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// A whole store, to copy and to put a database in the place of its maps. TestJournal, in journal_test.go, runs the suite on it.
func Example() {
	folder, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	ledger, err := OpenJournal(filepath.Join(folder, "ledger.jsonl"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = ledger.Close() }()
	actions, err := ledger.List(context.Background(), lock.Filter{})
	fmt.Println(len(actions), err)
	// Output: 0 <nil>
}
