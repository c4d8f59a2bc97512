package postgres

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

// batch is a call of Commit.
type batch struct {
	records []record // in the order in which they are written
	errs    []error  // by change
}

// record is a change that has the right form.
type record struct {
	lock.Change
	result *error   // what becomes of it
	data   [][]byte // of the actions, as they are stored
}

// encode takes the changes in the order in which they are written. Those that are malformed have their error already.
func encode(changes []lock.Change) batch {
	b := batch{errs: make([]error, len(changes))}
	for _, i := range change.Order(changes) {
		r := record{Change: changes[i], result: &b.errs[i]}
		if err := r.encode(); err != nil {
			b.errs[i] = err
			continue
		}
		b.records = append(b.records, r)
	}
	return b
}

func (r *record) encode() error {
	if err := change.Check(r.Change); err != nil {
		return err
	}
	if err := r.storable(); err != nil || len(r.Events) == 0 {
		return err
	}
	r.data = make([][]byte, len(r.Actions))
	for i, a := range r.Actions {
		var err error
		if r.data[i], err = change.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// own leaves nothing of the caller's memory in the record, for a caller who may be gone before it is written.
func (r *record) own() {
	r.Actions, r.Events = slices.Clone(r.Actions), slices.Clone(r.Events)
	for i := range r.Actions {
		a := &r.Actions[i]
		a.Secrets = slices.Clone(a.Secrets)
		for k := range a.Secrets {
			a.Secrets[k].Box = bytes.Clone(a.Secrets[k].Box)
		}
	}
	for i := range r.Events {
		e := &r.Events[i]
		e.Secrets = slices.Clone(e.Secrets)
		e.Body, e.Prev, e.Hash = bytes.Clone(e.Body), bytes.Clone(e.Prev), bytes.Clone(e.Hash)
	}
}

// storable refuses what PostgreSQL cannot keep, which would fail the whole batch: texts that are not UTF-8 or contain a zero byte, and those
// that are too long for an index together.
func (r *record) storable() error {
	for _, a := range r.Actions {
		scope, device, id := a.Device.Scope, a.Device.ID, string(a.ID)
		err := check("action", []string{scope, device, id, a.Lane}, []string{a.Device.Serial, id}, []string{a.Batch, id}, []string{a.Ref, id},
			[]string{scope, r.Key}, []string{a.By.ID, string(a.Kind), string(a.State)})
		if err != nil {
			return err
		}
	}
	for _, e := range r.Events {
		if repeats(e.Secrets) {
			return &lock.InputError{Field: "event", Rule: "must name a secret once"}
		}
		entries := [][]string{{e.Scope, e.Device}, {e.Actor.ID, string(e.Type)}}
		for _, s := range e.Secrets {
			entries = append(entries, []string{s.KeyID, string(e.Action)})
		}
		if err := check("event", entries...); err != nil {
			return err
		}
	}
	return nil
}

func repeats(secrets []lock.Secret) bool {
	for i, s := range secrets {
		if slices.ContainsFunc(secrets[:i], func(before lock.Secret) bool { return before.N == s.N }) {
			return true
		}
	}
	return false
}

// indexed is how many bytes an entry of an index may have. PostgreSQL's limit is 2,704 with what it adds.
const indexed = 2600

func check(field string, entries ...[]string) error {
	for _, texts := range entries {
		size := 0
		for _, text := range texts {
			size += len(text)
			if !isText(text) {
				return &lock.InputError{Field: field, Rule: "must have texts of valid UTF-8 without zero bytes"}
			}
		}
		if size > indexed {
			return &lock.InputError{Field: field, Rule: "must have names of at most " + strconv.Itoa(indexed) + " bytes together"}
		}
	}
	return nil
}

// isText reports whether PostgreSQL can keep it as text.
func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
