package inventory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
)

// Authenticate implements mdmproto.Enrollments. The certificate decides: one that was issued to renew that of this device renews, any
// other new one enrols anew, and one that another device has used, or that this device has replaced, is refused.
//
// The ledger is told once of each certificate, before any message under it is answered, also when who sent this one hangs up. A repeated
// Authenticate says nothing new: a message that somebody recorded must not make a locked device look wiped.
func (s *Store) Authenticate(ctx context.Context, cert *x509.Certificate, m mdmproto.Checkin) (lock.Device, bool, error) {
	renews, err := s.issuer.Renews(ctx, cert)
	if errors.Is(err, ca.ErrUnknown) {
		return lock.Device{}, false, fmt.Errorf("%w: %w", mdmproto.ErrNotEnrolled, err)
	}
	if err != nil {
		return lock.Device{}, false, fmt.Errorf("enrol: %w", err)
	}
	if m.IsUser() || renews != "" && renews != m.ID() {
		return lock.Device{}, false, mdmproto.ErrNotEnrolled
	}
	a := arrival{store: s, id: m.ID(), sum: fingerprint(cert), expires: cert.NotAfter, renews: renews != "", m: m}
	if err := s.db.Write(ctx, func(tx *sql.Tx) error { return a.record(ctx, tx) }); err != nil {
		return lock.Device{}, false, fmt.Errorf("enrol: %w", err)
	}
	if err := s.announce(ctx, a.id, factCertificate); err != nil {
		return lock.Device{}, false, err
	}
	d, err := s.Find(ctx, a.id)
	return d.Device, true, err // the ledger was told
}

func fingerprint(cert *x509.Certificate) []byte {
	sum := sha256.Sum256(cert.Raw)
	return sum[:]
}

// arrival is one Authenticate being recorded.
type arrival struct {
	store   *Store
	id      string
	sum     []byte
	expires time.Time
	renews  bool // the certificate was issued to renew that of this device
	m       mdmproto.Checkin
}

func (a *arrival) record(ctx context.Context, tx *sql.Tx) error {
	var owner string
	var current bool
	err := tx.QueryRowContext(ctx, `SELECT b.device, d.cert = b.cert AND d.enrolled = 1 AND d.platform = $2
		FROM server_bindings b JOIN server_devices d ON d.id = b.device WHERE b.cert = $1`, a.sum, mdmproto.PlatformName).Scan(&owner, &current)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return a.bind(ctx, tx)
	case err != nil:
		return err
	case owner != a.id || !current:
		return mdmproto.ErrNotEnrolled
	}
	return a.describe(ctx, tx)
}

// bind gives the device a new certificate.
func (a *arrival) bind(ctx context.Context, tx *sql.Tx) error {
	now := db.Micros(a.store.now())
	var enrolled bool
	var platform string
	unrecorded := boundNew
	err := tx.QueryRowContext(ctx, `SELECT enrolled, platform FROM server_devices WHERE id = $1`, a.id).Scan(&enrolled, &platform)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `INSERT INTO server_devices
			(id, serial, name, user_name, model, os_version, product_name, enrolled, enrolled_at, seen_at, cert)
			VALUES ($1, '', '', '', '', '', '', 1, $2, $2, $3)`, a.id, now, a.sum)
	case err != nil:
	case platform != mdmproto.PlatformName: // it takes the name of another device
		return mdmproto.ErrNotEnrolled
	case a.renews && enrolled:
		// The certificate that the device used last stays good until the new one is used: the answer to this message may get lost.
		unrecorded = boundRenewed
		_, err = tx.ExecContext(ctx, `UPDATE server_devices SET old_cert = coalesce(old_cert, cert), cert = $2, seen_at = $3
			WHERE id = $1`, a.id, a.sum, now)
	default:
		unrecorded = boundAgain
		err = a.wiped(ctx, tx, now)
	}
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_bindings (cert, device, unrecorded, expires_at)
		VALUES ($1, $2, $3, $4)`, a.sum, a.id, unrecorded, db.Micros(a.expires))
	if err != nil {
		return err
	}
	return a.describe(ctx, tx)
}

// wiped begins a new enrolment of a known device: what was learnt of the earlier one is not known of this one.
func (a *arrival) wiped(ctx context.Context, tx *sql.Tx, now int64) error {
	if err := forget(ctx, tx, a.id); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE server_devices SET cert = $2, old_cert = NULL, enrolled = 1, removed = 0, enrolled_at = $3,
		seen_at = $3, os_version = '', user_name = '' WHERE id = $1`, a.id, a.sum, now)
	return err
}

// forget drops what was learnt of a device, where its pushes go, what it was asked, and what it proves itself with beside a certificate. An
// agent's commands are numbered on after a gap, so that whoever read the last number before gets no number with it.
func forget(ctx context.Context, tx *sql.Tx, device string) error {
	for _, statement := range []string{
		`DELETE FROM server_facts WHERE device = $1`,
		`DELETE FROM server_channels WHERE device = $1`,
		`DELETE FROM server_queries WHERE device = $1`,
		`UPDATE server_agents SET fcm_token = '', seq = seq + 1 WHERE device = $1`,
		`UPDATE server_computers SET digest_user = '', digest = NULL, session = NULL, version = version + 1, channel = '', channel_at = 0,
			asked_at = 0 WHERE device = $1`,
	} {
		if _, err := tx.ExecContext(ctx, statement, device); err != nil {
			return err
		}
	}
	return nil
}

// describe keeps what the message says of the device; what it leaves out stays.
func (a *arrival) describe(ctx context.Context, tx *sql.Tx) error {
	m := a.m
	facts := map[string]string{
		"DeviceName": m.DeviceName, "ModelName": m.ModelName, "Model": m.Model, "ProductName": m.ProductName,
		"SerialNumber": m.SerialNumber, "OSVersion": m.OSVersion, "BuildVersion": m.BuildVersion,
	}
	if m.UDID == "" { // a user enrolment has an EnrollmentID in its place
		facts["ManagementStatus.IsUserEnrollment"] = "true"
	}
	for name, value := range facts {
		if value == "" {
			delete(facts, name)
		}
	}
	return a.store.learn(ctx, tx, a.id, facts)
}

// Device implements mdmproto.Enrollments.
func (s *Store) Device(ctx context.Context, cert *x509.Certificate, enrollmentID string) (lock.Device, error) {
	sum := fingerprint(cert)
	var first bool // the first message with a renewed certificate
	err := s.db.Readers.QueryRowContext(ctx, `SELECT cert = $2 AND old_cert IS NOT NULL FROM server_devices
		WHERE id = $1 AND enrolled = 1 AND platform = $3 AND (cert = $2 OR old_cert = $2)`, enrollmentID, sum, mdmproto.PlatformName).Scan(&first)
	if errors.Is(err, sql.ErrNoRows) {
		return lock.Device{}, mdmproto.ErrNotEnrolled
	}
	if err != nil {
		return lock.Device{}, fmt.Errorf("look up the enrolment: %w", err)
	}
	if err := s.announce(ctx, enrollmentID, factCertificate); err != nil {
		return lock.Device{}, err
	}
	if first { // only now: the ledger is told of an enrolment under the old one as long as that is the device's
		_, err := s.db.Exec(ctx, `UPDATE server_devices SET old_cert = NULL WHERE id = $1 AND cert = $2`, enrollmentID, sum)
		if err != nil {
			return lock.Device{}, fmt.Errorf("retire the old certificate: %w", err)
		}
	}
	if err := s.touch(ctx, enrollmentID); err != nil {
		return lock.Device{}, err
	}
	d, err := s.Find(ctx, enrollmentID)
	return d.Device, err
}

// BoundTo returns the enrolled Apple device that uses this certificate now, and "" when there is none.
func (s *Store) BoundTo(ctx context.Context, cert *x509.Certificate) (device string, err error) {
	err = s.db.Readers.QueryRowContext(ctx, `SELECT id FROM server_devices
		WHERE enrolled = 1 AND platform = $2 AND (cert = $1 OR old_cert = $1)`, fingerprint(cert), mdmproto.PlatformName).Scan(&device)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return device, err
}

// TokenUpdate implements mdmproto.Enrollments. The device's own completes its enrolment, and asks it anew what it is.
func (s *Store) TokenUpdate(ctx context.Context, d lock.Device, m mdmproto.Checkin) error {
	user := cmp.Or(m.UserLongName, m.UserShortName)
	err := s.db.Write(ctx, func(tx *sql.Tx) error {
		var enrolled bool // still, and not removed just now
		err := tx.QueryRowContext(ctx, `SELECT enrolled FROM server_devices WHERE id = $1`, d.ID).Scan(&enrolled)
		if err != nil {
			return err
		}
		if !enrolled {
			return mdmproto.ErrNotEnrolled
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO server_channels (device, user_id, user_name, token, magic, topic, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (device, user_id) DO UPDATE SET user_name = excluded.user_name,
			token = excluded.token, magic = excluded.magic, topic = excluded.topic, updated_at = excluded.updated_at,
			dead_at = CASE WHEN server_channels.token = excluded.token THEN server_channels.dead_at ELSE 0 END`,
			d.ID, m.User(), user, m.Token.Bytes(), m.PushMagic.Bytes(), m.Topic, db.Micros(s.now()))
		if err != nil {
			return err
		}
		if m.IsUser() {
			_, err := tx.ExecContext(ctx, `UPDATE server_devices SET user_name = $2 WHERE id = $1`, d.ID, user)
			return err
		}
		return ask(ctx, tx, d.ID)
	})
	if err != nil {
		return fmt.Errorf("keep the push token: %w", err)
	}
	return nil
}

// CheckOut implements mdmproto.Enrollments.
func (s *Store) CheckOut(ctx context.Context, d lock.Device, _ mdmproto.Checkin) error {
	_, err := s.db.Exec(ctx, `UPDATE server_devices SET enrolled = 0, old_cert = NULL,
		seen_at = CASE WHEN seen_at < $2 THEN $2 ELSE seen_at END WHERE id = $1`, d.ID, db.Micros(s.now()))
	if err != nil {
		return fmt.Errorf("note the check-out: %w", err)
	}
	return nil
}
