package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	errScope   lock.Error = "outside the scope of this server"
	errAccount lock.Error = "no such account"
)

var _ lock.Authorizer = (*Store)(nil)

// Authorize implements lock.Authorizer. To reseal or to purge concerns all scopes at once, and no device.
func (s *Store) Authorize(ctx context.Context, a lock.Actor, v lock.Verb, t lock.Target) error {
	everywhere := (v == lock.VerbReseal || v == lock.VerbPurge) && t.Device.Scope == "" && t.Device.ID == "" && t.Action == nil
	if t.Device.Scope != s.scope && !everywhere {
		return errScope
	}
	return s.exists(ctx, a)
}

// Visible implements lock.Authorizer.
func (s *Store) Visible(ctx context.Context, a lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	if f.Scope != s.scope {
		return f, errScope
	}
	return f, s.exists(ctx, a)
}

func (s *Store) exists(ctx context.Context, a lock.Actor) error {
	_, err := s.password(ctx, a.ID)
	if errors.Is(err, sql.ErrNoRows) {
		return errAccount
	}
	if err != nil {
		return fmt.Errorf("%w: look up the account: %w", lock.ErrUndecided, err)
	}
	return nil
}
