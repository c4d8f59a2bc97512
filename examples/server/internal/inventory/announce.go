package inventory

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// What came of the binding of a certificate.
const (
	boundNew     = "new"
	boundAgain   = "again" // to a device that was known: it was wiped, or something enrols in its name
	boundRenewed = "renewed"
)

// The facts that name what was bound to a device.
const (
	factCertificate = "certificate_sha256"
	factKey         = "key_sha256"
)

// announce tells the ledger that a certificate or a key was bound to a device, unless kind is empty: then it knows. But for a renewal that ends
// what an earlier enrolment left behind. It comes before any answer to who has the certificate.
//
// Binding and telling are several commits, so the binding keeps that the ledger does not know yet. One caller at a time tells it, on all
// servers of the database, and the others wait: told a second time, later, it would end what was ordered since. Where the server stops in
// between, the ledger is told again, which ends nothing more: the device was not answered, and had nothing since.
func (s *Store) announce(ctx context.Context, device, what string, sum []byte, kind string) error {
	if kind == "" {
		return nil
	}
	select {
	case s.telling <- struct{}{}:
		defer func() { <-s.telling }()
	case <-ctx.Done():
		return fmt.Errorf("tell the ledger of the enrolment: %w", ctx.Err())
	}
	return s.db.Alone(ctx, func(ctx context.Context) error {
		return s.tell(context.WithoutCancel(ctx), device, what, sum) // what has begun does not end because somebody hangs up
	})
}

// tell is announce for the one whose turn it is. Of a binding that another enrolment has replaced the ledger keeps the notice alone: that of
// the other one ends what was before.
func (s *Store) tell(ctx context.Context, device, what string, sum []byte) error {
	var kind string
	var current bool
	err := s.db.Readers.QueryRowContext(ctx, `SELECT b.unrecorded, d.enrolled = 1 AND b.cert IN (d.cert, coalesce(d.old_cert, d.cert))
		FROM server_bindings b JOIN server_devices d ON d.id = b.device WHERE b.cert = $1`, sum).Scan(&kind, &current)
	if err != nil {
		return fmt.Errorf("look up the enrolment: %w", err)
	}
	if kind == "" { // another was faster
		return nil
	}
	if kind != boundRenewed && current {
		d, err := s.Find(ctx, device)
		if err == nil {
			err = s.notices.Seen(ctx, d.Device, lock.EvidenceReenrolled)
		}
		if err != nil {
			return fmt.Errorf("tell the ledger of the enrolment: %w", err)
		}
	}
	facts := map[string]string{"kind": kind, "device": device, what: hex.EncodeToString(sum)}
	if err := s.notices.Note(ctx, lock.Actor{ID: "device"}, lock.EventEnrolled, Scope, facts); err != nil {
		return fmt.Errorf("record the enrolment: %w", err)
	}
	if _, err := s.db.Exec(ctx, `UPDATE server_bindings SET unrecorded = '' WHERE cert = $1`, sum); err != nil {
		return fmt.Errorf("record the enrolment: %w", err)
	}
	return nil
}
