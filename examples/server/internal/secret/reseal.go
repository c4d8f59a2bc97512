package secret

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Reseal seals anew, with the key that the Sealer seals with now, every secret that the key keyID sealed. Each new box is opened and
// compared before it replaces the old one. It returns how many were sealed anew; a secret that does not open keeps its box, and no other
// from being sealed. Servers that run are not disturbed.
func Reseal(ctx context.Context, d *db.DB, sealer pin.Sealer, keyID string) (done int, err error) {
	names, err := sealedBy(ctx, d, keyID)
	if err != nil {
		return 0, fmt.Errorf("read the server's secrets: %w", err)
	}
	var failed []error
	for _, name := range names {
		changed, err := reseal(ctx, d, sealer, name, keyID)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: seal it anew: %w", name, err))
		} else if changed {
			done++
		}
	}
	return done, errors.Join(failed...)
}

func sealedBy(ctx context.Context, d *db.DB, keyID string) (names []Name, err error) {
	rows, err := d.Readers.QueryContext(ctx, `SELECT name FROM server_secrets WHERE key_id = $1 ORDER BY name`, keyID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name Name
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

func reseal(ctx context.Context, d *db.DB, sealer pin.Sealer, name Name, keyID string) (changed bool, err error) {
	err = d.Write(ctx, func(tx *sql.Tx) error {
		var old []byte
		err := tx.QueryRowContext(ctx, `SELECT box FROM server_secrets WHERE name = $1 AND key_id = $2`, string(name), keyID).Scan(&old)
		if changed = err == nil; !changed {
			if errors.Is(err, sql.ErrNoRows) { // somebody else did it
				return nil
			}
			return err
		}
		box, err := sealAnew(ctx, sealer, old, name.binding())
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE server_secrets SET key_id = $1, box = $2 WHERE name = $3`, box.KeyID(), []byte(box), string(name))
		return err
	})
	return changed && err == nil, err
}

// sealAnew returns a new box, which was opened and compared.
func sealAnew(ctx context.Context, sealer pin.Sealer, old pin.Box, b pin.Binding) (pin.Box, error) {
	key, err := sealer.Open(ctx, old, b)
	if err != nil {
		return nil, err
	}
	box, err := sealer.Seal(ctx, key, b)
	if err != nil {
		return nil, err
	}
	again, err := sealer.Open(ctx, box, b)
	if err == nil && !again.Equal(key) {
		err = errors.New("the new box holds something else")
	}
	return box, err
}
