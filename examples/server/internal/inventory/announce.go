package inventory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// What came of the binding of a certificate.
const (
	boundNew     = "new"
	boundAgain   = "again" // to a device that was known: it was wiped, or something enrols in its name
	boundBack    = "back"  // to a device that had left: nothing says that it was wiped
	boundRenewed = "renewed"
)

// The facts that name what was bound to a device.
const (
	factCertificate = "certificate_sha256"
	factKey         = "key_sha256"
)

const (
	claimTime = 30 * time.Second // how long who tells the ledger is left alone: after that the server is taken to have stopped
	tellTime  = 20 * time.Second // how long that may take; what lies between is for clocks that differ
	waitTime  = 5 * time.Second  // how long others wait for it
	waitPause = 20 * time.Millisecond
)

// announce tells the ledger which certificates or keys were bound to a device, unless it knows. But for a renewal, and for
// a device that is back as it was, that ends what an earlier enrolment left behind. It comes before any answer to the device.
//
// Binding and telling are several commits, so the binding keeps that the ledger does not know yet. One caller at a time tells it of a device, on
// all servers of the database, and the others wait, or return an error: told a second time, later, it would end what was ordered since. Where
// the server stops in between, the ledger is told again, which ends nothing more: the device was not answered, and had nothing since.
func (s *Store) announce(ctx context.Context, device, what string) error {
	ctx, cancel := context.WithTimeout(ctx, waitTime)
	defer cancel()
	for {
		untold, err := s.untold(ctx, device)
		if err != nil || len(untold) == 0 {
			return err
		}
		if done, err := s.tell(ctx, device, what); err != nil || done {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the ledger is just being told of the enrolment: %w", ctx.Err())
		case <-time.After(waitPause):
		}
	}
}

// binding is one that the ledger does not know of.
type binding struct {
	sum     []byte
	kind    string
	current bool // not replaced by another enrolment; that of a Windows device stands for what was said when it was issued
}

// untold are the bindings of a device that the ledger does not know of, as far as is known in the order in which they were made.
func (s *Store) untold(ctx context.Context, device string) (found []binding, err error) {
	rows, err := s.db.Readers.QueryContext(ctx, `SELECT b.cert, b.unrecorded,
		d.enrolled = 1 AND (d.platform = $2 OR b.cert IN (d.cert, coalesce(d.old_cert, d.cert))) AS in_use
		FROM server_bindings b JOIN server_devices d ON d.id = b.device WHERE b.device = $1 AND b.unrecorded <> ''
		ORDER BY b.expires_at, in_use, b.unrecorded`, device, ComputerPlatform)
	if err != nil {
		return nil, fmt.Errorf("look up the enrolment: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var b binding
		if err := rows.Scan(&b.sum, &b.kind, &b.current); err != nil {
			return nil, fmt.Errorf("look up the enrolment: %w", err)
		}
		found = append(found, b)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("look up the enrolment: %w", err)
	}
	return found, nil
}

// tell is announce for the one who gets the device's row; done is false for others. What has begun does not end because somebody hangs up. A
// claim that cannot be given back, as the time is over, runs out.
func (s *Store) tell(ctx context.Context, device, what string) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTime)
	defer cancel()
	now := s.now()
	until := db.Micros(now.Add(claimTime))
	claimed, err := s.db.Exec(ctx, `UPDATE server_devices SET told_until = $2 WHERE id = $1 AND told_until <= $3`, device, until, db.Micros(now))
	if err != nil || claimed == 0 {
		return false, err
	}
	err = s.tellAll(ctx, device, what)
	_, release := s.db.Exec(ctx, `UPDATE server_devices SET told_until = 0 WHERE id = $1 AND told_until = $2`, device, until)
	return true, errors.Join(err, release)
}

// tellAll tells all that the ledger does not know of a device. Of a binding that another enrolment has replaced it keeps the notice alone: that
// of the other one ends what was before.
func (s *Store) tellAll(ctx context.Context, device, what string) error {
	untold, err := s.untold(ctx, device) // another may have been faster
	if err != nil {
		return err
	}
	if slices.ContainsFunc(untold, func(b binding) bool { return b.current && (b.kind == boundNew || b.kind == boundAgain) }) {
		d, err := s.Find(ctx, device)
		if err == nil {
			err = s.notices.Seen(ctx, d.Device, lock.EvidenceReenrolled)
		}
		if err != nil {
			return fmt.Errorf("tell the ledger of the enrolment: %w", err)
		}
	}
	for _, b := range untold {
		facts := map[string]string{"kind": b.kind, "device": device, what: hex.EncodeToString(b.sum)}
		if err := s.notices.Note(ctx, lock.Actor{ID: "device"}, lock.EventEnrolled, Scope, facts); err != nil {
			return fmt.Errorf("record the enrolment: %w", err)
		}
	}
	for _, b := range untold {
		if _, err := s.db.Exec(ctx, `UPDATE server_bindings SET unrecorded = '' WHERE cert = $1`, b.sum); err != nil {
			return fmt.Errorf("record the enrolment: %w", err)
		}
	}
	return nil
}
