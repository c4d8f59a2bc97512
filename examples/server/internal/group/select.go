package group

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Selection is devices by their IDs, by groups of devices, and by groups of users: whatever is in one of them.
type Selection struct {
	Devices    []string // IDs
	Groups     []Branch
	UserGroups []string // IDs
}

// Branch is a group of devices, alone or with all groups below it.
type Branch struct {
	ID        string
	Subgroups bool
}

// maxPage is the most devices of one page.
const maxPage = 1000

// Query is one statement that selects the IDs of a selection, as a column id: devices that are in the inventory and that the actor sees, each
// once, in no order. Its variables are $1 to $5, so that it can be part of another statement, as of an INSERT. A group that the actor does
// not see adds nothing: see Check.
func (s *Store) Query(a lock.Actor, sel Selection) (query string, args []any) {
	var alone, branches []string
	for _, b := range sel.Groups {
		if b.Subgroups {
			branches = append(branches, b.ID)
		} else {
			alone = append(alone, b.ID)
		}
	}
	query = `SELECT d.id AS id FROM server_devices d WHERE d.removed = 0 AND ` + Visible("d.id", "$1") + ` AND (
		d.id IN (` + s.DB.Texts("$2") + `)
		OR d.id IN (SELECT m.member FROM server_group_members m WHERE m.grp IN (` + s.DB.Texts("$3") + `))
		OR d.id IN (
			WITH RECURSIVE below (id) AS (
				` + s.DB.Texts("$4") + `
				UNION SELECT g.id FROM server_groups g JOIN below ON g.parent = below.id
			) SELECT m.member FROM server_group_members m JOIN below ON m.grp = below.id)
		OR ` + Whole("$1") + ` AND d.user_name IN (SELECT m.member FROM server_group_members m WHERE m.grp IN (
			SELECT id FROM server_groups WHERE kind = 'users' AND id IN (` + s.DB.Texts("$5") + `))))`
	return query, []any{a.ID, list(sel.Devices), list(alone), list(branches), list(sel.UserGroups)}
}

// list is texts as JSON. What cannot be in the database is not there, and left out.
func list(texts []string) string {
	kept := []string{}
	for _, text := range texts {
		if db.IsText(text) {
			kept = append(kept, text)
		}
	}
	out, _ := json.Marshal(kept) // strings always have a JSON form
	return string(out)
}

// Resolve returns the IDs of a selection (see Query) in the order of their bytes: at most limit of them (1 to 1,000) after the ID after, ""
// for the first.
func (s *Store) Resolve(ctx context.Context, a lock.Actor, sel Selection, after string, limit int) ([]string, error) {
	query, args := s.Query(a, sel)
	order := "s.id" + s.DB.Bytewise()
	//nolint:gosec // constants, and $ placeholders
	rows, err := s.DB.Readers.QueryContext(ctx, `SELECT s.id FROM (`+query+`) AS s WHERE `+order+` > $6 ORDER BY `+order+` LIMIT $7`,
		append(args, after, max(1, min(limit, maxPage)))...)
	if err != nil {
		return nil, fmt.Errorf("select devices: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("select devices: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("select devices: %w", err)
	}
	return ids, nil
}

// Check refuses a selection that names a group which the actor does not see, with a *lock.InputError of the field groups or user_groups.
func (s *Store) Check(ctx context.Context, a lock.Actor, sel Selection) error {
	branches, err := load(ctx, s.DB.Readers, a, Devices)
	if err != nil {
		return fmt.Errorf("look up groups: %w", err)
	}
	for _, b := range sel.Groups {
		if !branches.sees(b.ID) {
			return &lock.InputError{Field: "groups", Rule: "must be groups that are there"}
		}
	}
	users, err := load(ctx, s.DB.Readers, a, Users)
	if err != nil {
		return fmt.Errorf("look up groups: %w", err)
	}
	for _, id := range sel.UserGroups {
		if !users.sees(id) {
			return &lock.InputError{Field: "user_groups", Rule: "must be user groups that are there"}
		}
	}
	return nil
}
