package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Between its tries a call waits at least and at most so long.
const (
	shortPause = 50 * time.Millisecond
	longPause  = 800 * time.Millisecond
)

// turns is a place for each lone call that may have a connection. Those that come have places of their own, so that they do not queue behind
// those that wait for a long transaction.
type turns struct{ first, again chan struct{} }

func newTurns(connections int32) turns {
	return turns{first: make(chan struct{}, max(1, connections/2)), again: make(chan struct{}, max(1, connections/4))}
}

// alone writes a call in a transaction of its own. While others hold what it wants it tries again, as long as its caller waits, and has no
// connection in between: however many wait, there are connections for everybody else.
func (s *Store) alone(ctx context.Context, records []record) error {
	places := s.turns.first
	for pause := shortPause; ; pause = min(2*pause, longPause) {
		err := s.turn(ctx, places, records)
		if !held(err) {
			return err
		}
		places = s.turns.again
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return failed("commit", ctx.Err())
		}
	}
}

// turn tries once, when there is a place.
func (s *Store) turn(ctx context.Context, places chan struct{}, records []record) error {
	select {
	case places <- struct{}{}:
		defer func() { <-places }()
		return s.write(ctx, records)
	case <-ctx.Done():
		return failed("commit", ctx.Err())
	}
}

// held reports whether the transaction was given up because others hold what it wants.
func held(err error) bool {
	const lockNotAvailable = "55P03"
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == lockNotAvailable
}
