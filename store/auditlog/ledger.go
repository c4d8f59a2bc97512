package auditlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-mdm/latchkey/lock"
)

// ledger compares the actions of a live ledger, with their sealed boxes and idempotency keys, with the events that a pass has followed.
type ledger struct {
	store  lock.Store
	report *Report
}

// check looks at each action of the pass's part. What is found first is returned: legal holds, the actions in the order of their listing, then
// what the listing lacks.
func (l *ledger) check(ctx context.Context, p *pass) (*TamperError, error) {
	if p.whole {
		if found, err := l.holds(ctx, p.holds); found != nil || err != nil {
			return found, err
		}
	}
	c := p.chains
	for f := (lock.Filter{Limit: pageEntries}); ; {
		page, err := l.store.List(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("auditlog: list the actions below %q: %w", f.Before, err)
		}
		for _, a := range page {
			if found, err := l.part(ctx, a.ID, c); found != nil || err != nil {
				return found, err
			}
		}
		if len(page) < f.PageSize() {
			return l.lost(ctx, c)
		}
		f.Before = page[len(page)-1].ID
	}
}

// part looks at an action of the listing, if it is of the pass's part.
func (l *ledger) part(ctx context.Context, id lock.ID, c *chains) (*TamperError, error) {
	key := keyOf(id)
	if !c.has(key) {
		return nil, nil
	}
	if found, err := l.action(ctx, id, c.ends[key]); found != nil || err != nil {
		return found, err
	}
	delete(c.ends, key)
	l.report.Actions++
	return nil, nil
}

// lost names the first action that has events and is not there.
func (l *ledger) lost(ctx context.Context, c *chains) (*TamperError, error) {
	var first *chainEnd
	for _, end := range c.ends {
		if first == nil || end.position < first.position {
			first = &end
		}
	}
	if first == nil {
		return nil, nil
	}
	found := &TamperError{
		What: TamperedAction, Position: first.position, Upto: first.position + 1, Seq: int(first.seq),
		Detail: "the action of this event is not in the ledger",
	}
	page, err := (&feed{store: l.store}).page(ctx, first.position)
	if err == nil && len(page) > 0 && page[0].position == first.position {
		found.Action, _, _ = identify(page[0].body)
	}
	return found, err
}

// action compares one with its events, of which the feed's last is end.
func (l *ledger) action(ctx context.Context, id lock.ID, end chainEnd) (*TamperError, error) {
	found := &TamperError{What: TamperedAction, Position: end.position, Upto: end.position + 1, Action: id, Seq: int(end.seq)}
	if end.seq == 0 {
		found.Position, found.Upto = -1, -1
	}
	a, err := l.store.Get(ctx, id)
	if errors.Is(err, lock.ErrNotFound) {
		found.Detail = "it is listed and cannot be read"
		return found, nil
	}
	if err != nil {
		return nil, fmt.Errorf("auditlog: read action %s: %w", id, err)
	}
	events, err := l.events(ctx, id, a.Version)
	if err != nil {
		return nil, err
	}
	if found.Detail = against(events, a.Version, end); found.Detail != "" {
		return found, nil
	}
	if found, err := l.fresh(ctx, events, int(end.seq)); found != nil || err != nil {
		return found, err
	}
	last := events[len(events)-1]
	found.Position, found.Upto, found.Seq = last.Position, last.Position+1, last.Seq
	fold, err := lock.Action{}.Replay(events)
	if err != nil {
		found.Detail, found.Err = "its events make no action", err
		return found, nil
	}
	if !same(fold, a) {
		found.Detail = "what is stored is not what its events make it"
		return found, nil
	}
	if found := boxes(a, events); found != nil {
		return found, nil
	}
	if listed, err := l.listed(ctx, a); !listed || err != nil {
		found.What, found.Detail = TamperedListing, "it is not listed by what it says: a column is not what the action is"
		return found, err
	}
	return l.keys(ctx, a, events)
}

// events returns the first events of an action, up to its version.
func (l *ledger) events(ctx context.Context, id lock.ID, version int) ([]lock.Event, error) {
	var events []lock.Event
	for len(events) < version {
		f := lock.EventFilter{Action: id, From: int64(len(events)) + 1, Limit: min(version-len(events), pageEntries)}
		page, err := l.store.Events(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("auditlog: read the events of action %s: %w", id, err)
		}
		if len(page) == 0 {
			break
		}
		events = append(events, page...)
	}
	return events, nil
}

// against says how the events that are listed for an action differ from those in the feed, and from its version; nothing when they do not.
func against(events []lock.Event, version int, end chainEnd) string {
	switch {
	case int64(version) < end.seq:
		return fmt.Sprintf("it is stored as it was after event %d, and has %d", version, end.seq)
	case len(events) == 0 || len(events) != version:
		return fmt.Sprintf("it is stored as after event %d, and %d are listed for it", version, len(events))
	case end.seq > 0 && !bytes.Equal(events[end.seq-1].Hash, end.hash[:]):
		return "another event is listed for it than the one in the feed"
	}
	return ""
}

// fresh holds that the events behind those in the feed were committed since: the feed goes on with them, or will.
func (l *ledger) fresh(ctx context.Context, events []lock.Event, followed int) (*TamperError, error) {
	for _, e := range events[followed:] {
		if e.Position < 0 {
			waiting, err := l.position(ctx, &e)
			if err != nil {
				return nil, err
			}
			if waiting {
				l.report.Waiting++
				continue
			}
		}
		if e.Position < l.report.Events {
			return &TamperError{
				What: TamperedAction, Position: -1, Upto: -1, Action: e.Action, Seq: e.Seq, Detail: "the event is listed for it and is not in the feed",
			}, nil
		}
	}
	return nil, nil
}

// position looks again for that of an event which had none: another process may have seen to it. If none has, the store gives all that it
// has to give. Where it may not, because the verification can do no more than read, the event waits.
func (l *ledger) position(ctx context.Context, e *lock.Event) (waiting bool, err error) {
	if err := l.again(ctx, e); err != nil || e.Position >= 0 {
		return false, err
	}
	refused := sequence(ctx, l.store)
	if err := l.again(ctx, e); err != nil || e.Position >= 0 {
		return false, err
	}
	return refused != nil, nil
}

func (l *ledger) again(ctx context.Context, e *lock.Event) error {
	again, err := l.store.Events(ctx, lock.EventFilter{Action: e.Action, From: int64(e.Seq), Limit: 1})
	if err != nil {
		return fmt.Errorf("auditlog: read event %d of action %s: %w", e.Seq, e.Action, err)
	}
	if len(again) > 0 {
		e.Position = again[0].Position
	}
	return nil
}

// same compares all but the scheduling hints, which move without an event.
func same(a, b lock.Action) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// boxes compares the sealed boxes with what the last event about each says.
func boxes(a lock.Action, events []lock.Event) *TamperError {
	for _, s := range a.Secrets {
		sum := sha256.Sum256(s.Box)
		purged := len(s.SHA256) == 0
		var detail string
		switch {
		case purged && len(s.Box) > 0:
			detail = "secret %d (%s) was purged with this event, and has a box"
		case !purged && !bytes.Equal(sum[:], s.SHA256):
			detail = "the sealed box of secret %d (%s) is not the one that this event names, or is missing"
		default:
			continue
		}
		e := naming(events, s.N)
		return &TamperError{
			What: TamperedSecret, Position: e.Position, Upto: e.Position + 1, Action: a.ID, Seq: e.Seq, Detail: fmt.Sprintf(detail, s.N, s.Name),
		}
	}
	return nil
}

// naming returns the last event about a secret, which some event has brought into the action.
func naming(events []lock.Event, n int) lock.Event {
	for _, e := range slices.Backward(events) {
		if slices.ContainsFunc(e.Secrets, func(s lock.Secret) bool { return s.N == n }) {
			return e
		}
	}
	return lock.Event{Position: -1}
}

// keys looks up each idempotency key that the events name: it must lead to the action.
func (l *ledger) keys(ctx context.Context, a lock.Action, events []lock.Event) (*TamperError, error) {
	for _, e := range events {
		if e.Key == "" {
			continue
		}
		led, err := l.store.List(ctx, lock.Filter{Scope: a.Device.Scope, Key: e.Key, Limit: 1})
		if err != nil {
			return nil, fmt.Errorf("auditlog: look up the key of action %s: %w", a.ID, err)
		}
		if len(led) == 0 || led[0].ID != a.ID {
			return &TamperError{
				What: TamperedAction, Position: e.Position, Upto: e.Position + 1, Action: a.ID, Seq: e.Seq,
				Detail: "the idempotency key that this event names does not lead to the action",
			}, nil
		}
	}
	return nil, nil
}
