package account

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// SetPassword gives an account another password, or its first, once that is on record. Whoever is signed in with the account is out; its
// tokens, rights and requests stay. A password that is too short or too long is a *lock.InputError; the error wraps lock.ErrNotFound when
// there is no such account.
func (d Desk) SetPassword(ctx context.Context, by lock.Actor, name, password string) error {
	if _, err := d.Accounts.Account(ctx, name); err != nil {
		return err
	}
	hash, err := d.Accounts.newHash(ctx, password)
	if err != nil {
		return err
	}
	if err := d.note(ctx, by, "password", name, map[string]string{}); err != nil {
		return err
	}
	err = d.Accounts.db.Write(ctx, func(tx *sql.Tx) error {
		// Later than the one before in any case: also a clock that was set back ends the sessions.
		_, err := tx.ExecContext(ctx, `UPDATE server_accounts SET password = $2,
			password_at = CASE WHEN password_at < $3 THEN $3 ELSE password_at + 1 END WHERE name = $1`, name, hash, db.Micros(d.Accounts.now()))
		return err
	})
	if err != nil {
		return fmt.Errorf("set the password: %w", err)
	}
	return nil
}
