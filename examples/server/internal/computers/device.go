package computers

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
)

const enrolledDevice = `SELECT c.device, c.dev_id, c.digest_user, c.digest FROM server_computers c
	JOIN server_devices d ON d.id = c.device WHERE d.enrolled = 1 AND d.removed = 0 AND `

// Device implements windows.Devices. That the ledger does not know yet of a certificate is made good first.
func (s *Store) Device(ctx context.Context, cert *x509.Certificate, id string) (windows.Enrolled, error) {
	var e windows.Enrolled
	var device string
	var digest []byte
	row, err := s.lookUp(ctx, cert, id)
	if err == nil {
		err = row.Scan(&device, &e.ID, &e.User, &digest)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return windows.Enrolled{}, windows.ErrNotEnrolled
	}
	if err != nil {
		return windows.Enrolled{}, fmt.Errorf("look up the enrolment: %w", err)
	}
	if len(digest) > 0 {
		inner, err := s.decrypt(whatDigest, device, digest)
		if err != nil {
			return windows.Enrolled{}, err
		}
		e.Inner = string(inner)
	}
	if err := s.Inventory.AnnounceComputer(ctx, device); err != nil {
		return windows.Enrolled{}, err
	}
	// Without a certificate nothing is proved yet; but that is for demonstrations alone, whose devices would seem to be gone.
	if err := s.Inventory.SeenComputer(ctx, device); err != nil {
		return windows.Enrolled{}, err
	}
	found, err := s.Inventory.FindComputer(ctx, device)
	if errors.Is(err, lock.ErrNotFound) { // it was removed just now
		return windows.Enrolled{}, windows.ErrNotEnrolled
	}
	e.Device = found.Device
	return e, err
}

// lookUp finds a device by its certificate, or without one by its ID, if it has a digest.
func (s *Store) lookUp(ctx context.Context, cert *x509.Certificate, id string) (*sql.Row, error) {
	if cert != nil {
		sum := sha256.Sum256(cert.Raw)
		return s.DB.Readers.QueryRowContext(ctx, enrolledDevice+`d.cert = $1`, sum[:]), nil
	}
	if len(id) > maxID || !db.IsText(id) {
		return nil, sql.ErrNoRows
	}
	return s.DB.Readers.QueryRowContext(ctx, enrolledDevice+`c.dev_id = $1 AND c.digest IS NOT NULL`, id), nil
}
