package computers

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// maxName is the longest name of a device or an account, and maxID the longest ID with which a device names itself; both in bytes.
const (
	maxName = 64
	maxID   = 256
)

// Entry is a Windows device that is to be entered.
type Entry struct {
	Name string           // as people call it
	ID   string           // how it names itself (DevInfo/DevId); empty: one is made, which the device must be given
	User string           // the name of its account for digests; empty: its certificate is enough
	Key  crypto.PublicKey // that of its certificate: RSA or ECDSA
}

// Entered is a device that was entered.
type Entered struct {
	Device      string // the server's ID of it
	ID          string // how it must name itself
	Secret      string // of its account for digests; empty: it has none. Nobody can read it again
	Certificate []byte // DER
	Renewed     bool   // the device was known: what it had as its certificate, and as its secret, is good no more
}

// Enter enters a device and issues a certificate to it. A device that has the same ID is that one: it keeps its history, and what it was issued
// before is good no more. Who ordered it is on record before the certificate leaves, as is the binding of it. What is wrong with an entry is a
// *lock.InputError.
func (s *Store) Enter(ctx context.Context, a lock.Actor, e Entry) (made Entered, err error) {
	if err := e.check(); err != nil {
		return Entered{}, err
	}
	if e.ID == "" {
		e.ID = "urn:uuid:" + string(lock.NewID(s.Now()))
	}
	if err := s.record(ctx, a, e); err != nil {
		return Entered{}, err
	}
	secret := ""
	if e.User != "" {
		secret = rand.Text()
	}
	err = s.DB.Write(ctx, func(tx *sql.Tx) (err error) {
		made, err = s.enter(ctx, tx, e, secret)
		return err
	})
	if err != nil {
		return Entered{}, fmt.Errorf("enter a Windows device: %w", err)
	}
	return made, s.Inventory.AnnounceComputer(ctx, made.Device)
}

func (e Entry) check() error {
	for _, c := range []struct {
		field, value string
		most         int
	}{{"name", e.Name, maxName}, {"id", e.ID, maxID}, {"user", e.User, maxName}} {
		if len(c.value) > c.most || !db.IsText(c.value) || strings.ContainsFunc(c.value, unicode.IsControl) ||
			strings.TrimSpace(c.value) != c.value {
			return &lock.InputError{Field: c.field, Rule: fmt.Sprintf("must have at most %d bytes of text, without white space around it", c.most)}
		}
	}
	switch {
	case e.Name == "":
		return &lock.InputError{Field: "name", Rule: "must say what the device is called"}
	case strings.Contains(e.User, ":"): // the digest is of user:secret
		return &lock.InputError{Field: "user", Rule: "must have no colon"}
	}
	return nil
}

// record notes who is given a certificate.
func (s *Store) record(ctx context.Context, a lock.Actor, e Entry) error {
	facts := map[string]string{"kind": "enrol", "platform": inventory.ComputerPlatform}
	known, err := find(ctx, s.DB.Readers, e.ID)
	if err != nil {
		return fmt.Errorf("look up a Windows device: %w", err)
	}
	if known != "" {
		facts["kind"], facts["device"] = "renew", known
	}
	if err := s.Notices.Note(ctx, a, lock.EventEnrolmentLink, inventory.Scope, facts); err != nil {
		return fmt.Errorf("record the certificate: %w", err)
	}
	return nil
}

// find returns the device that names itself so, "" when there is none.
func find(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, id string) (device string, err error) {
	err = from.QueryRowContext(ctx, `SELECT device FROM server_computers WHERE dev_id = $1`, id).Scan(&device)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return device, err
}

// enter is Enter for what is written in one transaction.
func (s *Store) enter(ctx context.Context, tx *sql.Tx, e Entry, secret string) (made Entered, err error) {
	made = Entered{ID: e.ID, Secret: secret}
	if made.Device, err = find(ctx, tx, e.ID); err != nil {
		return Entered{}, err
	}
	if made.Renewed = made.Device != ""; !made.Renewed {
		made.Device = string(lock.NewID(s.Now()))
	}
	if made.Certificate, err = s.CA.IssueTo(ctx, tx, made.Device, e.Key); err != nil {
		return Entered{}, err
	}
	cert, err := x509.ParseCertificate(made.Certificate)
	if err != nil {
		return Entered{}, err
	}
	sum := sha256.Sum256(made.Certificate)
	c := inventory.Computer{Name: e.Name, Certificate: sum[:], Expires: cert.NotAfter}
	if err := s.Inventory.EnterComputer(ctx, tx, made.Device, made.Renewed, c); err != nil {
		return Entered{}, err
	}
	var digest []byte
	if e.User != "" {
		if digest, err = s.encrypt(whatDigest, made.Device, []byte(syncml.Inner(e.User, secret))); err != nil {
			return Entered{}, err
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO server_computers
		(device, dev_id, digest_user, digest, version, channel, channel_at, channel_dead_at, asked_at)
		VALUES ($1, $2, $3, $4, 0, '', 0, 0, 0)
		ON CONFLICT (device) DO UPDATE SET digest_user = excluded.digest_user, digest = excluded.digest`, made.Device, e.ID, e.User, digest)
	return made, err
}
