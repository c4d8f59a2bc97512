package agents

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// pruneEvery is how often requests are forgotten that nobody could send again.
const pruneEvery = time.Minute

// Once implements agent.Requests: it takes the ID of a request, and tells whether nobody has before, on any server of the database.
func (s *Store) Once(ctx context.Context, device, jti string, until time.Time) (fresh bool, err error) {
	if err := s.prune(ctx); err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte(jti))
	n, err := s.DB.Exec(ctx, `INSERT INTO server_agent_requests (device, jti, until) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		device, sum[:], db.Micros(until))
	if err != nil {
		return false, fmt.Errorf("take the request: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	return true, s.Inventory.SeenAgent(ctx, device) // it has proved who it is
}

// prune forgets requests whose time is over, now and then.
func (s *Store) prune(ctx context.Context) error {
	now := s.Now()
	s.mu.Lock()
	due := now.Sub(s.pruned) >= pruneEvery
	if due {
		s.pruned = now
	}
	s.mu.Unlock()
	if !due {
		return nil
	}
	if _, err := s.DB.Exec(ctx, `DELETE FROM server_agent_requests WHERE until < $1`, db.Micros(now)); err != nil {
		return fmt.Errorf("forget old requests: %w", err)
	}
	return nil
}

// Number implements agent.Requests: no number is given twice, on any server of the database.
func (s *Store) Number(ctx context.Context, device string, last int64) (n int64, err error) {
	err = s.DB.Write(ctx, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `UPDATE server_agents SET seq = seq + 1 WHERE device = $1 AND seq = $2 RETURNING seq`, device, last).Scan(&n)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("number the command: %w", err)
	}
	return n, nil
}

// Raise implements agent.Requests.
func (s *Store) Raise(ctx context.Context, device string, seen int64) error {
	if _, err := s.DB.Exec(ctx, `UPDATE server_agents SET seq = $2 WHERE device = $1 AND seq < $2`, device, seen); err != nil {
		return fmt.Errorf("number commands above what the device has seen: %w", err)
	}
	return nil
}
