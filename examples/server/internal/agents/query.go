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
	askAgain    = time.Minute    // a question that is not answered is put again, not before
	maxAsks     = 10             // so often; then the next question is put staleAfter later
)

// Query implements agent.Queries: a device whose state is old is asked for it. Whoever polls may also be offered a reset token.
func (s *Store) Query(ctx context.Context, d lock.Device) (agent.Query, error) {
	s.provision(ctx, d)
	var question string
	var asks, at, known int64
	err := s.DB.Readers.QueryRowContext(ctx, `SELECT question, asks, asked_at, state_at FROM server_agents WHERE device = $1`, d.ID).
		Scan(&question, &asks, &at, &known)
	if errors.Is(err, sql.ErrNoRows) {
		return agent.Query{}, nil
	}
	if err != nil {
		return agent.Query{}, fmt.Errorf("read open questions: %w", err)
	}
	now, pause, q := s.Now(), askAgain, agent.Query{ID: lock.ID(question), Command: reportState}
	if question == "" || asks >= maxAsks {
		pause, asks, q.ID = staleAfter, 0, lock.NewID(now)
	}
	if now.Sub(db.Time(known)) < staleAfter || now.Sub(db.Time(at)) < pause {
		return agent.Query{}, nil
	}
	n, err := s.DB.Exec(ctx, `UPDATE server_agents SET question = $2, asks = $3, asked_at = $4 WHERE device = $1 AND question = $5 AND asked_at = $6`,
		d.ID, string(q.ID), asks+1, db.Micros(now), question, at)
	if err != nil {
		return agent.Query{}, fmt.Errorf("ask the device: %w", err)
	}
	if n == 0 { // another poll asks, or the answer came
		return agent.Query{}, nil
	}
	return q, nil
}

// Answered implements agent.Queries. Whatever the device says of the last question is its answer, also when that is put no more.
func (s *Store) Answered(ctx context.Context, d lock.Device, id lock.ID) error {
	n, err := s.DB.Exec(ctx, `UPDATE server_agents SET question = '' WHERE device = $1 AND question = $2 AND question <> ''`, d.ID, string(id))
	if err != nil {
		return fmt.Errorf("keep that the device answered: %w", err)
	}
	if n == 0 {
		return lock.ErrNotOurs
	}
	return nil
}
