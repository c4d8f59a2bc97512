package group

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// node is a group as it is kept.
type node struct{ id, name, parent string }

// tree is all groups of a kind, with what an actor sees of them.
type tree struct {
	kind    Kind
	nodes   map[string]node
	below   map[string][]node // by parent, by name
	members map[string]int
	whole   bool            // the actor sees all
	roots   map[string]bool // else these, and what is below
	held    map[string]bool // accounts are restricted to these
}

// load reads the groups of a kind for an actor.
func load(ctx context.Context, q querier, a lock.Actor, kind Kind) (*tree, error) {
	t := &tree{kind: kind, nodes: map[string]node{}, below: map[string][]node{}, members: map[string]int{}}
	if err := t.narrow(ctx, q, a); err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `SELECT id, name, parent, (SELECT count(*) FROM server_group_members m WHERE m.grp = g.id)
		FROM server_groups g WHERE kind = $1`, string(kind))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var n node
		var members int
		if err := rows.Scan(&n.id, &n.name, &n.parent, &members); err != nil {
			return nil, err
		}
		t.add(n)
		t.members[n.id] = members
	}
	for _, children := range t.below {
		slices.SortFunc(children, func(x, y node) int { return cmp.Compare(x.name, y.name) })
	}
	return t, rows.Err()
}

// narrow finds out what the actor sees. One without an account sees nothing.
func (t *tree) narrow(ctx context.Context, q querier, a lock.Actor) error {
	rows, err := q.QueryContext(ctx, `SELECT '' FROM server_accounts WHERE name = $1 AND restricted = 0
		UNION ALL SELECT grp FROM server_account_groups WHERE account = $1`, a.ID)
	if t.roots, err = texts(rows, err); err != nil {
		return err
	}
	t.whole = t.roots[""]
	rows, err = q.QueryContext(ctx, `SELECT DISTINCT grp FROM server_account_groups`)
	t.held, err = texts(rows, err)
	return err
}

// texts reads a query of one column.
func texts(rows *sql.Rows, err error) (map[string]bool, error) {
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	found := map[string]bool{}
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		found[text] = true
	}
	return found, rows.Err()
}

func (t *tree) add(n node) {
	t.nodes[n.id] = n
	t.below[n.parent] = append(t.below[n.parent], n)
}

// top are the groups at the top of what the actor sees.
func (t *tree) top() []node {
	if t.whole {
		return t.below[""]
	}
	var top []node
	for id := range t.roots {
		n, known := t.nodes[id]
		if known && !t.sees(n.parent) { // else it comes below that one
			top = append(top, n)
		}
	}
	slices.SortFunc(top, func(x, y node) int { return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.id, y.id)) })
	return top
}

// sees reports whether the actor sees a group.
func (t *tree) sees(id string) bool {
	for range MaxDepth {
		n, known := t.nodes[id]
		switch {
		case !known:
			return false
		case t.whole, t.roots[id]:
			return true
		}
		id = n.parent
	}
	return false
}

// list are the groups that the actor sees.
func (t *tree) list() []Group {
	var all []Group
	var walk func(nodes []node, above Group)
	walk = func(nodes []node, above Group) {
		for _, n := range nodes {
			g := Group{ID: n.id, Name: n.name, Parent: above.ID, Path: n.name, Members: t.members[n.id]}
			if above.ID != "" {
				g.Path, g.Depth = above.Path+"/"+n.name, above.Depth+1
			}
			all = append(all, g)
			if g.Depth < MaxDepth { // there is no more, and a loop would have no end
				walk(t.below[n.id], g)
			}
		}
	}
	walk(t.top(), Group{})
	return all
}

// find is one of them.
func (t *tree) find(id string) (Group, error) {
	if !t.sees(id) {
		return Group{}, errNoGroup
	}
	n := t.nodes[id]
	g := Group{ID: n.id, Name: n.name, Path: n.name, Members: t.members[id]}
	if t.sees(n.parent) {
		g.Parent = n.parent
	}
	for t.sees(n.parent) && g.Depth < MaxDepth {
		n = t.nodes[n.parent]
		g.Path, g.Depth = n.name+"/"+g.Path, g.Depth+1
	}
	return g, nil
}

// height is how many levels of groups there are from this one down.
func (t *tree) height(id string, limit int) int {
	most := 0
	for _, n := range t.below[id] {
		if limit > 0 {
			most = max(most, t.height(n.id, limit-1))
		}
	}
	return most + 1
}

// above is how many groups there are from the top down to this one, and whether another one is among them.
func (t *tree) above(id, other string) (levels int, passes bool) {
	for id != "" && levels <= MaxDepth {
		passes = passes || id == other
		id = t.nodes[id].parent
		levels++
	}
	return levels, passes
}

// check says why a group cannot be there under this name, which may be there already under another, or elsewhere.
func (t *tree) check(n node) error {
	if err := checkName(n.name); err != nil {
		return err
	}
	if t.kind == Users && n.parent != "" {
		return &lock.InputError{Field: "parent", Rule: "must be left out: user groups have no groups below them"}
	}
	if rule := t.checkPlace(n); rule != "" {
		return &lock.InputError{Field: "parent", Rule: rule}
	}
	if _, known := t.nodes[n.id]; !known && len(t.nodes) >= MaxGroups {
		return &lock.InputError{Field: "name", Rule: fmt.Sprintf("must not be that of one more group: there are %d, which is the limit", MaxGroups)}
	}
	if slices.ContainsFunc(t.below[n.parent], func(o node) bool { return o.id != n.id && strings.EqualFold(o.name, n.name) }) {
		return ErrTaken
	}
	return nil
}

// checkPlace is the rule that the place of a group breaks, if it breaks one.
func (t *tree) checkPlace(n node) string {
	old, known := t.nodes[n.id]
	levels, loops := t.above(n.parent, n.id)
	mine := func(parent string) bool { return t.whole || t.sees(parent) } // of one at the top the parent is nothing, which nobody sees
	switch moved := !known || old.parent != n.parent; {
	case moved && !mine(n.parent):
		return "must be one of your groups"
	case moved && n.parent != "" && !t.sees(n.parent):
		return "must be a group that is there"
	case moved && known && !mine(old.parent):
		return "cannot change: what is above this group is not yours"
	case known && loops:
		return "must not be the group itself, or one below it"
	case levels+t.height(n.id, MaxDepth) > MaxDepth:
		return fmt.Sprintf("must not lead to more than %d groups from the top to the lowest", MaxDepth)
	}
	return ""
}

func checkName(name string) error {
	if strings.Contains(name, "/") {
		return &lock.InputError{Field: "name", Rule: "must not have a slash: it separates the names of a path"}
	}
	return checkLine("name", name, MaxName)
}

// checkLine holds a text to one line of at most so many characters.
func checkLine(field, text string, limit int) error {
	var rule string
	switch {
	case text == "":
		rule = "is required"
	case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
		rule = "must be text of one line"
	case strings.TrimSpace(text) != text:
		rule = "must not begin or end with a space"
	case utf8.RuneCountInString(text) > limit:
		rule = fmt.Sprintf("must have at most %d characters", limit)
	default:
		return nil
	}
	return &lock.InputError{Field: field, Rule: rule}
}
