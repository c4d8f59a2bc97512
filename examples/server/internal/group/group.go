// Package group keeps the groups of the server: of devices, which are a tree, and of users, which are not. A device may be in several
// groups, and belongs to every group above one that it is in. A user group has the names of users as devices report them; its devices are
// those of its members.
//
// Groups decide who may see a device: an account that is restricted sees the devices of its groups and of all groups below, and of the
// groups no more than that. So each change is on record before it is done (lock.EventGroup), with who made it.
//
// Who reads needs the right to view, who changes the right to edit groups (VerbEdit). A restricted account edits below its own groups
// only, puts into them only devices that it sees, and knows nothing of user groups.
package group

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// VerbEdit is the right to edit groups, and who is in them.
const VerbEdit lock.Verb = "groups"

// Kind says what the members of a group are.
type Kind string

// The kinds.
const (
	Devices Kind = "devices" // members are IDs of devices in the inventory
	Users   Kind = "users"   // members are names of users
)

// The limits of a group.
const (
	MaxName   = 100    // characters of a name, which has no slash
	MaxDepth  = 8      // groups from the top to the lowest
	MaxGroups = 10_000 // of one kind
)

// Error is a condition that callers tell apart with errors.Is.
type Error string

// The conditions.
const (
	ErrTaken Error = "there is a group of this name already"
	ErrInUse Error = "the group is in use"
)

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

// Group is one group, as an actor sees it.
type Group struct {
	ID, Name string
	Parent   string // ID; empty at the top, and where the actor does not see what is above
	Path     string // the names from the top, or from what the actor sees, with slashes between
	Depth    int    // 0: at the top of what the actor sees
	Members  int    // its own, without those of groups below it
}

// Ledger decides what an actor may do, and keeps the record (lock.Service).
type Ledger interface {
	// Allow returns an error that wraps lock.ErrDenied when the actor may not; that is on record then.
	Allow(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error
	// Note records a notice, which is durable when the error is nil.
	Note(ctx context.Context, a lock.Actor, t lock.EventType, scope string, facts map[string]string) error
}

// Config is what a Store is made of. Every field is required.
type Config struct {
	DB     *db.DB
	Ledger Ledger
	Scope  string
}

// Store keeps the groups. It is safe for concurrent use.
type Store struct{ Config }

// New returns the groups in a database that is open.
func New(cfg Config) *Store { return &Store{cfg} }

var errNoGroup = fmt.Errorf("group %w", lock.ErrNotFound)

// allow asks for a right that concerns no device in particular.
func (s *Store) allow(ctx context.Context, a lock.Actor, v lock.Verb) error {
	return s.Ledger.Allow(ctx, a, v, lock.Target{Device: lock.Device{Scope: s.Scope}})
}

// Groups lists the groups that the actor sees, each before those below it, by name.
func (s *Store) Groups(ctx context.Context, a lock.Actor, kind Kind) ([]Group, error) {
	if err := s.allow(ctx, a, lock.VerbView); err != nil {
		return nil, err
	}
	t, err := load(ctx, s.DB.Readers, a, kind)
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	return t.list(), nil
}

// Find returns one group that the actor sees, or an error that wraps lock.ErrNotFound.
func (s *Store) Find(ctx context.Context, a lock.Actor, kind Kind, id string) (Group, error) {
	if err := s.allow(ctx, a, lock.VerbView); err != nil {
		return Group{}, err
	}
	return s.find(ctx, a, kind, id)
}

func (s *Store) find(ctx context.Context, a lock.Actor, kind Kind, id string) (Group, error) {
	t, err := load(ctx, s.DB.Readers, a, kind)
	if err != nil {
		return Group{}, fmt.Errorf("find group: %w", err)
	}
	return t.find(id)
}

// Of lists the groups that the actor sees and a device or a user is in, by path. Of a device that the actor does not see there are none.
func (s *Store) Of(ctx context.Context, a lock.Actor, kind Kind, member string) ([]Group, error) {
	if err := s.allow(ctx, a, lock.VerbView); err != nil || !db.IsText(member) {
		return nil, err
	}
	t, err := load(ctx, s.DB.Readers, a, kind)
	if err != nil {
		return nil, fmt.Errorf("find groups: %w", err)
	}
	rows, err := s.DB.Readers.QueryContext(ctx, `SELECT grp FROM server_group_members WHERE member = $1`, member)
	in, err := texts(rows, err)
	if err != nil {
		return nil, fmt.Errorf("find groups: %w", err)
	}
	var found []Group
	for _, g := range t.list() {
		if in[g.ID] {
			found = append(found, g)
		}
	}
	return found, nil
}

// ByPath finds a group that the actor sees by its ID or its path, as an operator types it, or an error that wraps lock.ErrNotFound.
func (s *Store) ByPath(ctx context.Context, a lock.Actor, kind Kind, name string) (Group, error) {
	groups, err := s.Groups(ctx, a, kind)
	if err != nil {
		return Group{}, err
	}
	for _, g := range groups {
		if g.ID == name || g.Path == name {
			return g, nil
		}
	}
	return Group{}, errNoGroup
}
