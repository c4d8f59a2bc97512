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
	Name                  string
	Serial, Model, Holder string // as whoever enters it knows them; empty: what was known stays, or nothing is
	Certificate           []byte // the SHA-256 of the certificate that was issued to it
	Expires               time.Time
	Wiped                 bool // it was reset since it was entered
}

// EnterComputer enters a Windows device, which has not come yet, in the caller's transaction under an ID, which for a known one is that of
// before. While it is enrolled, and was not wiped, its certificate is renewed, and what was learnt of it stays; else it enrols again, and what
// was learnt before is forgotten. The certificate of before is good no more. After the commit the ledger is to be told, see AnnounceComputer:
// that ends what the device was told before only where it is new, or was wiped. An ID of another platform's device is lock.ErrNotFound.
func (s *Store) EnterComputer(ctx context.Context, tx *sql.Tx, id string, c Computer) (renewed bool, err error) {
	now, kind := db.Micros(s.now()), boundRenewed
	err = tx.QueryRowContext(ctx, `SELECT enrolled FROM server_devices WHERE id = $1`, id).Scan(&renewed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		kind = boundNew
		_, err = tx.ExecContext(ctx, `INSERT INTO server_devices
			(id, platform, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
			VALUES ($1, $2, $3, $4, $5, $6, '', '', 1, $7, 0, $8)`, id, ComputerPlatform, c.Serial, c.Name, c.Holder, c.Model, now, c.Certificate)
	case err == nil && (!renewed || c.Wiped):
		if kind, renewed = boundBack, false; c.Wiped {
			kind = boundAgain
		}
		err = forget(ctx, tx, id)
	}
	if err == nil && kind != boundNew {
		err = changed(tx.ExecContext(ctx, `UPDATE server_devices SET name = $3, cert = $4, removed = 0, enrolled = 1,
			enrolled_at = CASE WHEN $5 THEN enrolled_at ELSE $6 END, serial = CASE WHEN $7 = '' THEN serial ELSE $7 END,
			model = CASE WHEN $8 = '' THEN model ELSE $8 END, user_name = CASE WHEN $9 = '' THEN user_name ELSE $9 END
			WHERE id = $1 AND platform = $2`, id, ComputerPlatform, c.Name, c.Certificate, renewed, now, c.Serial, c.Model, c.Holder))
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO server_bindings (cert, device, unrecorded, expires_at) VALUES ($1, $2, $3, $4)`,
			c.Certificate, id, kind, db.Micros(c.Expires))
	}
	return renewed, err
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

// Learnt is what was learnt of a Windows device just now. What is empty, or not among the facts, changes nothing.
type Learnt struct {
	Facts         map[string]string
	OSVersion     string
	Serial, Model string // kept where none is known; the serial number only if no other device has it, removed ones included, in any case
}

// LearnComputer keeps, in the caller's transaction, what was learnt of an enrolled Windows device, and returns the serial number that the
// inventory has for it then. A device that is not enrolled (any more) is lock.ErrNotFound.
func (s *Store) LearnComputer(ctx context.Context, tx *sql.Tx, id string, l Learnt) (serial string, err error) {
	err = tx.QueryRowContext(ctx, `UPDATE server_devices SET os_version = CASE WHEN $3 = '' THEN os_version ELSE $3 END,
		serial = CASE WHEN serial <> '' OR $4 = '' OR EXISTS (SELECT 1 FROM server_devices o WHERE o.id <> $1 AND lower(o.serial) = lower($4))
			THEN serial ELSE $4 END,
		model = CASE WHEN model = '' THEN $5 ELSE model END
		WHERE id = $1 AND platform = $2 AND enrolled = 1 RETURNING serial`, id, ComputerPlatform, l.OSVersion, l.Serial, l.Model).Scan(&serial)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("device %w", lock.ErrNotFound)
	}
	if err != nil {
		return "", err
	}
	return serial, remember(ctx, tx, id, l.Facts, s.now())
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
