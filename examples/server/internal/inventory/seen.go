package inventory

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// seenEvery is how often a device's last sign of life is written down at most: a poll must not cost a synced write. Another server of the
// database knows of it that much later.
const seenEvery = time.Minute

// touch notes a sign of life.
func (s *Store) touch(ctx context.Context, id string) error {
	now := s.now()
	s.mu.Lock()
	last := s.seen[id]
	due := now.Sub(last.written) >= seenEvery
	last.at = now
	if due {
		last.written = now
	}
	s.seen[id] = last
	s.mu.Unlock()
	if !due {
		return nil
	}
	if _, err := s.db.Exec(ctx, `UPDATE server_devices SET seen_at = $1 WHERE id = $2 AND seen_at < $1`, db.Micros(now), id); err != nil {
		return fmt.Errorf("note that the device was seen: %w", err)
	}
	return nil
}

// lastSeen is the later of what was written and what this process knows.
func (s *Store) lastSeen(id string, written time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := s.seen[id].at; at.After(written) {
		return at.UTC().Truncate(time.Microsecond)
	}
	return written
}
