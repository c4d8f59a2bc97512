package postgres

import (
	_ "embed" // the statements
	"encoding/hex"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/internal/change"
)

var (
	//go:embed queries/insert_actions.sql
	insertActions string
	//go:embed queries/update_actions.sql
	updateActions string
	//go:embed queries/update_hints.sql
	updateHints string
	//go:embed queries/insert_notices.sql
	insertNotices string
)

// table has the arguments of a statement by column: each is a *[]string, *[]int64, *[][]byte or *[]bool, as long as there are rows.
type table []any

// with returns the table with one row more, which has a value for each column. No value may be nil.
func (t table) with(values ...any) table {
	if t == nil {
		t = make(table, len(values))
	}
	for i, value := range values {
		column := &t[i]
		switch value := value.(type) {
		case string:
			add(column, value)
		case int64:
			add(column, value)
		case []byte:
			add(column, value)
		case bool:
			add(column, value)
		}
	}
	return t
}

func add[T any](column *any, value T) {
	values, ok := (*column).(*[]T)
	if !ok {
		values = new([]T)
		*column = values
	}
	*values = append(*values, value)
}

// missing are changes of which not every row was written.
type missing map[*record]bool

// step is one statement that writes what it can, and returns the name of each row that it wrote. A row that is missing makes its change a
// conflict.
type step struct {
	rows   table
	names  []string  // by row
	owners []*record // by row: the change that it belongs to
}

func (s *step) add(owner *record, name string, values ...any) {
	s.rows = s.rows.with(values...)
	s.names, s.owners = append(s.names, name), append(s.owners, owner)
}

// queue adds the statement to the batch, if it has rows to write. When that has run, missing has the changes whose rows were not all written.
func (s *step) queue(b *pgx.Batch, missing missing, query string, more ...any) {
	if len(s.names) == 0 {
		return
	}
	b.Queue(query, append(s.rows, more...)...).Query(func(rows pgx.Rows) error {
		written := make(map[string]bool, len(s.names))
		for rows.Next() {
			written[string(rows.RawValues()[0])] = true
		}
		for i, name := range s.names {
			if !written[name] {
				missing[s.owners[i]] = true
			}
		}
		return rows.Err()
	})
}

// steps are the statements of changes, or of a part of one, that are written together.
type steps struct {
	inserts, updates, hints, notices step
	added, moved                     table // the secrets of inserts and of updates
}

// action adds the k-th action of the change, with its event and the secrets that the event names, and the key of the change with the first.
func (s *steps) action(r *record, k int) {
	a := r.Actions[k]
	id, version, due, wake := string(a.ID), int64(a.Version), a.Due.UnixMicro(), int64(a.Wake)
	if len(r.Events) == 0 {
		s.hints.add(r, id, id, version, due, wake)
		return
	}
	key := ""
	if k == 0 {
		key = r.Key
	}
	write, secrets := &s.updates, &s.moved
	if a.Version == 1 {
		write, secrets = &s.inserts, &s.added
	}
	e := r.Events[k]
	write.add(r, id, id, version, a.Device.Scope, a.Device.ID, a.Device.Serial, a.By.ID, string(a.Kind), string(a.State), a.Lane, a.Batch,
		a.Ref, a.Created.UnixMicro(), due, wake, r.data[k], key,
		string(e.Type), e.Time.UnixMicro(), e.Device, e.Actor.ID, e.Prev, e.Hash, present(e.Body))
	for _, named := range e.Secrets {
		*secrets = secrets.with(id, int64(named.N), named.KeyID, present(change.Box(a, named.N)), change.Replaces(e))
	}
}

func (s *steps) notice(r *record, e lock.Event) {
	s.notices.add(r, hex.EncodeToString(e.Hash), string(e.Type), e.Time.UnixMicro(), e.Scope, e.Device, e.Actor.ID, e.Prev, e.Hash,
		present(e.Body))
}

// queue adds those statements that have a row to write.
func (s *steps) queue(b *pgx.Batch, missing missing) {
	s.inserts.queue(b, missing, insertActions, s.added.secrets()...)
	s.updates.queue(b, missing, updateActions, s.moved.secrets()...)
	s.hints.queue(b, missing, updateHints)
	s.notices.queue(b, missing, insertNotices)
}

// secrets are the columns of secrets, also when there are none.
func (t table) secrets() []any {
	if t == nil {
		return []any{[]string{}, []int64{}, []string{}, [][]byte{}, []bool{}}
	}
	return t
}

// present is the bytes, empty when there are none: nil would be NULL.
func present(bytes []byte) []byte {
	if bytes == nil {
		return []byte{}
	}
	return bytes
}
