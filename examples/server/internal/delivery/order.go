package delivery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Order writes down that the passcode of an action is to be mailed once the device has confirmed it. The same order again changes nothing
// while its mail waits or its link can be used, nor once the recipient has had the passcode. An action that is no reset, and what is no mail
// address, is a *lock.InputError ("admin", "user"); the error wraps lock.ErrDenied when o.By may not reveal the passcode. An order without an
// address does nothing.
func (d *Deliveries) Order(ctx context.Context, o Order) error {
	to := map[Recipient]string{ToAdmin: o.Admin, ToUser: o.User}
	for who, address := range to {
		if address == "" {
			delete(to, who)
		} else if err := account.CheckEmail(string(who), address); err != nil {
			return err
		}
	}
	if len(to) == 0 {
		return nil
	}
	a, err := d.Ledger.Get(ctx, o.Action)
	if err != nil {
		return err
	}
	if a.Kind != lock.KindResetPasscode {
		return &lock.InputError{Field: "action", Rule: "must be a reset of a passcode"}
	}
	if err := d.Service.Allow(ctx, o.By, lock.VerbReveal, lock.Target{Device: a.Device, Action: &a}); err != nil {
		return err
	}
	err = d.DB.Write(ctx, func(tx *sql.Tx) error {
		var errs []error
		for who, address := range to {
			errs = append(errs, d.insert(ctx, tx, o, who, address))
		}
		return errors.Join(errs...)
	})
	if err != nil {
		return fmt.Errorf("write the delivery: %w", err)
	}
	d.Kick()
	return nil
}

// insert adds a row, unless there is one that does the same.
func (d *Deliveries) insert(ctx context.Context, tx *sql.Tx, o Order, who Recipient, address string) error {
	now := d.now()
	_, err := tx.ExecContext(ctx, `INSERT INTO server_deliveries (id, action, recipient, address, actor_id, actor_name, actor_address, mode, state,
			cause, attempts, version, ordered_at, due_at, begun_at, sent_at, expires_at, opened_at)
		SELECT $1, $2, $3, $4, $5, $6, $7, '', 'waiting', '', 0, 1, CAST($8 AS BIGINT), CAST($8 AS BIGINT), 0, 0, 0, 0
		WHERE NOT EXISTS (SELECT 1 FROM server_deliveries WHERE action = $2 AND recipient = $3 AND address = $4 AND actor_id = $5
			AND (state IN ('waiting', 'opened') OR state = 'sent' AND (mode = 'clear' OR expires_at > CAST($8 AS BIGINT))))`,
		string(lock.NewID(now)), string(o.Action), string(who), address, o.By.ID, o.By.Name, o.By.Address, db.Micros(now))
	return err
}
