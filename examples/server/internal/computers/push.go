package computers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

const (
	pushRef   = "push-setup"
	pushNodes = "./Device/Vendor/MSFT/DMClient/Provider/" + Provider + "/Push/"
	// askEvery is how often a device is asked where WNS reaches it: a channel lives 30 days, and the device makes a new one after 15.
	askEvery = 24 * time.Hour
	askAgain = 10 * time.Minute // while it has none: Windows makes one in its own time
)

// Next implements windows.Commands: once a day, and more often while it has no channel that WNS knows, the device is told under which name WNS
// knows the server, and asked for its channel. The handler learns the channel from the answer.
func (s *Store) Next(ctx context.Context, d lock.Device) ([]omadm.Work, error) {
	if s.PFN == "" {
		return nil, nil
	}
	var asked, at, dead int64
	err := s.DB.Readers.QueryRowContext(ctx, `SELECT asked_at, channel_at, channel_dead_at FROM server_computers WHERE device = $1`,
		d.ID).Scan(&asked, &at, &dead)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up where the device is woken: %w", err)
	}
	every := askEvery
	if at == 0 || dead > at {
		every = askAgain
	}
	if s.Now().Sub(db.Time(asked)) < every {
		return nil, nil
	}
	return []omadm.Work{{Ref: pushRef, Commands: []syncml.Command{
		syncml.Sequence(syncml.Replace(pushNodes+"PFN", "chr", s.PFN), syncml.Get(pushNodes+"ChannelURI")),
	}}}, nil
}

// Done implements windows.Commands.
func (s *Store) Done(ctx context.Context, d lock.Device, a omadm.Answer) error {
	if a.Ref != pushRef || !a.Complete {
		return nil
	}
	if _, err := s.DB.Exec(ctx, `UPDATE server_computers SET asked_at = $2 WHERE device = $1`, d.ID, db.Micros(s.Now())); err != nil {
		return fmt.Errorf("note that the device was asked where it is woken: %w", err)
	}
	return nil
}
