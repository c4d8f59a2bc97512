package inventory

import (
	"context"
	"encoding/hex"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
)

// announce puts it on record that a certificate was bound to a device, unless kind is empty: then it is on record. It comes before any
// answer to who has the certificate. Binding and notice are two commits, so the binding keeps that its notice is missing: what stops the
// server between them leads to a second notice at worst, never to none.
func (s *Store) announce(ctx context.Context, device string, sum []byte, kind string) error {
	if kind == "" {
		return nil
	}
	facts := map[string]string{"kind": kind, "device": device, "certificate_sha256": hex.EncodeToString(sum)}
	if err := s.notices.Note(ctx, lock.Actor{ID: "device"}, lock.EventEnrolled, Scope, facts); err != nil {
		return fmt.Errorf("record the enrolment: %w", err)
	}
	if _, err := s.db.Writer.ExecContext(ctx, `UPDATE server_bindings SET unrecorded = '' WHERE cert = $1`, sum); err != nil {
		return fmt.Errorf("record the enrolment: %w", err)
	}
	return nil
}
