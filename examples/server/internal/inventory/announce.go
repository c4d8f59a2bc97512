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
// what an earlier enrolment left behind. It comes before any answer to who has the certificate. Binding and telling are several commits,
// so the binding keeps that the ledger does not know yet: what stops the server between them leads to a second notice at worst, never to
// none.
func (s *Store) announce(ctx context.Context, device, what string, sum []byte, kind string) error {
	if kind == "" {
		return nil
	}
	if kind != boundRenewed {
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
