package db

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"
)

const (
	beatEvery = 5 * time.Second
	// beatRoom is more than a page, so that a write of it needs a page that is free or new. What is written after something was deleted
	// in its place would need none, and so tell nothing of a full disk.
	beatRoom = 8 << 10
)

// heartbeat is what the last try to write came to.
type heartbeat struct {
	turn chan struct{} // full while somebody is here
	next time.Time     // when it may be tried again
	err  error
}

// canWrite is an error when the last try to write failed.
func (d *DB) canWrite(ctx context.Context) error {
	select {
	case d.beat.turn <- struct{}{}:
		defer func() { <-d.beat.turn }()
	case <-ctx.Done():
		return fmt.Errorf("database: %w", ctx.Err())
	}
	if time.Now().Before(d.beat.next) {
		return d.beat.err
	}
	err := d.Write(ctx, func(tx *sql.Tx) error { return writeBeat(ctx, tx) })
	if err != nil {
		err = fmt.Errorf("the database cannot be written, see whether its disk is full: %w", err)
	}
	if ctx.Err() == nil { // else it says nothing of the database
		d.beat.next, d.beat.err = time.Now().Add(beatEvery), err
	}
	return err
}

// writeBeat writes a row under a name that no other server has, and deletes it.
func writeBeat(ctx context.Context, tx *sql.Tx) error {
	id := rand.Text()
	if _, err := tx.ExecContext(ctx, `INSERT INTO server_heartbeat (id, room) VALUES ($1, $2)`, id, make([]byte, beatRoom)); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM server_heartbeat WHERE id = $1`, id)
	return err
}
