package ca

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Reseal seals the CA's key anew, with the key that the Sealer seals with now, if the key keyID sealed it. The new box is opened and
// compared before it replaces the old one. It reports whether there was anything to do. A CA that is running is not disturbed.
func Reseal(ctx context.Context, d *db.DB, sealer pin.Sealer, keyID string) (done bool, err error) {
	err = d.Write(ctx, func(tx *sql.Tx) error {
		var old []byte
		err := tx.QueryRowContext(ctx, `SELECT key_box FROM server_ca WHERE id = 1 AND key_id = $1`, keyID).Scan(&old)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		box, err := sealAnew(ctx, sealer, pin.Box(old))
		if err != nil {
			return err
		}
		done = true
		_, err = tx.ExecContext(ctx, `UPDATE server_ca SET key_id = $1, key_box = $2 WHERE id = 1`, box.KeyID(), []byte(box))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("device CA: seal its key anew: %w", err)
	}
	return done, nil
}

// sealAnew returns a new box, which was opened and compared.
func sealAnew(ctx context.Context, sealer pin.Sealer, old pin.Box) (pin.Box, error) {
	key, err := sealer.Open(ctx, old, binding)
	if err != nil {
		return nil, err
	}
	box, err := sealer.Seal(ctx, key, binding)
	if err != nil {
		return nil, err
	}
	again, err := sealer.Open(ctx, box, binding)
	if err == nil && !again.Equal(key) {
		err = errors.New("the new box holds something else")
	}
	return box, err
}
