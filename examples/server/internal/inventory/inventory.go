// Package inventory keeps the devices of the server: who is enrolled with which certificate, where pushes go, what is known of each
// device and how old that is, and which questions it has not answered yet. It implements mdmproto.Enrollments and mdmproto.Commands, and is
// where packages agents and computers keep Android and Windows devices.
//
// A Mac's ID is its UDID (its EnrollmentID in a user enrolment), so that it stays the same device when it is wiped and enrolled again; an
// Android device is known again by its serial number, a Windows device by how it names itself, and both keep the ID that they were given.
// Remove takes one out of the lists: what remains is that its certificates and keys were its own, so that none ever serves another device. The
// ledger of its locks is elsewhere, knows it by the same ID, and loses nothing.
package inventory

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Scope is the one scope of the server.
const Scope = "default"

// Issuer is the CA that issued the devices' certificates.
type Issuer interface {
	// Renews returns the device whose certificate this one was issued to replace, and "" when it was issued for a new enrolment. An error
	// that wraps ca.ErrUnknown says that the CA has no record of it, any other that it is not known.
	Renews(ctx context.Context, cert *x509.Certificate) (device string, err error)
}

// Notices is the ledger, which is told that a device enrolled (lock.Service).
type Notices interface {
	// Seen records what a sign of life proves.
	Seen(ctx context.Context, d lock.Device, evidence lock.Evidence) error
	// Note records a notice, which is durable when the error is nil.
	Note(ctx context.Context, a lock.Actor, t lock.EventType, scope string, facts map[string]string) error
}

// Config is what a Store is made of.
type Config struct {
	DB      *db.DB           // required
	Issuer  Issuer           // required
	Notices Notices          // required
	Now     func() time.Time // nil: time.Now
}

// Store is the inventory. It is safe for concurrent use.
type Store struct {
	db      *db.DB
	issuer  Issuer
	notices Notices
	now     func() time.Time

	mu   sync.Mutex
	seen map[string]sighting
}

// sighting is when a device was last seen, and when that was last written down.
type sighting struct{ at, written time.Time }

// New returns the inventory in a database that is open.
func New(cfg Config) *Store {
	s := &Store{db: cfg.DB, issuer: cfg.Issuer, notices: cfg.Notices, now: cfg.Now, seen: map[string]sighting{}}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}
