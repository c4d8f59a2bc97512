package storetest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// later is a store that gives positions after the commit, over one that gives them at once: the events of the store behind it go through its
// hands once, as those of an outbox do, and are put in order by time, action and number.
type later struct {
	lock.Store

	mu      sync.Mutex
	looked  int64            // how many events of the store behind it were taken up
	waiting []lock.Event     // taken up, without a position
	given   map[string]int64 // positions, by hash
	next    int64
	newest  time.Time // of the last event that was given a position
	page    int

	// Defects.
	skips     bool // what is older than the newest event that has a position is passed over
	resorts   bool // all events are put in order anew each time
	gap       bool // a page leaves a position free
	impatient bool // says that nothing is left to do when a page was full
	early     bool // the feed lists what has no position
	guesses   bool // an action's events have positions before they were given any
	unordered bool // within an action the events are in no order
}

func newLater(s lock.Store) *later { return &later{Store: s, given: map[string]int64{}, page: 100} }

// Sequence gives positions to a page of events.
func (s *later) Sequence(ctx context.Context) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resorts {
		s.looked, s.next, s.waiting = 0, 0, nil
	}
	if err := s.take(ctx); err != nil {
		return false, err
	}
	slices.SortFunc(s.waiting, func(a, b lock.Event) int {
		seq := cmp.Compare(a.Seq, b.Seq)
		if s.unordered {
			seq = -seq
		}
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Action, b.Action), seq)
	})
	n := min(s.page, len(s.waiting))
	if s.resorts {
		n = len(s.waiting)
	}
	for _, e := range s.waiting[:n] {
		s.newest = e.Time
		s.given[string(e.Hash)] = s.next
		s.next++
	}
	if s.gap && n > 0 {
		s.next++
	}
	s.waiting = s.waiting[n:]
	return len(s.waiting) > 0 && !s.impatient, nil
}

// take takes up what was committed since.
func (s *later) take(ctx context.Context) error {
	for {
		events, err := s.Store.Events(ctx, lock.EventFilter{From: s.looked, Limit: 1000})
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			s.looked++
			if s.skips && e.Time.Before(s.newest) {
				continue
			}
			s.waiting = append(s.waiting, e)
		}
	}
}

// Events is lock.Store's.
func (s *later) Events(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Action != "" {
		events, err := s.Store.Events(ctx, f)
		for i, e := range events {
			events[i].Position = s.position(e)
			if s.guesses {
				events[i].Position = max(0, events[i].Position)
			}
		}
		return events, err
	}
	events, err := s.all(ctx, f)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(events, func(a, b lock.Event) int { return cmp.Compare(a.Position, b.Position) })
	if f.Newest {
		slices.Reverse(events)
	}
	return events[:min(len(events), f.PageSize())], nil
}

func (s *later) position(e lock.Event) int64 {
	if p, ok := s.given[string(e.Hash)]; ok {
		return p
	}
	return -1
}

// all returns what the filter selects and has a position on the right side of From.
func (s *later) all(ctx context.Context, f lock.EventFilter) ([]lock.Event, error) {
	from, newest := f.From, f.Newest
	f.From, f.Newest, f.Limit = 0, false, 1000
	var found []lock.Event
	for {
		events, err := s.Store.Events(ctx, f)
		if err != nil || len(events) == 0 {
			return found, err
		}
		f.From = events[len(events)-1].Position + 1
		for _, e := range events {
			e.Position = s.position(e)
			if s.early && e.Position < 0 {
				e.Position = s.next
			}
			if e.Position >= 0 && onSide(e.Position, from, newest) {
				found = append(found, e)
			}
		}
	}
}

func onSide(position, from int64, newest bool) bool {
	if newest {
		return from == 0 || position < from
	}
	return position >= from
}
