package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Why an act is denied, beside lock.ErrDenied.
const (
	ErrRight  lock.Error = "the account does not have this right"
	ErrGroups lock.Error = "the account is restricted to groups, and this is in none of them"
	ErrWhole  lock.Error = "the account is restricted to groups, and this concerns all devices"
)

const (
	errScope   lock.Error = "outside the scope of this server"
	errAccount lock.Error = "no such account"
)

// nothing is the ID of no device: one has no control characters. A listing of nothing is no attempt that is to be recorded, as a denial is.
const nothing = "\x01"

var _ lock.Authorizer = (*Store)(nil)

// everywhere are the verbs that may concern all scopes at once: their target is empty then.
var everywhere = []lock.Verb{lock.VerbReseal, lock.VerbPurge}

// anywhere are the verbs that an account which is restricted may be allowed without a device: what it does then is limited to its devices
// by what it sees.
var anywhere = []lock.Verb{lock.VerbView, lock.VerbBulk, group.VerbEdit}

// ofBatch are the verbs that such an account may be allowed for a batch: package bulk gives nobody one with a device that he does not see.
var ofBatch = []lock.Verb{lock.VerbCancel, lock.VerbApprove, lock.VerbBreakGlass}

// Authorize implements lock.Authorizer. A target without a device stands for all devices, as for a copy of the whole record: who is restricted
// may not, but for what is narrowed to the account's devices as it is done (anywhere).
func (s *Store) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error {
	all := slices.Contains(everywhere, v) && t.Device.Scope == "" && t.Device.ID == "" && t.Action == nil
	if t.Device.Scope != s.scope && !all {
		return errScope
	}
	restricted, err := s.has(ctx, a, v)
	switch {
	case err != nil || !restricted:
		return err
	case t.Device.ID == "" && t.Device.Serial == "" && (slices.Contains(anywhere, v) || t.Size > 0 && slices.Contains(ofBatch, v)):
		return nil
	case t.Device.ID == "":
		return ErrWhole
	}
	seen, err := s.sees(ctx, a, []string{t.Device.ID})
	if err == nil && len(seen) == 0 {
		err = ErrGroups
	}
	return err
}

// Visible implements lock.Authorizer. Of a listing, an account that is restricted gets what is of its devices: any number of them is one
// variable of a store's query.
func (s *Store) Visible(ctx context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	if f.Scope != s.scope {
		return f, errScope
	}
	restricted, err := s.has(ctx, a, v)
	if err != nil || !restricted {
		return f, err
	}
	if f.Devices, err = s.sees(ctx, a, f.Devices); err == nil && len(f.Devices) == 0 {
		f.Devices = []string{nothing}
	}
	return f, err
}

// has denies who has no account, or not this right, and tells whether the account is restricted.
func (s *Store) has(ctx context.Context, a lock.Actor, v lock.Verb) (restricted bool, err error) {
	if !db.IsText(a.ID) {
		return false, errAccount
	}
	if a.ID == System {
		if v != lock.VerbProvision {
			return false, ErrRight
		}
		return false, nil
	}
	var kept string
	err = s.db.Readers.QueryRowContext(ctx, `SELECT rights, restricted FROM server_accounts WHERE name = $1`, a.ID).Scan(&kept, &restricted)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, errAccount
	case err != nil:
		return false, fmt.Errorf("%w: look up the account: %w", lock.ErrUndecided, err)
	case !slices.Contains(rightsOf(a.ID, kept), v):
		return false, ErrRight
	}
	return restricted, nil
}

// sees are the devices, of those that are asked for, or of all when none is, that are in the groups of a restricted account.
func (s *Store) sees(ctx context.Context, a lock.Actor, asked []string) ([]string, error) {
	//nolint:gosec // constants, and $ placeholders
	query, args := `SELECT d.id FROM server_devices d WHERE d.removed = 0 AND d.id IN (`+group.Seen("$1")+`)`, []any{a.ID}
	if len(asked) > 0 {
		asked = slices.DeleteFunc(slices.Clone(asked), func(id string) bool { return !db.IsText(id) })
		list, err := json.Marshal(asked)
		if err != nil {
			return nil, err
		}
		query, args = query+` AND d.id IN (`+s.db.Texts("$2")+`)`, append(args, string(list))
	}
	rows, err := s.db.Readers.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("%w: look up the groups: %w", lock.ErrUndecided, err)
	}
	defer func() { _ = rows.Close() }()
	var seen []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("%w: look up the groups: %w", lock.ErrUndecided, err)
		}
		seen = append(seen, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("%w: look up the groups: %w", lock.ErrUndecided, err)
	}
	return seen, nil
}
