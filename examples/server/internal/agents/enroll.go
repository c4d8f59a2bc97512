package agents

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Enroll implements agent.Enrollments. The code, the device and its keys are one transaction, and the ledger is told before the device is
// answered.
func (s *Store) Enroll(ctx context.Context, e agent.Enrollment) (_ lock.Device, settled bool, err error) {
	key, err := x509.MarshalPKIXPublicKey(e.SigningKey)
	if err != nil {
		return lock.Device{}, false, fmt.Errorf("enrol: %w", err)
	}
	sum := sha256.Sum256(key)
	var id string
	err = s.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		if id, err = s.checkCode(ctx, tx, e.Code, sum[:]); err != nil || id != "" {
			return err
		}
		id, err = s.arrive(ctx, tx, e, key, sum[:])
		return err
	})
	if errors.Is(err, inventory.ErrOtherDevice) {
		return lock.Device{}, false, fmt.Errorf("%w: %w", agent.ErrCode, err)
	}
	if err != nil {
		return lock.Device{}, false, fmt.Errorf("enrol: %w", err)
	}
	if err := s.Inventory.AnnounceAgent(ctx, id); err != nil {
		return lock.Device{}, false, err
	}
	d, err := s.Inventory.FindAgent(ctx, id)
	return d.Device, true, err
}

// arrive enrols the device and uses the code up. The number of its commands goes on after a gap (see the inventory): no command is numbered
// for who was enrolled before.
func (s *Store) arrive(ctx context.Context, tx *sql.Tx, e agent.Enrollment, key, sum []byte) (id string, err error) {
	said := described(e.State)
	said.Serial, said.Name, said.Model, said.User, said.Key = e.Serial, e.Name, e.Model, e.User, sum
	said.Facts[string(android.FactAgreementKey)] = e.AgreementKey
	if id, err = s.Inventory.EnrolAgent(ctx, tx, said); err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_agents
		(device, signing_key, seq, fcm_token, fcm_at, fcm_dead_at, state_at, provisions, provision_at, question, asks, asked_at)
		VALUES ($1, $2, 0, $3, $4, 0, $5, 0, 0, '', 0, 0) ON CONFLICT (device) DO UPDATE SET signing_key = excluded.signing_key,
		fcm_token = excluded.fcm_token, fcm_at = excluded.fcm_at, fcm_dead_at = 0, state_at = excluded.state_at, provisions = 0,
		provision_at = 0, question = '', asks = 0, asked_at = 0`, id, key, e.FCMToken, db.Micros(s.Now()), db.Micros(e.State.At))
	if err != nil {
		return "", err
	}
	_, err = tx.ExecContext(ctx, `UPDATE server_agent_codes SET signing_key = $2, device = $3 WHERE sha256 = $1`, hashCode(e.Code), sum, id)
	return id, err
}

// Device implements agent.Enrollments. That the ledger does not know yet of the enrolment is made good first.
func (s *Store) Device(ctx context.Context, id string) (agent.Enrolled, error) {
	var der []byte
	var last int64
	err := sql.ErrNoRows
	if db.IsText(id) {
		err = s.DB.Readers.QueryRowContext(ctx, `SELECT a.signing_key, a.seq FROM server_agents a JOIN server_devices d ON d.id = a.device
			WHERE a.device = $1 AND d.enrolled = 1`, id).Scan(&der, &last)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return agent.Enrolled{}, agent.ErrNotEnrolled
	}
	if err != nil {
		return agent.Enrolled{}, fmt.Errorf("look up the enrolment: %w", err)
	}
	if err := s.Inventory.AnnounceAgent(ctx, id); err != nil {
		return agent.Enrolled{}, err
	}
	key, err := parseKey(der)
	if err != nil {
		return agent.Enrolled{}, err
	}
	d, err := s.Inventory.FindAgent(ctx, id)
	if errors.Is(err, lock.ErrNotFound) { // it was removed just now
		return agent.Enrolled{}, agent.ErrNotEnrolled
	}
	return agent.Enrolled{Device: d.Device, Key: key, Last: last}, err
}

// parseKey reads the signing key of a device as arrive keeps it.
func parseKey(der []byte) (*ecdsa.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("the device's signing key is not readable")
	}
	return key, nil
}
