package computers

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

const columns = `SELECT d.id, d.serial, d.name, c.dev_id, c.digest_user, c.digest, `

const tables = ` FROM server_computers c JOIN server_devices d ON d.id = c.device WHERE `

// Device implements windows.Devices. That the ledger does not know yet of a certificate is made good first. Who comes with the newest
// certificate of a device that was removed or disconnected is a former device: it may still owe a PIN. With one that was replaced it is nobody.
func (s *Store) Device(ctx context.Context, cert *x509.Certificate, id string) (windows.Enrolled, error) {
	e := windows.Enrolled{Device: lock.Device{Scope: inventory.Scope, Platform: inventory.ComputerPlatform}}
	var digest []byte
	row, err := s.lookUp(ctx, cert, id)
	if err == nil {
		err = row.Scan(&e.Device.ID, &e.Device.Serial, &e.Device.Name, &e.ID, &e.User, &digest, &e.Former)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return windows.Enrolled{}, windows.ErrNotEnrolled
	}
	if err != nil {
		return windows.Enrolled{}, fmt.Errorf("look up the enrolment: %w", err)
	}
	if e.Former { // its certificate is enough
		e.User = ""
		return e, nil
	}
	return s.current(ctx, e, digest)
}

// current completes an enrolled device.
func (s *Store) current(ctx context.Context, e windows.Enrolled, digest []byte) (windows.Enrolled, error) {
	if len(digest) > 0 {
		inner, err := s.decrypt(whatDigest, e.Device.ID, digest)
		if err != nil {
			return windows.Enrolled{}, err
		}
		e.Inner = string(inner)
	}
	if err := s.Inventory.AnnounceComputer(ctx, e.Device.ID); err != nil {
		return windows.Enrolled{}, err
	}
	// Without a certificate nothing is proved yet; but that is for demonstrations alone, whose devices would seem to be gone.
	if err := s.Inventory.SeenComputer(ctx, e.Device.ID); err != nil {
		return windows.Enrolled{}, err
	}
	found, err := s.Inventory.FindComputer(ctx, e.Device.ID)
	if errors.Is(err, lock.ErrNotFound) { // it was removed just now
		e.Former, e.User, e.Inner = true, "", ""
		return e, nil
	}
	e.Device = found.Device
	return e, err
}

// lookUp finds a device by its certificate, or without one by its ID, if it has a digest.
func (s *Store) lookUp(ctx context.Context, cert *x509.Certificate, id string) (*sql.Row, error) {
	if cert != nil {
		sum := sha256.Sum256(cert.Raw)
		return s.DB.Readers.QueryRowContext(ctx, columns+`d.enrolled = 0 OR d.removed = 1`+tables+`d.cert = $1`, sum[:]), nil
	}
	if len(id) > maxID || !db.IsText(id) {
		return nil, sql.ErrNoRows
	}
	return s.DB.Readers.QueryRowContext(ctx, columns+`FALSE`+tables+`d.enrolled = 1 AND d.removed = 0 AND c.dev_id = $1 AND c.digest IS NOT NULL`,
		id), nil
}
