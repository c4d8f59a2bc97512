package group

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// MaxMember is how many characters the name of a user in a group has at most.
const MaxMember = 200

// Member is one member of a group.
type Member struct {
	ID           string // of the device, or the name of the user
	Name, Serial string // of a device
	User         string // of a device
	Devices      int    // of a user, in the inventory
}

// Members lists the members of a group, by ID in the order of its bytes. Search is looked for in all that is shown of a member, in any case;
// empty finds all. The page begins after the ID after, and has at most limit members (1 to 1,000).
func (s *Store) Members(ctx context.Context, a lock.Actor, kind Kind, id, search, after string, limit int) ([]Member, error) {
	if _, err := s.Find(ctx, a, kind, id); err != nil {
		return nil, err
	}
	if !db.IsText(search) || !db.IsText(after) {
		return nil, nil
	}
	pattern := "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(search)) + "%"
	order := "m.member" + s.DB.Bytewise()
	rows, err := s.DB.Readers.QueryContext(ctx, membersOf(kind)+` AND `+order+` > $3 ORDER BY `+order+` LIMIT $4`,
		id, pattern, after, max(1, min(limit, maxPage)))
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var found []Member
	for rows.Next() {
		var m Member
		if err := rows.Scan(&m.ID, &m.Name, &m.Serial, &m.User, &m.Devices); err != nil {
			return nil, fmt.Errorf("list members: %w", err)
		}
		found = append(found, m)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return found, nil
}

func membersOf(kind Kind) string {
	if kind == Users {
		return `SELECT m.member, '', '', '', (SELECT count(*) FROM server_devices d WHERE d.user_name = m.member AND d.removed = 0)
			FROM server_group_members m WHERE m.grp = $1 AND lower(m.member) LIKE $2 ESCAPE '!'`
	}
	return `SELECT m.member, d.name, d.serial, d.user_name, 0 FROM server_group_members m JOIN server_devices d ON d.id = m.member
		WHERE m.grp = $1 AND lower(d.name || ' ' || d.serial || ' ' || d.user_name || ' ' || d.id) LIKE $2 ESCAPE '!'`
}

// Add puts a device that the actor sees, or a user, into a group, once that is on record. What is in it already stays so. The error wraps
// lock.ErrNotFound when there is no such group or device; the name of a user that cannot be is a *lock.InputError.
func (s *Store) Add(ctx context.Context, a lock.Actor, kind Kind, id, member string) error {
	return s.enter(ctx, a, kind, id, member, "added", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_group_members (grp, member) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, member)
		return err
	})
}

// Drop takes a member out of a group, once that is on record. The error wraps lock.ErrNotFound when the group has no such member.
func (s *Store) Drop(ctx context.Context, a lock.Actor, kind Kind, id, member string) error {
	return s.enter(ctx, a, kind, id, member, "dropped", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM server_group_members WHERE grp = $1 AND member = $2`, id, member)
		return err
	})
}

// enter changes whether a member is in a group, unless it is so already.
func (s *Store) enter(ctx context.Context, a lock.Actor, kind Kind, id, member, what string, write func(*sql.Tx) error) error {
	if err := s.allow(ctx, a, VerbEdit); err != nil {
		return err
	}
	g, err := s.find(ctx, a, kind, id)
	if err != nil {
		return err
	}
	adds := what == "added"
	if err := s.checkMember(ctx, s.DB.Readers, a, kind, member); err != nil {
		return err
	}
	switch in, err := s.has(ctx, id, member); {
	case err != nil:
		return err
	case in && adds:
		return nil
	case !in && !adds:
		return fmt.Errorf("member %w", lock.ErrNotFound)
	}
	facts := map[string]string{"kind": "member-" + what, "group": g.ID, "name": g.Name, strings.TrimSuffix(string(kind), "s"): member}
	if err := s.note(ctx, a, kind, facts); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *sql.Tx) error { // what was there may have gone meanwhile
		t, err := load(ctx, tx, a, kind)
		if err == nil && !t.sees(id) {
			err = errNoGroup
		}
		if err == nil && adds {
			err = s.checkMember(ctx, tx, a, kind, member)
		}
		if err == nil {
			err = write(tx)
		}
		return err
	})
}

func (s *Store) has(ctx context.Context, id, member string) (bool, error) {
	rows, err := s.DB.Readers.QueryContext(ctx, `SELECT member FROM server_group_members WHERE grp = $1 AND member = $2`, id, member)
	found, err := texts(rows, err)
	if err != nil {
		return false, fmt.Errorf("look up the member: %w", err)
	}
	return found[member], nil
}

// checkMember says why something cannot be in a group.
func (s *Store) checkMember(ctx context.Context, q querier, a lock.Actor, kind Kind, member string) error {
	if kind == Users {
		return checkUser(member)
	}
	if !db.IsText(member) {
		return fmt.Errorf("device %w", lock.ErrNotFound)
	}
	rows, err := q.QueryContext(ctx, `SELECT d.id FROM server_devices d WHERE d.removed = 0 AND d.id = $2 AND `+Visible("d.id", "$1"), a.ID, member)
	found, err := texts(rows, err)
	switch {
	case err != nil:
		return fmt.Errorf("look up the device: %w", err)
	case !found[member]:
		return fmt.Errorf("device %w", lock.ErrNotFound)
	}
	return nil
}

func checkUser(name string) error { return checkLine("user", name, MaxMember) }
