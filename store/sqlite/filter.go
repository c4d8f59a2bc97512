package sqlite

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// where collects the terms of a WHERE clause, and their arguments.
type where struct {
	terms []string
	args  []any
}

func (w *where) text() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

// add adds a term if the filter asks for it.
func (w *where) add(asked bool, term string, args ...any) {
	if asked {
		w.terms, w.args = append(w.terms, term), append(w.args, args...)
	}
}

// anyOf adds that the column has one of the values, if there are any.
func anyOf[T ~string](w *where, column string, values []T) {
	if len(values) == 1 { // so that an index that goes on with the order can be used
		w.add(true, column+" = ?", string(values[0]))
		return
	}
	list, _ := json.Marshal(values) // strings always have a JSON form
	w.add(len(values) > 0, column+" IN (SELECT value FROM json_each(?))", string(list))
}

// listing is the query of List. Its terms repeat what a partial index is limited to: without that SQLite cannot use the index.
func listing(f lock.Filter) (query string, args []any) {
	w := &where{}
	w.add(f.Scope != "", "scope = ?", f.Scope)
	anyOf(w, "device", f.Devices)
	w.add(f.Serial != "", "serial = ? AND serial <> ''", f.Serial)
	w.add(f.Actor != "", "actor = ?", f.Actor)
	anyOf(w, "kind", f.Kinds)
	anyOf(w, "state", f.States)
	w.add(f.Live, "lane IS NOT NULL")
	w.add(f.Batch != "", "batch = ? AND batch <> ''", f.Batch)
	w.add(f.Key != "" && f.Scope == "", "id IN (SELECT action FROM keys WHERE key = ?)", f.Key)
	w.add(f.Key != "" && f.Scope != "", "id IN (SELECT action FROM keys WHERE scope = ? AND key = ?)", f.Scope, f.Key)
	w.add(f.Ref != "", "ref = ? AND ref <> ''", f.Ref)
	if f.SealedBy != "" {
		w.sealedBy(f)
	}
	w.add(!f.CreatedFrom.IsZero(), "created >= ?", f.CreatedFrom.UnixMicro())
	w.add(!f.CreatedTo.IsZero(), "created < ?", f.CreatedTo.UnixMicro())
	byDue := !f.DueBefore.IsZero()
	w.add(byDue, "due <= ?", f.DueBefore.UnixMicro())
	w.add(f.Before != "" && !byDue, "id < ?", f.Before)
	order := " ORDER BY id DESC LIMIT ?"
	if byDue {
		order = " ORDER BY due, id LIMIT ?"
	}
	return "SELECT data, due, wake FROM actions" + through(f) + w.text() + order, append(w.args, f.PageSize())
}

// sealedBy adds that a key sealed a secret of the action. A ledger may have millions of those, and page after page asks for them: what is
// looked up stays within the page, if no other term can thin it out, and else below the cursor.
func (w *where) sealedBy(f lock.Filter) {
	alone := reflect.DeepEqual(f, lock.Filter{SealedBy: f.SealedBy, Before: f.Before, Limit: f.Limit})
	query, args := "SELECT DISTINCT action FROM secrets WHERE key_id = ?", []any{f.SealedBy}
	if f.Before != "" && f.DueBefore.IsZero() {
		query, args = query+" AND action < ?", append(args, f.Before)
	}
	if alone {
		query, args = query+" ORDER BY action DESC LIMIT ?", append(args, f.PageSize())
	}
	w.add(true, "id IN ("+query+")", args...)
}

// through names the index where it must not be left to SQLite, which without statistics would rather read a whole scope in the right
// order than sort the few actions of a device.
func through(f lock.Filter) string {
	switch {
	case f.Scope == "":
		return ""
	case f.Live:
		return " INDEXED BY actions_lane"
	case len(f.Devices) > 0:
		return " INDEXED BY actions_device"
	default:
		return ""
	}
}

// feed is the query of Events: by Seq for the events of one action, else by position.
func feed(f lock.EventFilter) (query string, args []any) {
	const mostTypes = 100 // there are fewer, and SQLite joins 500 pages at most
	if f.Action == "" && len(f.Devices) == 0 && len(f.Types) > 1 && len(f.Types) <= mostTypes {
		return byType(f)
	}
	w := &where{}
	column, direction := "position", ""
	if f.Action != "" {
		column = "seq"
	}
	w.add(f.Action != "", "action = ?", f.Action)
	w.add(f.Scope != "", "scope = ?", f.Scope)
	anyOf(w, "device", f.Devices)
	w.add(f.Actor != "", "actor = ?", f.Actor)
	anyOf(w, "type", f.Types)
	if f.Newest {
		direction = " DESC"
		w.add(f.From > 0, column+" < ?", f.From)
	} else {
		w.add(f.From > 0, column+" >= ?", f.From)
	}
	from := "events"
	switch { // as in through
	case f.Action != "":
	case f.Scope != "" && len(f.Devices) > 0:
		from += " INDEXED BY events_device"
	case len(f.Types) == 1:
		from += " INDEXED BY events_type"
	}
	query = "SELECT position, prev, hash, body FROM " + from + w.text() + " ORDER BY " + column + direction + " LIMIT ?"
	return query, append(w.args, f.PageSize())
}

// byType takes a page of each type, which the index has in the order of the feed, and of these the first: few among millions of other events
// are found as fast as many. One statement sees one moment, so that a cursor passes nothing over.
func byType(f lock.EventFilter) (query string, args []any) {
	types := slices.Clone(f.Types)
	slices.Sort(types)
	var pages []string
	for _, t := range slices.Compact(types) {
		f.Types = []lock.EventType{t}
		page, more := feed(f)
		pages, args = append(pages, "SELECT * FROM ("+page+")"), append(args, more...)
	}
	query = strings.Join(pages, " UNION ALL ") + " ORDER BY position"
	if f.Newest {
		query += " DESC"
	}
	return query + " LIMIT ?", append(args, f.PageSize())
}
