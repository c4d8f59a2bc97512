package auditlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// listed reports whether queries by what an action says lead to it. Columns that are falsified hide an action from those who decide by them.
func (l *ledger) listed(ctx context.Context, a lock.Action) (bool, error) {
	const tries = 10 // it may move while it is read; what nobody works on does not
	for range tries {
		found, err := l.leads(ctx, a)
		if found || err != nil {
			return found, err
		}
		now, err := l.store.Get(ctx, a.ID)
		if err != nil {
			return false, fmt.Errorf("auditlog: read action %s: %w", a.ID, err)
		}
		if now.Version == a.Version {
			return false, nil
		}
		a = now
	}
	return true, nil
}

// leads asks for an action by all that it says, and by each key that sealed a secret of it.
func (l *ledger) leads(ctx context.Context, a lock.Action) (bool, error) {
	created := a.Created.Truncate(time.Microsecond)
	filters := []lock.Filter{{
		Scope: a.Device.Scope, Devices: []string{a.Device.ID}, Serial: a.Device.Serial, Actor: a.By.ID, Kinds: []lock.Kind{a.Kind},
		States: []lock.State{a.State}, Live: a.Lane != "", Batch: a.Batch, Ref: a.Ref, CreatedFrom: created, CreatedTo: created.Add(time.Microsecond),
	}}
	for _, s := range a.Secrets {
		if s.KeyID != "" {
			filters = append(filters, lock.Filter{SealedBy: s.KeyID})
		}
	}
	for _, f := range filters {
		f.Before, f.Limit = a.ID+"\x01", 1 // the first that is not above it
		page, err := l.store.List(ctx, f)
		if err != nil {
			return false, fmt.Errorf("auditlog: list action %s by what it says: %w", a.ID, err)
		}
		if len(page) == 0 || page[0].ID != a.ID {
			return false, nil
		}
	}
	return true, nil
}

// holdTypes are the notices that purges decide by.
func holdTypes() []lock.EventType {
	return []lock.EventType{lock.EventHoldPlaced, lock.EventHoldLifted}
}

// isHold reports whether an event places or lifts a legal hold.
func isHold(body []byte) bool {
	if !bytes.Contains(body, []byte(`"hold-`)) {
		return false
	}
	var e struct {
		Type lock.EventType `json:"type"`
	}
	return json.Unmarshal(body, &e) == nil && slices.Contains(holdTypes(), e.Type)
}

// holds compares the notices of legal holds that the feed has, at these positions, with those that a query for them lists.
func (l *ledger) holds(ctx context.Context, positions []int64) (*TamperError, error) {
	f := lock.EventFilter{Types: holdTypes(), Limit: pageEntries}
	for {
		page, err := l.store.Events(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("auditlog: list legal holds from position %d: %w", f.From, err)
		}
		more := len(page) == f.PageSize()
		for _, e := range page {
			if e.Position >= l.report.Events { // committed since
				more = false
				break
			}
			if found, err := l.hold(ctx, e, positions); found != nil || err != nil {
				return found, err
			}
			positions = positions[1:]
			f.From = e.Position + 1
		}
		if !more {
			break
		}
	}
	if len(positions) > 0 {
		return missingHold(positions[0]), nil
	}
	return nil, nil
}

func missingHold(position int64) *TamperError {
	return unlisted(position, "it is a legal hold, or the end of one, and is not listed as such")
}

// hold compares a notice that is listed with the first of those that are left, and asks for it by its own scope and type.
func (l *ledger) hold(ctx context.Context, e lock.Event, left []int64) (*TamperError, error) {
	switch {
	case len(left) == 0 || e.Position < left[0]:
		return unlisted(e.Position, fmt.Sprintf("it is listed as a legal hold, or the end of one, and is an event of type %q", e.Type)), nil
	case e.Position > left[0]:
		return missingHold(left[0]), nil
	}
	own, err := l.store.Events(ctx, lock.EventFilter{Scope: e.Scope, Types: []lock.EventType{e.Type}, From: e.Position, Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("auditlog: list the legal hold at position %d: %w", e.Position, err)
	}
	if len(own) == 0 || own[0].Position != e.Position {
		return unlisted(e.Position, fmt.Sprintf("it is a legal hold, or the end of one, in scope %q, and is not listed there as such", e.Scope)), nil
	}
	return nil, nil
}

func unlisted(position int64, detail string) *TamperError {
	return &TamperError{What: TamperedListing, Position: position, Upto: position + 1, Detail: detail}
}
