package group

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Import says what an import did, or would do.
type Import struct {
	Rows    int           // in the file
	Already int           // of them that say what is so already
	Created []string      // paths of the groups that are new, in their order
	Added   []ImportGroup // whose members become more, by path
}

// Members is how many memberships are new.
func (i Import) Members() (n int) {
	for _, g := range i.Added {
		n += len(g.Members)
	}
	return n
}

// ImportGroup is the new members of one group.
type ImportGroup struct {
	Path    string
	Members []string // IDs of devices, or names of users, in the order of their bytes

	id string
}

// Import adds members to groups as the rows of a file say, and makes the groups that are not there; it takes nobody out. All of it is done or,
// when a line cannot be, nothing: then the error is a *FileError. What is added is on record before. Without apply it is a preview, and changes
// nothing.
func (s *Store) Import(ctx context.Context, a lock.Actor, kind Kind, rows []Row, apply bool) (Import, error) {
	if err := s.allow(ctx, a, VerbEdit); err != nil {
		return Import{}, err
	}
	p, err := s.plan(ctx, s.DB.Readers, a, kind, rows, nil)
	if err != nil || !apply || len(p.report.Created)+len(p.report.Added) == 0 {
		return p.report, err
	}
	if err := s.noteImport(ctx, a, kind, p.report); err != nil {
		return Import{}, err
	}
	err = s.DB.Write(ctx, func(tx *sql.Tx) error {
		now, err := s.plan(ctx, tx, a, kind, rows, p.made)
		if err != nil {
			return err
		}
		p.report = now.report
		return now.write(ctx, tx, s)
	})
	return p.report, err
}

// plan is what becomes of the rows of a file.
type plan struct {
	kind    Kind
	tree    *tree
	made    map[string]string // IDs of the groups that are new, by path
	fresh   []node
	paths   map[string]string          // IDs of all groups, by path
	members map[string]map[string]bool // of each group, by ID, that are in it already
	added   map[string]map[string]bool // those that come into it, by path
	names   map[string][]string        // IDs of devices by what a row may call them
	report  Import
	bad     FileError
}

// plan finds out what the rows change. IDs gives the IDs of groups that an earlier plan wanted to make.
func (s *Store) plan(ctx context.Context, q querier, a lock.Actor, kind Kind, rows []Row, ids map[string]string) (*plan, error) {
	p := &plan{
		kind: kind, made: maps.Clone(ids), paths: map[string]string{}, members: map[string]map[string]bool{}, added: map[string]map[string]bool{},
		report: Import{Rows: len(rows)},
	}
	if p.made == nil {
		p.made = map[string]string{}
	}
	var err error
	if p.tree, err = load(ctx, q, a, kind); err != nil {
		return p, fmt.Errorf("read the groups: %w", err)
	}
	if p.names, err = s.devicesCalled(ctx, q, a, kind, rows); err != nil {
		return p, err
	}
	for _, g := range p.tree.list() {
		if p.paths[g.Path] == "" { // of two that a restricted account sees at its top under one name, the first
			p.paths[g.Path] = g.ID
		}
	}
	for _, row := range rows {
		if err := p.take(ctx, q, row); err != nil {
			return p, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(p.added)) {
		if len(p.added[path]) > 0 {
			p.report.Added = append(p.report.Added, ImportGroup{path, slices.Sorted(maps.Keys(p.added[path])), p.paths[path]})
		}
	}
	return p, p.bad.wrong()
}

// take adds what one row changes.
func (p *plan) take(ctx context.Context, q querier, row Row) (err error) {
	member, rule := p.member(row)
	id, refused := p.group(row.Path)
	if rule = cmp.Or(rule, refused); rule != "" {
		p.bad.add(row.Line, rule)
		return nil
	}
	if p.added[row.Path] == nil {
		p.added[row.Path] = map[string]bool{}
		if p.members[id], err = membersIn(ctx, q, id); err != nil {
			return err
		}
	}
	if p.members[id][member] || p.added[row.Path][member] {
		p.report.Already++
	} else {
		p.added[row.Path][member] = true
	}
	return nil
}

// member is whom a row means.
func (p *plan) member(row Row) (id, rule string) {
	if p.kind == Users {
		return row.Member, ""
	}
	switch ids := p.names[row.Member]; {
	case slices.Contains(ids, row.Member):
		return row.Member, ""
	case len(ids) == 1:
		return ids[0], ""
	case len(ids) > 1:
		return "", "device must be given by its ID: more than one has this serial number"
	default:
		return "", "device must be the ID or the serial number of one that is in the inventory"
	}
}

// group is the ID of the group of a path, which is made with what is above it when it is not there.
func (p *plan) group(path string) (id, rule string) {
	if id := p.paths[path]; id != "" {
		return id, ""
	}
	parent, name := "", path
	if i := strings.LastIndex(path, "/"); i >= 0 {
		if parent, rule = p.group(path[:i]); rule != "" {
			return "", rule
		}
		name = path[i+1:]
	}
	n := node{id: cmp.Or(p.made[path], strings.ToLower(rand.Text()[:16])), name: name, parent: parent}
	if err := p.tree.check(n); err != nil {
		return "", "group cannot be made: " + ruleOf(err)
	}
	p.tree.add(n)
	p.fresh = append(p.fresh, n)
	p.paths[path], p.made[path] = n.id, n.id
	p.report.Created = append(p.report.Created, path)
	return n.id, ""
}

// ruleOf is the text of an error of check.
func ruleOf(err error) string {
	if err == ErrTaken { //nolint:errorlint // check returns it as it is
		return "there is one with this name in other capitals"
	}
	return err.Error()
}

// devicesCalled looks up the devices of a file by ID and serial number, of those that the actor sees.
func (s *Store) devicesCalled(ctx context.Context, q querier, a lock.Actor, kind Kind, rows []Row) (map[string][]string, error) {
	if kind == Users {
		return nil, nil //nolint:nilnil // there is nothing to look up
	}
	called := make([]string, len(rows))
	for i, row := range rows {
		called[i] = row.Member
	}
	found, err := q.QueryContext(ctx, `SELECT d.id, d.serial FROM server_devices d WHERE d.removed = 0 AND `+Visible("d.id", "$1")+`
		AND (d.id IN (`+s.DB.Texts("$2")+`) OR d.serial IN (`+s.DB.Texts("$2")+`))`, a.ID, list(called))
	if err != nil {
		return nil, fmt.Errorf("look up devices: %w", err)
	}
	defer func() { _ = found.Close() }()
	names := map[string][]string{}
	for found.Next() {
		var id, serial string
		if err := found.Scan(&id, &serial); err != nil {
			return nil, fmt.Errorf("look up devices: %w", err)
		}
		names[id] = append(names[id], id)
		if serial != id {
			names[serial] = append(names[serial], id)
		}
	}
	return names, found.Err()
}

func membersIn(ctx context.Context, q querier, id string) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, `SELECT member FROM server_group_members WHERE grp = $1`, id)
	found, err := texts(rows, err)
	if err != nil {
		return nil, fmt.Errorf("read the members: %w", err)
	}
	return found, nil
}

// write makes the groups and adds the members.
func (p *plan) write(ctx context.Context, tx *sql.Tx, s *Store) error {
	for _, n := range p.fresh {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_groups (id, kind, name, parent) VALUES ($1, $2, $3, $4)`,
			n.id, string(p.kind), n.name, n.parent)
		if err != nil {
			return fmt.Errorf("write the groups: %w", err)
		}
	}
	for _, g := range p.report.Added {
		//nolint:gosec // constants, and $ placeholders
		_, err := tx.ExecContext(ctx, `INSERT INTO server_group_members (grp, member) SELECT CAST($1 AS TEXT), t.value FROM (`+
			s.DB.Texts("$2")+`) AS t WHERE true ON CONFLICT DO NOTHING`, g.id, list(g.Members))
		if err != nil {
			return fmt.Errorf("write the members: %w", err)
		}
	}
	return nil
}

// A notice has at most 32 facts of 1,024 bytes each.
const (
	noteFacts = 20
	noteBytes = 1000
)

// noteImport records which groups are made, and who comes into which: as many notices as that takes.
func (s *Store) noteImport(ctx context.Context, a lock.Actor, kind Kind, report Import) error {
	facts := map[string]string{
		"kind": "imported", "groups": strconv.Itoa(len(report.Created)), "members": strconv.Itoa(report.Members()),
	}
	if err := s.note(ctx, a, kind, facts); err != nil {
		return err
	}
	for chunk := range slices.Chunk(pack(report.Created), noteFacts) {
		if err := s.note(ctx, a, kind, numbered(chunk, map[string]string{"kind": "created"})); err != nil {
			return err
		}
	}
	for _, g := range report.Added {
		for chunk := range slices.Chunk(pack(g.Members), noteFacts) {
			facts := numbered(chunk, map[string]string{"kind": "member-added", "group": g.id, "path": g.Path})
			if err := s.note(ctx, a, kind, facts); err != nil {
				return err
			}
		}
	}
	return nil
}

// numbered adds facts that have lists.
func numbered(lists []string, facts map[string]string) map[string]string {
	for i, text := range lists {
		facts[fmt.Sprintf("list_%02d", i+1)] = text
	}
	return facts
}

// pack puts texts into JSON lists, each of which a fact has room for.
func pack(texts []string) (lists []string) {
	var some []string
	size := 2
	flush := func() {
		if len(some) > 0 {
			out, _ := json.Marshal(some) // strings always have a JSON form
			lists, some, size = append(lists, string(out)), nil, 2
		}
	}
	for _, text := range texts {
		quoted, _ := json.Marshal(text)
		if size+len(quoted)+1 > noteBytes {
			flush()
		}
		some, size = append(some, text), size+len(quoted)+1
	}
	flush()
	return lists
}
