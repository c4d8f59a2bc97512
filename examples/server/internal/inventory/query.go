package inventory

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// The questions that every device is asked.
const (
	kindInformation = "DeviceInformation"
	kindSecurity    = "SecurityInfo"
)

// ask queues the questions, those that are still open as they are.
func ask(ctx context.Context, tx *sql.Tx, device string) error {
	for _, kind := range []string{kindInformation, kindSecurity} {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_queries (id, device, kind, deferred) VALUES ($1, $2, $3, 0)
			ON CONFLICT (device, kind) DO NOTHING`, newQueryID(), device, kind)
		if err != nil {
			return err
		}
	}
	return nil
}

// newQueryID makes a command ID that is none of the ledger's.
func newQueryID() string { return "query-" + strings.ToLower(rand.Text()) }

// Next implements mdmproto.Commands. A question stays until it is answered; after a NotNow it waits until the device comes by itself.
func (s *Store) Next(ctx context.Context, d lock.Device, answered mdmproto.Result) ([]byte, error) {
	if answered.IsUser() {
		return nil, nil
	}
	open, err := s.open(ctx, d.ID)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	if answered.Status == mdmproto.StatusIdle {
		if err := s.offerAgain(ctx, d.ID, open); err != nil {
			return nil, err
		}
	}
	for _, q := range open {
		if !q.deferred {
			return q.encode()
		}
	}
	return nil, nil
}

type query struct {
	id, kind string
	deferred bool
}

func (q query) encode() ([]byte, error) {
	if q.kind == kindSecurity {
		return mdmproto.SecurityInfo{}.Encode(q.id)
	}
	return mdmproto.DeviceInformation{}.Encode(q.id)
}

func (s *Store) open(ctx context.Context, device string) ([]query, error) {
	rows, err := s.db.Readers.QueryContext(ctx, `SELECT id, kind, deferred FROM server_queries WHERE device = $1 ORDER BY kind`, device)
	if err != nil {
		return nil, fmt.Errorf("read open questions: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var open []query
	for rows.Next() {
		var q query
		if err := rows.Scan(&q.id, &q.kind, &q.deferred); err != nil {
			return nil, fmt.Errorf("read open questions: %w", err)
		}
		open = append(open, q)
	}
	return open, rows.Err()
}

// offerAgain takes back that the device had no time for some of the questions.
func (s *Store) offerAgain(ctx context.Context, device string, open []query) error {
	waiting := false
	for i := range open {
		waiting = waiting || open[i].deferred
		open[i].deferred = false
	}
	if !waiting {
		return nil
	}
	if _, err := s.db.Exec(ctx, `UPDATE server_queries SET deferred = 0 WHERE device = $1`, device); err != nil {
		return fmt.Errorf("offer questions again: %w", err)
	}
	return nil
}

// Result implements mdmproto.Commands: what a device answered becomes facts. An answer to nothing that was asked is ignored.
func (s *Store) Result(ctx context.Context, d lock.Device, r mdmproto.Result) error {
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		var kind string
		err := tx.QueryRowContext(ctx, `SELECT kind FROM server_queries WHERE id = $1 AND device = $2`, r.CommandUUID, d.ID).Scan(&kind)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.Status == mdmproto.StatusNotNow {
			_, err := tx.ExecContext(ctx, `UPDATE server_queries SET deferred = 1 WHERE id = $1`, r.CommandUUID)
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM server_queries WHERE id = $1`, r.CommandUUID); err != nil {
			return err
		}
		return s.learn(ctx, tx, d.ID, r.Facts)
	})
	if err != nil {
		return fmt.Errorf("keep what the device answered: %w", err)
	}
	return nil
}

// learn keeps facts with their age, and copies those by which a device is listed.
func (s *Store) learn(ctx context.Context, tx *sql.Tx, device string, facts map[string]string) error {
	if err := remember(ctx, tx, device, facts, s.now()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE server_devices SET
		serial       = coalesce((SELECT value FROM server_facts WHERE device = $1 AND name = 'SerialNumber'), serial),
		name         = coalesce((SELECT value FROM server_facts WHERE device = $1 AND name = 'DeviceName'), name),
		model        = coalesce((SELECT value FROM server_facts WHERE device = $1 AND name = 'ModelName'), model),
		os_version   = coalesce((SELECT value FROM server_facts WHERE device = $1 AND name = 'OSVersion'), os_version),
		product_name = coalesce((SELECT value FROM server_facts WHERE device = $1 AND name = 'ProductName'), product_name)
		WHERE id = $1`, device)
	return err
}

// remember keeps facts with the time when they were so.
func remember(ctx context.Context, tx *sql.Tx, device string, facts map[string]string, at time.Time) error {
	for name, value := range facts {
		_, err := tx.ExecContext(ctx, `INSERT INTO server_facts (device, name, value, learnt_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (device, name) DO UPDATE SET value = excluded.value, learnt_at = excluded.learnt_at`,
			device, name, value, db.Micros(at))
		if err != nil {
			return err
		}
	}
	return nil
}
