package postgres

import (
	"reflect"
	"slices"
	"strconv"
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

// arg adds an argument and returns its placeholder.
func (w *where) arg(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

// add adds a term if the filter asks for it. Each ? in it is an argument.
func (w *where) add(asked bool, term string, args ...any) {
	if !asked {
		return
	}
	for _, arg := range args {
		term = strings.Replace(term, "?", w.arg(arg), 1)
	}
	w.terms = append(w.terms, term)
}

// anyOf adds that the column has one of the values, if there are any.
func anyOf[T ~string](w *where, column string, values []T) {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	if len(texts) == 1 { // so that an index that goes on with the order can be used
		w.add(true, column+" = ?", texts[0])
		return
	}
	w.add(len(texts) > 0, column+" = ANY (?::text[])", texts)
}

// listing is the query of List. Its terms repeat what a partial index is limited to: a prepared plan cannot use it without.
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
	w.add(f.Before != "" && !byDue, "id < ?", string(f.Before))
	order := " ORDER BY id DESC LIMIT "
	switch {
	case byDue:
		order = " ORDER BY due, id LIMIT "
	case len(f.Devices) > 1: // else it would rather read a whole scope in the right order than sort the few actions of some devices
		order = " ORDER BY id || '' DESC LIMIT "
	}
	return "SELECT data, due, wake FROM actions" + w.text() + order + w.arg(f.PageSize()), w.args
}

// sealedBy adds that a key sealed a secret of the action. A ledger may have millions of those, and page after page asks for them: what is
// looked up stays within the page, if no other term can thin it out, and else below the cursor.
func (w *where) sealedBy(f lock.Filter) {
	alone := reflect.DeepEqual(f, lock.Filter{SealedBy: f.SealedBy, Before: f.Before, Limit: f.Limit})
	query, args := "SELECT DISTINCT action FROM secrets WHERE key_id = ?", []any{f.SealedBy}
	if f.Before != "" && f.DueBefore.IsZero() {
		query, args = query+" AND action < ?", append(args, string(f.Before))
	}
	if alone {
		query, args = query+" ORDER BY action DESC LIMIT ?", append(args, f.PageSize())
	}
	w.add(true, "id IN ("+query+")", args...)
}

// feed is the query of Events: by Seq for the events of one action, whether they have a position or not; else by position.
func feed(f lock.EventFilter) (query string, args []any) {
	w := &where{}
	if f.Action != "" {
		query = w.page("events e LEFT JOIN log l ON l.event = e.id", "e.seq", f)
	} else if types := slices.Compact(slices.Sorted(slices.Values(f.Types))); len(types) > 1 && len(f.Devices) == 0 {
		query = w.byType(types, f)
	} else {
		query = w.page(positioned, "l.position", f)
	}
	return query, w.args
}

const positioned = "log l JOIN events e ON e.id = l.event"

// page is the query of a page in the order of a column.
func (w *where) page(from, column string, f lock.EventFilter) string {
	w.terms = nil
	w.add(f.Action != "", "e.action = ?", string(f.Action))
	w.add(f.Scope != "", "e.scope = ?", f.Scope)
	anyOf(w, "e.device", f.Devices)
	w.add(f.Actor != "", "e.actor = ?", f.Actor)
	if f.Action != "" {
		anyOf(w, "e.type", f.Types)
	} else {
		anyOf(w, "l.type", f.Types)
	}
	direction := ""
	if f.Newest {
		direction = " DESC"
		w.add(f.From > 0, column+" < ?", f.From)
	} else {
		w.add(f.From > 0, column+" >= ?", f.From)
	}
	return "SELECT coalesce(l.position, -1) AS position, e.prev, e.hash, e.body FROM " + from + w.text() +
		" ORDER BY " + column + direction + " LIMIT " + w.arg(f.PageSize())
}

// byType takes a page of each type, which the index has in the order of the feed, and of these the first: few among millions of other events
// are found as fast as many. One statement sees one moment, so that a cursor passes nothing over.
func (w *where) byType(types []lock.EventType, f lock.EventFilter) string {
	var pages []string
	for _, t := range types {
		f.Types = []lock.EventType{t}
		pages = append(pages, "("+w.page(positioned, "l.position", f)+")")
	}
	query := strings.Join(pages, " UNION ALL ") + " ORDER BY position"
	if f.Newest {
		query += " DESC"
	}
	return query + " LIMIT " + w.arg(f.PageSize())
}
