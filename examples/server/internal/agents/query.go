package agents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	reportState = "report_state"
	staleAfter  = 24 * time.Hour // what a device said of itself is asked for again
	askEvery    = time.Hour      // at most
)

// Query implements agent.Queries: a device whose state is old is asked for it. Whoever polls may also be offered a reset token.
func (s *Store) Query(ctx context.Context, d lock.Device) (agent.Query, error) {
	s.provision(ctx, d)
	q, err := s.open(ctx, d.ID)
	if err != nil || q.ID != "" {
		return q, err
	}
	now := s.Now()
	err = s.DB.Write(ctx, func(tx *sql.Tx) error {
		q = agent.Query{}
		done, err := tx.ExecContext(ctx, `UPDATE server_agents SET asked_at = $2 WHERE device = $1 AND state_at < $3 AND asked_at < $4`,
			d.ID, db.Micros(now), db.Micros(now.Add(-staleAfter)), db.Micros(now.Add(-askEvery)))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		q = agent.Query{ID: lock.NewID(now), Command: reportState}
		_, err = tx.ExecContext(ctx, `INSERT INTO server_queries (id, device, kind, deferred) VALUES ($1, $2, $3, 0)`, string(q.ID), d.ID, q.Command)
		return err
	})
	if err != nil {
		return agent.Query{}, fmt.Errorf("ask the device: %w", err)
	}
	return q, nil
}

// open is what the device was asked and has not answered.
func (s *Store) open(ctx context.Context, device string) (q agent.Query, err error) {
	err = s.DB.Readers.QueryRowContext(ctx, `SELECT id, kind FROM server_queries WHERE device = $1 ORDER BY kind LIMIT 1`, device).
		Scan(&q.ID, &q.Command)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return agent.Query{}, fmt.Errorf("read open questions: %w", err)
	}
	return q, nil
}

// Answered implements agent.Queries.
func (s *Store) Answered(ctx context.Context, d lock.Device, id lock.ID) error {
	n, err := s.DB.Exec(ctx, `DELETE FROM server_queries WHERE device = $1 AND id = $2`, d.ID, string(id))
	if err != nil {
		return fmt.Errorf("keep that the device answered: %w", err)
	}
	if n == 0 {
		return lock.ErrNotOurs
	}
	return nil
}
