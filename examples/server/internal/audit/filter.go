package audit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Filter selects events of the server's scope, whatever its Scope says.
type Filter struct {
	lock.EventFilter
	Since time.Time // not before it
	Until time.Time // before it
}

// Events of one action are by Seq, and others by position, which is not the order of their times: clocks differ, and are set. So times are
// compared one by one.
const (
	step      = 1000   // events that are read at once when times are compared
	maxLooked = 20_000 // and for one page
)

func (f Filter) timed() bool { return !f.Since.IsZero() || !f.Until.IsZero() }

func (f Filter) has(e lock.Event) bool {
	return !e.Time.Before(f.Since) && (f.Until.IsZero() || e.Time.Before(f.Until))
}

// behind is From for what comes after an event; 0: nothing does.
func (f Filter) behind(e lock.Event) int64 {
	at := e.Position
	if f.Action != "" {
		at = int64(e.Seq)
	}
	if f.Newest {
		return at
	}
	return at + 1
}

// facts are the filter as it is recorded.
func (f Filter) facts() map[string]string {
	facts := map[string]string{}
	put := func(name, value string) {
		if value != "" {
			facts[name] = value
		}
	}
	var types []string
	for _, t := range f.Types {
		types = append(types, string(t))
	}
	put("action", string(f.Action))
	put("devices", strings.Join(f.Devices, " "))
	put("types", strings.Join(types, " "))
	put("actor", f.Actor)
	for name, t := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !t.IsZero() {
			put(name, t.UTC().Format(time.RFC3339))
		}
	}
	if f.From != 0 {
		put("from", strconv.FormatInt(f.From, 10))
	}
	return facts
}

// Page returns events in the order of lock.EventFilter, and with which From the next page begins; 0: there is no more. With times a page may
// have fewer events than the limit, even none, and still not be the last. That it was read is on record, unless it is of one action: that is
// no more than to view it.
func (t *Trail) Page(ctx context.Context, a lock.Actor, f Filter) (found []lock.Event, next int64, err error) {
	if found, next, err = t.page(ctx, a, f); err != nil || f.Action != "" {
		return found, next, err
	}
	facts := f.facts()
	facts["events"] = strconv.Itoa(len(found))
	if err := t.note(ctx, a, facts); err != nil {
		return nil, 0, err
	}
	return found, next, nil
}

func (t *Trail) page(ctx context.Context, a lock.Actor, f Filter) (found []lock.Event, next int64, err error) {
	f.Scope = t.Scope
	want := f.PageSize()
	if f.timed() {
		f.Limit = step
	}
	for looked := 0; looked < maxLooked; looked += f.PageSize() {
		rows, err := t.events(ctx, a, f.EventFilter)
		if err != nil {
			return nil, 0, fmt.Errorf("read the events: %w", err)
		}
		for _, e := range rows {
			f.From = f.behind(e)
			if f.has(e) {
				found = append(found, e)
			}
			if len(found) == want {
				return found, f.From, nil
			}
		}
		if len(rows) < f.PageSize() || f.From == 0 {
			return found, 0, nil
		}
	}
	return found, f.From, nil
}

// each calls do for all events that match, in pages. The first page has been read before anything is recorded, so that a filter that cannot
// be is not, and who may not read has read nothing.
func (t *Trail) each(ctx context.Context, a lock.Actor, f Filter, format Format, do func(lock.Event) error) error {
	f.Limit = step
	found, next, err := t.page(ctx, a, f)
	if err != nil {
		return err
	}
	facts := f.facts()
	facts[factKind], facts["format"] = kindExport, string(format)
	if err := t.note(ctx, a, facts); err != nil {
		return err
	}
	for {
		for _, e := range found {
			if err := do(e); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		f.From = next
		if found, next, err = t.page(ctx, a, f); err != nil {
			return err
		}
	}
}
