package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
)

// Channels is where enrolled devices are reached. It implements push.Tokens.
type Channels struct{ DB *db.DB }

// Channel implements push.Tokens. A device that is not enrolled any more has none.
func (c Channels) Channel(ctx context.Context, d lock.Device) (push.Channel, error) {
	var found push.Channel
	var magic []byte
	var updated, dead int64
	err := c.DB.Readers.QueryRowContext(ctx, `SELECT c.token, c.magic, c.topic, c.updated_at, c.dead_at
		FROM server_channels c JOIN server_devices d ON d.id = c.device WHERE c.device = $1 AND c.user_id = '' AND d.enrolled = 1`,
		d.ID).Scan(&found.Token, &magic, &found.Topic, &updated, &dead)
	if errors.Is(err, sql.ErrNoRows) {
		return push.Channel{}, nil
	}
	if err != nil {
		return push.Channel{}, fmt.Errorf("look up where pushes go: %w", err)
	}
	found.Magic, found.Updated, found.Dead = string(magic), db.Time(updated), db.Time(dead)
	return found, nil
}

// Dead implements push.Tokens.
func (c Channels) Dead(ctx context.Context, d lock.Device, token []byte, at time.Time) error {
	_, err := c.DB.Exec(ctx, `UPDATE server_channels SET dead_at = $3 WHERE device = $1 AND user_id = '' AND token = $2`,
		d.ID, token, db.Micros(at))
	if err != nil {
		return fmt.Errorf("note that the push token is dead: %w", err)
	}
	return nil
}
