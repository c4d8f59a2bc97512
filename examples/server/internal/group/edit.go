package group

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Change says what of a group is to be another. A nil field stays as it is.
type Change struct {
	Name   *string
	Parent *string // ID; empty: to the top
}

// Create makes a group below the group parent ("": at the top), once that is on record. A name or a place that cannot be is a
// *lock.InputError, ErrTaken a name that a group beside it has in any case.
func (s *Store) Create(ctx context.Context, a lock.Actor, kind Kind, name, parent string) (Group, error) {
	n := node{id: strings.ToLower(rand.Text()[:16]), name: name, parent: parent}
	facts := map[string]string{"kind": "created"}
	err := s.edit(ctx, a, kind, n, facts, func(t *tree) (node, error) { return n, t.check(n) }, func(tx *sql.Tx, n node) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_groups (id, kind, name, parent) VALUES ($1, $2, $3, $4)`,
			n.id, string(kind), n.name, n.parent)
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return s.find(ctx, a, kind, n.id)
}

// Change renames a group, or moves it with all that is below it, once that is on record. A name or a place that cannot be is a
// *lock.InputError, ErrTaken a name that a group beside it has. A restricted account moves a group between groups that it sees.
func (s *Store) Change(ctx context.Context, a lock.Actor, kind Kind, id string, c Change) (Group, error) {
	changed := func(t *tree) (node, error) {
		if !t.sees(id) {
			return node{}, errNoGroup
		}
		n := t.nodes[id]
		if c.Name != nil {
			n.name = *c.Name
		}
		if c.Parent != nil {
			n.parent = *c.Parent
		}
		return n, t.check(n)
	}
	err := s.edit(ctx, a, kind, node{id: id}, map[string]string{"kind": "changed"}, changed, func(tx *sql.Tx, n node) error {
		_, err := tx.ExecContext(ctx, `UPDATE server_groups SET name = $2, parent = $3 WHERE id = $1`, n.id, n.name, n.parent)
		return err
	})
	if err != nil {
		return Group{}, err
	}
	return s.find(ctx, a, kind, id)
}

// Delete takes a group away, once that is on record; its members stay what they are. ErrInUse when there are groups below it, or when an
// account is restricted to it: without the group it would see less, and nobody would have said so.
func (s *Store) Delete(ctx context.Context, a lock.Actor, kind Kind, id string) error {
	free := func(t *tree) (node, error) {
		n := t.nodes[id]
		switch {
		case !t.sees(id):
			return n, errNoGroup
		case len(t.below[id]) > 0:
			return n, fmt.Errorf("%w: there are groups below it: move or delete them first", ErrInUse)
		case t.held[id]:
			return n, fmt.Errorf("%w: an account is restricted to it: give the account other groups first (server account rights)", ErrInUse)
		}
		return n, nil
	}
	return s.edit(ctx, a, kind, node{id: id}, map[string]string{"kind": "deleted"}, free, func(tx *sql.Tx, n node) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM server_group_members WHERE grp = $1`, n.id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM server_groups WHERE id = $1`, n.id)
		return err
	})
}

// edit checks a change of one group, records it, and makes it where it still can be.
func (s *Store) edit(ctx context.Context, a lock.Actor, kind Kind, n node, facts map[string]string,
	check func(*tree) (node, error), write func(*sql.Tx, node) error,
) error {
	if err := s.allow(ctx, a, VerbEdit); err != nil {
		return err
	}
	t, err := load(ctx, s.DB.Readers, a, kind)
	if err != nil {
		return fmt.Errorf("read the groups: %w", err)
	}
	if n, err = check(t); err != nil {
		return err
	}
	facts["group"], facts["name"] = n.id, n.name
	if n.parent != "" {
		facts["parent"] = n.parent
	}
	if err := s.note(ctx, a, kind, facts); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sql.Tx) error {
		t, err := load(ctx, tx, a, kind)
		if err != nil {
			return fmt.Errorf("read the groups: %w", err)
		}
		n, err := check(t)
		if err != nil {
			return err
		}
		if err := write(tx, n); err != nil {
			return fmt.Errorf("write the group: %w", err)
		}
		return nil
	})
}

func (s *Store) note(ctx context.Context, a lock.Actor, kind Kind, facts map[string]string) error {
	facts["of"] = string(kind)
	if err := s.Ledger.Note(ctx, a, lock.EventGroup, s.Scope, facts); err != nil {
		return fmt.Errorf("record the change of the group: %w", err)
	}
	return nil
}
