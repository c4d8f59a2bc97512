package lock

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Limit says how much one actor may do alone: acts on at most Count devices in any Window. What goes beyond it waits for a second person,
// with an alarm. Every limit that matches holds.
//
// It counts what an actor asks for, whatever becomes of that: each device once, and of a batch all its devices. There is no counter that
// could be wrong: an intent is committed first, and its place in the feed says whether it is within the limit. So of many requests that
// race, by any number of processes, exactly Count pass.
type Limit struct {
	Verb   Verb   // VerbLock, which counts orders of every kind, but for tokens, and the devices of each batch, or VerbReveal
	Actor  string // whose ID it is for; empty: each actor by itself
	Scope  string // where; empty: each scope by itself
	Count  int    // devices; 0: none without a second person
	Window time.Duration
}

// String says the limit in words.
func (l Limit) String() string {
	return fmt.Sprintf("%s: %d devices in %s", l.Verb, l.Count, l.Window)
}

func checkLimits(limits []Limit) error {
	for i, l := range limits {
		field := fmt.Sprintf("Limits[%d]", i)
		if err := checkText(field+".Actor", l.Actor, 255, false); err != nil {
			return err
		}
		if err := checkText(field+".Scope", l.Scope, 64, false); err != nil {
			return err
		}
		switch {
		case l.Verb != VerbLock && l.Verb != VerbReveal:
			return &InputError{Field: field + ".Verb", Rule: "must be lock or reveal"}
		case l.Count < 0:
			return &InputError{Field: field + ".Count", Rule: "must not be negative"}
		case l.Window <= 0:
			return &InputError{Field: field + ".Window", Rule: "must be positive"}
		}
	}
	return nil
}

// limitsOn are the limits that hold for an act.
func (s *Service) limitsOn(v Verb, actor, scope string) (limits []Limit) {
	for _, l := range s.cfg.Limits {
		if l.Verb == v && (l.Actor == "" || l.Actor == actor) && (l.Scope == "" || l.Scope == scope) {
			limits = append(limits, l)
		}
	}
	return limits
}

// skew is how far the clocks of processes on one store may be apart: events are taken to be too old only so much before a window. It takes
// a page of them to stop looking: one that came late, by a long transaction or a clock that was set back, hides none before it.
const skew = time.Hour

// overLimit finds a limit that an intent exceeds, and returns nil when it is within all. The intent own is committed: an ordered event,
// a notice that opens a batch, or a reveal-requested event. What is before it in the feed decides, so that whoever asks, and however
// often, gets the same answer.
func (s *Service) overLimit(ctx context.Context, v Verb, own Event) (*Limit, error) {
	limits := s.limitsOn(v, own.Actor.ID, own.Scope)
	if len(limits) == 0 {
		return nil, nil
	}
	at, err := s.positionOf(ctx, own)
	if err != nil {
		return nil, err
	}
	c := count{own: own, limits: limits, tallies: make([]tally, len(limits))}
	for _, l := range limits {
		c.window = max(c.window, l.Window)
	}
	if v == VerbLock {
		if c.opened, err = s.openings(ctx, own.Scope); err != nil {
			return nil, err
		}
	}
	types := []EventType{EventBatchOpened, EventOrdered} // batches are few, and each has many orders
	if v == VerbReveal {
		types = []EventType{EventRevealRequested}
	}
	for _, t := range types {
		if over, err := s.countIntents(ctx, &c, t, at); over != nil || err != nil {
			return over, err
		}
	}
	return nil, nil
}

// positionOf is an event's place in the feed.
func (s *Service) positionOf(ctx context.Context, own Event) (int64, error) {
	if err := s.sequence(ctx); err != nil {
		return 0, err
	}
	if own.Action != "" {
		found, err := s.cfg.Store.Events(ctx, EventFilter{Action: own.Action, From: int64(own.Seq), Limit: 1})
		if err != nil {
			return 0, err
		}
		if len(found) == 1 && found[0].ID == own.ID && found[0].Position >= 0 {
			return found[0].Position, nil
		}
		return 0, fmt.Errorf("%w: event %s has no place in the feed yet", ErrConflict, own.ID)
	}
	at := int64(-1)
	f := EventFilter{Scope: own.Scope, Actor: own.Actor.ID, Types: []EventType{own.Type}}
	err := s.backwards(ctx, f, own.Time.Add(-skew), func(e Event) bool {
		if e.ID == own.ID {
			at = e.Position
		}
		return at < 0
	})
	if err == nil && at < 0 {
		err = fmt.Errorf("%w: event %s has no place in the feed yet", ErrConflict, own.ID)
	}
	return at, err
}

// backwards reads the feed, the newest event first, until more says no, or a whole page of 1,000 events is older than since.
func (s *Service) backwards(ctx context.Context, f EventFilter, since time.Time, more func(Event) bool) error {
	for f.Newest, f.Limit = true, 1000; ; {
		page, err := s.cfg.Store.Events(ctx, f)
		if err != nil {
			return err
		}
		old := true
		for _, e := range page {
			if !more(e) {
				return nil
			}
			old = old && e.Time.Before(since)
		}
		if old || len(page) < f.PageSize() || page[len(page)-1].Position <= 0 { // From 0 would begin anew
			return nil
		}
		f.From = page[len(page)-1].Position
	}
}

// count is what an actor asked for in the windows of some limits.
type count struct {
	own     Event
	limits  []Limit
	tallies []tally
	window  time.Duration    // the longest
	opened  map[string]Event // the notices that opened the batches of the scope, by name
}

// tally is what counts for one limit.
type tally struct {
	devices map[string]bool
	batches int // devices of batches
}

// countIntents counts the intents of one type up to a position.
func (s *Service) countIntents(ctx context.Context, c *count, t EventType, at int64) (over *Limit, err error) {
	f := EventFilter{Scope: c.own.Scope, Actor: c.own.Actor.ID, Types: []EventType{t}, From: at + 1}
	err = s.backwards(ctx, f, c.own.Time.Add(-c.window-skew), func(e Event) bool {
		over = c.add(e)
		return over == nil
	})
	return over, err
}

// counts reports whether an event is an intent that counts by itself. An order of a batch counts with the batch, and a batch once, however
// many processes opened it at the same time.
func (c *count) counts(e Event) bool {
	switch e.Type {
	case EventBatchOpened:
		return c.opened[e.Facts["batch"]].ID == e.ID
	case EventOrdered:
		if e.Order == nil || e.Order.Kind.free() || e.Order.State == StateConfirmed {
			return false
		}
		return e.Order.State != StateQueued || !ofBatch(c.opened[e.Order.Batch], e)
	default:
		return true
	}
}

// add counts one intent, and returns the limit that is exceeded by now.
func (c *count) add(e Event) *Limit {
	if !c.counts(e) {
		return nil
	}
	for i, l := range c.limits {
		if !e.Time.After(c.own.Time.Add(-l.Window)) {
			continue
		}
		t := &c.tallies[i]
		if e.Type == EventBatchOpened {
			t.batches += batchSize(e)
		} else {
			if t.devices == nil {
				t.devices = map[string]bool{}
			}
			t.devices[e.Device] = true
		}
		if len(t.devices)+t.batches > l.Count {
			return &c.limits[i]
		}
	}
	return nil
}

// batchSize is how many devices a batch was opened for.
func batchSize(opened Event) int {
	size, err := strconv.Atoi(opened.Facts["devices"])
	if err != nil {
		return 0 // not a notice of ours
	}
	return size
}
