package agents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Tokens is where enrolled devices are woken. It implements fcm.Tokens.
type Tokens struct{ DB *db.DB }

// Token implements fcm.Tokens. A device that is not enrolled any more has none; a dead one lives again once the device has sent it anew.
func (t Tokens) Token(ctx context.Context, d lock.Device) (token string, err error) {
	err = t.DB.Readers.QueryRowContext(ctx, `SELECT a.fcm_token FROM server_agents a JOIN server_devices d ON d.id = a.device
		WHERE a.device = $1 AND d.enrolled = 1 AND a.fcm_dead_at <= a.fcm_at`, d.ID).Scan(&token)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up where the device is woken: %w", err)
	}
	return token, nil
}

// Dead implements fcm.Tokens.
func (t Tokens) Dead(ctx context.Context, d lock.Device, token string, at time.Time) error {
	_, err := t.DB.Exec(ctx, `UPDATE server_agents SET fcm_dead_at = $3 WHERE device = $1 AND fcm_token = $2`, d.ID, token, db.Micros(at))
	if err != nil {
		return fmt.Errorf("note that the FCM token is dead: %w", err)
	}
	return nil
}
