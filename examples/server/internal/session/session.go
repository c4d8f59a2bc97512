// Package session keeps the sessions of the console in the database, so that any server of the database serves any request, and a restart
// signs nobody out. It implements scs.CtxStore. What it knows a session by is a hash: the session manager must have HashTokenInStore.
package session

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// Store keeps sessions. It is safe for concurrent use.
type Store struct{ db *db.DB }

var _ scs.CtxStore = (*Store)(nil)

// New returns the sessions in a database that is open. They expire by the real clock, as the session manager has it.
func New(d *db.DB) *Store { return &Store{d} }

// FindCtx implements scs.CtxStore.
func (s *Store) FindCtx(ctx context.Context, id string) (data []byte, found bool, err error) {
	err = s.db.Readers.QueryRowContext(ctx, `SELECT data FROM server_sessions WHERE id = $1 AND length(data) > 0 AND expires_at > $2`,
		id, db.Micros(time.Now())).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the session: %w", err)
	}
	return data, true, nil
}

// CommitCtx implements scs.CtxStore. It forgets sessions that have expired, and changes none that has ended.
func (s *Store) CommitCtx(ctx context.Context, id string, data []byte, expiry time.Time) error {
	_, err := s.db.Exec(ctx, `INSERT INTO server_sessions (id, data, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at WHERE length(server_sessions.data) > 0`,
		id, data, db.Micros(expiry))
	if err == nil {
		_, err = s.db.Exec(ctx, `DELETE FROM server_sessions WHERE expires_at <= $1`, db.Micros(time.Now()))
	}
	if err != nil {
		return fmt.Errorf("keep the session: %w", err)
	}
	return nil
}

// DeleteCtx implements scs.CtxStore. Until the session would have expired it stays known that it has ended.
func (s *Store) DeleteCtx(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `UPDATE server_sessions SET data = $2 WHERE id = $1`, id, []byte{}); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// Find implements scs.Store.
func (s *Store) Find(id string) ([]byte, bool, error) { return s.FindCtx(context.Background(), id) }

// Commit implements scs.Store.
func (s *Store) Commit(id string, data []byte, expiry time.Time) error {
	return s.CommitCtx(context.Background(), id, data, expiry)
}

// Delete implements scs.Store.
func (s *Store) Delete(id string) error { return s.DeleteCtx(context.Background(), id) }
