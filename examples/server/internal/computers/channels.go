package computers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Channels is where enrolled devices are woken. It implements wns.Channels.
type Channels struct {
	DB  *db.DB           // required
	Now func() time.Time // required
}

// Channel implements wns.Channels. A device that is not enrolled any more has none; after a dead one it has one again once it has named it.
func (c Channels) Channel(ctx context.Context, d lock.Device) (uri string, err error) {
	err = c.DB.Readers.QueryRowContext(ctx, `SELECT c.channel FROM server_computers c JOIN server_devices d ON d.id = c.device
		WHERE c.device = $1 AND d.enrolled = 1 AND c.channel_dead_at <= c.channel_at`, d.ID).Scan(&uri)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up where the device is woken: %w", err)
	}
	return uri, nil
}

// Expired implements wns.Channels.
func (c Channels) Expired(ctx context.Context, d lock.Device, uri string) error {
	_, err := c.DB.Exec(ctx, `UPDATE server_computers SET channel_dead_at = $3 WHERE device = $1 AND channel = $2`, d.ID, uri, db.Micros(c.Now()))
	if err != nil {
		return fmt.Errorf("note that the channel is dead: %w", err)
	}
	return nil
}
