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
	"log/slog"
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
	Name                  string           // as people call it
	ID                    string           // how it names itself (DevInfo/DevId)
	Serial, Model, Holder string           // whose it is, and what is on its label; empty: as known before, or as the device says
	User                  string           // the name of its account for digests; empty: its certificate is enough
	Key                   crypto.PublicKey // that of its certificate: RSA or ECDSA
	Wiped                 bool             // it was reset: what it had before is gone, locks too
}

// Entered is a device that was entered.
type Entered struct {
	Device      string // the server's ID of it
	ID          string // how it must name itself
	Secret      string // of its account for digests; empty: it has none. Nobody can read it again
	Certificate []byte // DER
	Known       bool   // the device was entered before: what locks it still holds, unless it was wiped
	Renewed     bool   // the device is enrolled, and goes on: what it had as its certificate, and as its secret, is good no more
}

// Enter enters a device and issues a certificate to it. A device that has the same ID is that one: it keeps its history, and what it was issued
// before is good no more, also for a PIN that it still owes. One that was removed or disconnected is enrolled again; what was learnt of it is
// forgotten, and what locks it still holds. Who ordered it is on record before the certificate leaves, as is the binding of it;
// where that fails, the ledger is told at the device's first contact. What is wrong with an entry is a *lock.InputError.
func (s *Store) Enter(ctx context.Context, a lock.Actor, e Entry) (made Entered, err error) {
	if err := e.check(); err != nil {
		return Entered{}, err
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
	if err := s.Inventory.AnnounceComputer(ctx, made.Device); err != nil {
		s.Logger.WarnContext(ctx, "the ledger does not know yet of a certificate that was issued: it is told when the device comes",
			slog.String("device", made.Device), slog.Any("error", err))
	}
	return made, nil
}

func (e Entry) check() error {
	for _, c := range []struct {
		field, value string
		most         int
	}{
		{"name", e.Name, maxName}, {"id", e.ID, maxID}, {"user", e.User, maxName},
		{"serial", e.Serial, maxName}, {"model", e.Model, maxName}, {"holder", e.Holder, maxName},
	} {
		if len(c.value) > c.most || !db.IsText(c.value) || strings.ContainsFunc(c.value, unicode.IsControl) ||
			strings.TrimSpace(c.value) != c.value {
			return &lock.InputError{Field: c.field, Rule: fmt.Sprintf("must have at most %d bytes of text, without white space around it", c.most)}
		}
	}
	switch {
	case e.Name == "":
		return &lock.InputError{Field: "name", Rule: "must say what the device is called"}
	case e.ID == "":
		return &lock.InputError{Field: "id", Rule: "must be how the device names itself (DevInfo/DevId)"}
	case strings.Contains(e.User, ":"): // the digest is of user:secret
		return &lock.InputError{Field: "user", Rule: "must have no colon"}
	}
	return nil
}

// record notes who is given a certificate.
func (s *Store) record(ctx context.Context, a lock.Actor, e Entry) error {
	facts := map[string]string{"kind": "enrol", "platform": inventory.ComputerPlatform}
	known, enrolled, err := find(ctx, s.DB.Readers, e.ID)
	if err != nil {
		return fmt.Errorf("look up a Windows device: %w", err)
	}
	if known != "" {
		facts["device"] = known
	}
	if enrolled && !e.Wiped {
		facts["kind"] = "renew"
	}
	if err := s.Notices.Note(ctx, a, lock.EventEnrolmentLink, inventory.Scope, facts); err != nil {
		return fmt.Errorf("record the certificate: %w", err)
	}
	return nil
}

// find returns the device that names itself so, "" when there is none, and whether it is enrolled.
func find(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}, id string) (device string, enrolled bool, err error) {
	err = from.QueryRowContext(ctx, `SELECT c.device, d.enrolled FROM server_computers c JOIN server_devices d ON d.id = c.device
		WHERE c.dev_id = $1`, id).Scan(&device, &enrolled)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return device, enrolled, err
}

// enter is Enter for what is written in one transaction.
func (s *Store) enter(ctx context.Context, tx *sql.Tx, e Entry, secret string) (made Entered, err error) {
	made = Entered{ID: e.ID, Secret: secret}
	if made.Device, _, err = find(ctx, tx, e.ID); err != nil {
		return Entered{}, err
	}
	if made.Known = made.Device != ""; !made.Known {
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
	made.Renewed, err = s.Inventory.EnterComputer(ctx, tx, made.Device, inventory.Computer{
		Name: e.Name, Serial: e.Serial, Model: e.Model, Holder: e.Holder, Certificate: sum[:], Expires: cert.NotAfter, Wiped: e.Wiped,
	})
	if err != nil {
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
