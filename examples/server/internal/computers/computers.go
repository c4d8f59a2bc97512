// Package computers is the server's side of Windows devices: the certificates and digests that prove who they are, what is kept of their
// management sessions, what they say of themselves, and where WNS wakes them. It implements windows.Devices, windows.Sessions and
// windows.Commands; the devices themselves are in the inventory.
//
// A device is known by the SHA-256 of its certificate, and by nothing that stands in it. That has to be of the last issue; by the one before,
// or once its enrolment has ended, it may still say the PIN that it owes. The digest of its secret and the state of its sessions, with its
// nonces, are encrypted in the database, each under a key of its own, derived from one that lies sealed among the server's secrets: a keyring
// that is changed, resealed or restored covers them with that one box.
package computers

import (
	"context"
	"crypto/rand"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Provider is the PROVIDER-ID under which devices know the server.
const Provider = "Latchkey"

// Notices is the ledger (lock.Service), as far as it is told who was given a certificate.
type Notices interface {
	// Note records a notice, which is durable when the error is nil.
	Note(ctx context.Context, a lock.Actor, t lock.EventType, scope string, facts map[string]string) error
}

// Config is what a Store is made of.
type Config struct {
	DB        *db.DB           // required
	Inventory *inventory.Store // required
	CA        *ca.CA           // required
	Sealer    pin.Sealer       // required; its keys are durable
	Notices   Notices          // required
	PFN       string           // the package family name under which WNS knows the server; empty: devices are not asked for a channel
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: slog.Default
}

// Store is the server's side of Windows devices. It is safe for concurrent use.
type Store struct {
	Config
	key pin.PIN // 32 bytes, from which others are derived
}

// Open returns what is in a database that is open, and makes the server's key at the first start. A key that cannot be opened is an error which
// wraps that of the Sealer.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	kept, err := secret.Open(ctx, cfg.DB, cfg.Sealer, secret.WindowsSessions, func() (secret.Pair, error) {
		key := make([]byte, keySize)
		_, _ = rand.Read(key) // never fails
		private, err := pin.Bytes(key)
		return secret.Pair{Public: []byte{}, Private: private}, err
	})
	if err != nil {
		return nil, err
	}
	return &Store{Config: cfg, key: kept.Private}, nil
}
