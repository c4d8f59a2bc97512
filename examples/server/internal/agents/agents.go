// Package agents is the server's side of Android devices with an agent of their own: the one-time codes with which they enrol, their keys,
// the numbers of their commands, the requests that were taken already, what they say of themselves, where they are woken, and the reset
// token that each of them is to have. It implements agent.Enrollments, agent.Requests, agent.Queries and fcm.Tokens; the devices themselves
// are in the inventory.
//
// Codes and the IDs of requests are kept as SHA-256. The server's own signing key lies sealed among its secrets.
package agents

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Orders is the ledger (lock.Service), as far as the server orders something by itself.
type Orders interface {
	// ProvisionToken orders that a device is given the token that a later reset needs.
	ProvisionToken(ctx context.Context, a lock.Actor, r lock.Request) (lock.Action, error)
}

// Config is what a Store is made of.
type Config struct {
	DB        *db.DB           // required
	Inventory *inventory.Store // required
	Orders    Orders           // nil: no token is provisioned by itself
	System    lock.Actor       // who orders that
	Now       func() time.Time // nil: time.Now
	Logger    *slog.Logger     // nil: slog.Default
}

// Store is the server's side of the agents. It is safe for concurrent use.
type Store struct {
	Config
	mu     sync.Mutex
	pruned time.Time // when old requests were forgotten last
}

// New returns what is in a database that is open.
func New(cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Store{Config: cfg}
}
