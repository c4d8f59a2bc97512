package secret

import (
	"context"
	"database/sql"
	"fmt"
)

// Forget deletes a secret, in the transaction that ends the need of it. That there is none is no error.
func Forget(ctx context.Context, tx *sql.Tx, name Name) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM server_secrets WHERE name = $1`, string(name)); err != nil {
		return fmt.Errorf("%s: forget it: %w", name, err)
	}
	return nil
}
