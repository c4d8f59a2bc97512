package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// AgentPlatform is the platform of Android devices with an agent of their own, as the ledger names it.
const AgentPlatform = "android"

// ErrOtherDevice says that a key belongs to another device.
const ErrOtherDevice lock.Error = "the key is that of another device"

// Agent is an Android device as it enrols.
type Agent struct {
	Serial                       string // empty: nobody knows it again
	Name, Model, User, OSVersion string
	Key                          []byte            // the SHA-256 of its signing key
	Facts                        map[string]string // what it said of itself, and what it must not change later
	At                           time.Time         // when that was so
}

// EnrolAgent enrols a device in the caller's transaction and returns its ID. A serial number that an Android device has stays that device:
// its ID is the same, and what was learnt of it before is forgotten. A key that another device has used is ErrOtherDevice. After the commit
// the ledger is to be told: see AnnounceAgent.
func (s *Store) EnrolAgent(ctx context.Context, tx *sql.Tx, a Agent) (id string, err error) {
	var bound string
	err = tx.QueryRowContext(ctx, `SELECT device FROM server_bindings WHERE cert = $1`, a.Key).Scan(&bound)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", err
	}
	id, kind, err := s.place(ctx, tx, a)
	switch {
	case err != nil:
		return "", err
	case bound == "":
		_, err = tx.ExecContext(ctx, `INSERT INTO server_bindings (cert, device, unrecorded, expires_at) VALUES ($1, $2, $3, 0)`, a.Key, id, kind)
	case bound == id:
		_, err = tx.ExecContext(ctx, `UPDATE server_bindings SET unrecorded = $2 WHERE cert = $1`, a.Key, kind)
	default:
		return "", ErrOtherDevice
	}
	if err != nil {
		return "", err
	}
	return id, remember(ctx, tx, id, a.Facts, a.At)
}

// place writes the device itself, and tells whether it is known.
func (s *Store) place(ctx context.Context, tx *sql.Tx, a Agent) (id, kind string, err error) {
	now := db.Micros(s.now())
	err = tx.QueryRowContext(ctx, `SELECT id FROM server_devices WHERE serial = $1 AND serial <> '' AND platform = $2 ORDER BY id LIMIT 1`,
		a.Serial, AgentPlatform).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		id = string(lock.NewID(s.now()))
		_, err = tx.ExecContext(ctx, `INSERT INTO server_devices
			(id, platform, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
			VALUES ($1, $2, $3, $4, $5, $6, $7, '', 1, $8, $8, $9)`,
			id, AgentPlatform, a.Serial, a.Name, a.User, a.Model, a.OSVersion, now, a.Key)
		return id, boundNew, err
	}
	if err == nil {
		err = forget(ctx, tx, id)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE server_devices SET name = $2, user_name = $3, model = $4, os_version = $5, cert = $6,
			enrolled = 1, removed = 0, enrolled_at = $7, seen_at = $7 WHERE id = $1`, id, a.Name, a.User, a.Model, a.OSVersion, a.Key, now)
	}
	return id, boundAgain, err
}

// AnnounceAgent tells the ledger that a device has enrolled, unless it knows; of several callers one does, and the others wait for up to 5
// seconds. It comes before any answer to the device.
func (s *Store) AnnounceAgent(ctx context.Context, id string) error {
	return s.announce(ctx, id, factKey)
}

// LearnAgent replaces, in the caller's transaction, what an enrolled Android device said of itself by what a says (OSVersion, Facts, At), but
// for the facts that are to be kept. A device that is not enrolled (any more) is lock.ErrNotFound.
func (s *Store) LearnAgent(ctx context.Context, tx *sql.Tx, id string, a Agent, kept ...string) error {
	done, err := tx.ExecContext(ctx, `UPDATE server_devices SET os_version = $2 WHERE id = $1 AND platform = $3 AND enrolled = 1`,
		id, a.OSVersion, AgentPlatform)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("device %w", lock.ErrNotFound))
	}
	known, err := names(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, name := range known {
		if _, said := a.Facts[name]; said || slices.Contains(kept, name) {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM server_facts WHERE device = $1 AND name = $2`, id, name); err != nil {
			return err
		}
	}
	return remember(ctx, tx, id, a.Facts, a.At)
}

// names are the facts that are known of a device.
func names(ctx context.Context, tx *sql.Tx, device string) (found []string, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT name FROM server_facts WHERE device = $1`, device)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found = append(found, name)
	}
	return found, rows.Err()
}

// FindAgent returns an enrolled Android device with its facts. One that is not enrolled is lock.ErrNotFound.
func (s *Store) FindAgent(ctx context.Context, id string) (Device, error) {
	d, err := s.Find(ctx, id)
	if err == nil && (!d.Enrolled || d.Platform != AgentPlatform) {
		err = fmt.Errorf("device %w", lock.ErrNotFound)
	}
	return d, err
}

// SeenAgent notes a sign of life of an Android device that has proved who it is.
func (s *Store) SeenAgent(ctx context.Context, id string) error { return s.touch(ctx, id) }
