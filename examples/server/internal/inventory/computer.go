package inventory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// ComputerPlatform is the platform of Windows devices, as the ledger names it.
const ComputerPlatform = "windows"

// Computer is a Windows device as it is entered.
type Computer struct {
	Name        string
	Certificate []byte // the SHA-256 of the certificate that was issued to it
	Expires     time.Time
}

// EnterComputer enters a Windows device in the caller's transaction under an ID, which for a known one is that of before: its certificate is good
// no more, and what was learnt of it stays, for it was not wiped. After the commit the ledger is to be told: see AnnounceComputer. A known
// device that is no Windows device is lock.ErrNotFound.
func (s *Store) EnterComputer(ctx context.Context, tx *sql.Tx, id string, known bool, c Computer) (err error) {
	now, kind := db.Micros(s.now()), boundNew
	if known {
		kind = boundRenewed
		err = changed(tx.ExecContext(ctx, `UPDATE server_devices SET name = $3, cert = $4, removed = 0,
			enrolled_at = CASE WHEN enrolled = 1 THEN enrolled_at ELSE $5 END, enrolled = 1
			WHERE id = $1 AND platform = $2`, id, ComputerPlatform, c.Name, c.Certificate, now))
	} else {
		_, err = tx.ExecContext(ctx, `INSERT INTO server_devices
			(id, platform, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
			VALUES ($1, $2, '', $3, '', '', '', '', 1, $4, $4, $5)`, id, ComputerPlatform, c.Name, now, c.Certificate)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO server_bindings (cert, device, unrecorded, expires_at) VALUES ($1, $2, $3, $4)`,
			c.Certificate, id, kind, db.Micros(c.Expires))
	}
	return err
}

// changed makes lock.ErrNotFound of a statement that found no device.
func changed(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("device %w", lock.ErrNotFound))
	}
	return nil
}

// AnnounceComputer tells the ledger which certificate a Windows device was given, unless it knows. It comes before any answer to the device.
func (s *Store) AnnounceComputer(ctx context.Context, id string) error {
	return s.announce(ctx, id, factCertificate)
}

// LearnComputer keeps, in the caller's transaction, what was learnt of an enrolled Windows device just now; what is not among it stays. An
// empty version changes nothing. A device that is not enrolled (any more) is lock.ErrNotFound.
func (s *Store) LearnComputer(ctx context.Context, tx *sql.Tx, id string, facts map[string]string, osVersion string) error {
	err := changed(tx.ExecContext(ctx, `UPDATE server_devices SET os_version = CASE WHEN $3 = '' THEN os_version ELSE $3 END
		WHERE id = $1 AND platform = $2 AND enrolled = 1`, id, ComputerPlatform, osVersion))
	if err != nil {
		return err
	}
	return remember(ctx, tx, id, facts, s.now())
}

// LeaveComputer notes that a Windows device said its user had disconnected it: it is not enrolled any more. What the ledger keeps of it stays.
func (s *Store) LeaveComputer(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE server_devices SET enrolled = 0, seen_at = CASE WHEN seen_at < $3 THEN $3 ELSE seen_at END
		WHERE id = $1 AND platform = $2`, id, ComputerPlatform, db.Micros(s.now()))
	if err != nil {
		return fmt.Errorf("note that the device was disconnected: %w", err)
	}
	return nil
}

// FindComputer returns an enrolled Windows device with its facts. One that is not enrolled is lock.ErrNotFound.
func (s *Store) FindComputer(ctx context.Context, id string) (Device, error) {
	d, err := s.Find(ctx, id)
	if err == nil && (!d.Enrolled || d.Platform != ComputerPlatform) {
		err = fmt.Errorf("device %w", lock.ErrNotFound)
	}
	return d, err
}

// SeenComputer notes a sign of life of a Windows device that has proved who it is.
func (s *Store) SeenComputer(ctx context.Context, id string) error { return s.touch(ctx, id) }
