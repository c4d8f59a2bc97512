package inventory

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Remove takes a device out of the inventory, or returns an error that wraps lock.ErrNotFound, also when the actor does not see it. It is on
// record who did it before it is done. Whatever is known of the device goes, also which groups it was in, but for name and serial number,
// which the record has too; a page of a list may begin after it. From then on it is not enrolled, as after CheckOut, and its certificates stay
// bound to it: it can enrol again with a new one.
func (s *Store) Remove(ctx context.Context, a lock.Actor, id string) error {
	d, err := s.FindFor(ctx, a, id)
	if err != nil {
		return err
	}
	facts := map[string]string{"device": d.ID, "serial": d.Serial, "name": d.Name}
	if err := s.notices.Note(ctx, a, lock.EventRemoved, Scope, facts); err != nil {
		return fmt.Errorf("record the removal: %w", err)
	}
	if err := s.db.Write(ctx, func(tx *sql.Tx) error { return remove(ctx, tx, d.ID) }); err != nil {
		return fmt.Errorf("remove the device: %w", err)
	}
	return nil
}

func remove(ctx context.Context, tx *sql.Tx, id string) error {
	if err := forget(ctx, tx, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM server_group_members WHERE member = $1
		AND grp IN (SELECT id FROM server_groups WHERE kind = 'devices')`, id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE server_devices SET removed = 1, enrolled = 0,
		user_name = '', model = '', os_version = '', product_name = '' WHERE id = $1`, id)
	return err
}
