// Package bulk keeps the bulk orders of the server: one order for many devices, which survives whatever happens to the server.
//
// The selection is resolved once, into rows of the database, and never again: a device that joins a group afterwards is not locked by an
// earlier order, and one that leaves it is. Then preflight looks at each device, the ledger opens the batch, and the orders are made in
// chunks by whichever server has the batch's lease (Run). A server that dies loses its lease after a few seconds; another one, or the same
// one when it is back, goes on with the devices that have no outcome yet. An order that was made and not written down is made again under
// the same idempotency key, which leads to the same action; and outcomes are written in a transaction that holds the lease: so two servers
// that both believe to have it do no harm.
//
// What becomes of an action is the ledger's to say and is read from there: the rows say which action a device got, or why it got none.
//
// A PIN that all devices share lies sealed among the secrets of the server until the batch ends, and then no more.
package bulk

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/group"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	lockbulk "github.com/latchkey-mdm/latchkey/lock/bulk"
	"github.com/latchkey-mdm/latchkey/pin"
)

// Config is what Batches are made of.
type Config struct {
	DB      *db.DB           // required
	Service *lock.Service    // required
	Sealer  pin.Sealer       // required: seals a shared PIN while its batch runs
	Devices Devices          // required
	Groups  Groups           // required
	Scope   string           // required
	Now     func() time.Time // nil: time.Now
	Logger  *slog.Logger     // nil: slog.Default
}

// Devices is the inventory (inventory.Store).
type Devices interface {
	// Whole returns the devices with these IDs, at most 1,000, by ID and with their facts. One that is not there is left out.
	Whole(ctx context.Context, ids []string) (map[string]inventory.Device, error)
}

// Groups resolves selections (group.Store).
type Groups interface {
	// Check is a *lock.InputError when the selection names a group that is not there, or not for this actor.
	Check(ctx context.Context, a lock.Actor, sel group.Selection) error
	// Query is an SQL query for the IDs of the devices that are selected and that the actor may see, each once and in no order.
	Query(a lock.Actor, sel group.Selection) (query string, args []any)
	// Resolve returns a page of them in the order of their bytes, after the ID after.
	Resolve(ctx context.Context, a lock.Actor, sel group.Selection, after string, limit int) ([]string, error)
}

// Batches are the bulk orders. They are safe for concurrent use, by any number of servers of one database.
type Batches struct {
	Config
	me   string // who has a lease
	kick chan struct{}

	mu     sync.Mutex
	counts map[string]counted
}

// New returns the bulk orders in a database that is open. It starts nothing: call Run.
func New(cfg Config) *Batches {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return &Batches{Config: cfg, me: rand.Text(), kick: make(chan struct{}, 1), counts: map[string]counted{}}
}

// Order is a bulk order of locks.
type Order struct {
	Selection   lockbulk.Selection
	Reason      string
	Ticket      string
	Message     string
	PhoneNumber string
	Keep        bool    // each device keeps its PIN
	PIN         pin.PIN // one PIN for all; zero: each gets a new one of its own, or keeps its own
	Reuse       string  // why a PIN that was used before, or shown to somebody, is used again
	Force       bool    // order over findings that block and are forceable
	NotAfter    time.Time
}

// selection is the selection in the words of the groups.
func (o Order) selection() group.Selection {
	sel := group.Selection{Devices: o.Selection.Devices, UserGroups: o.Selection.UserGroups}
	for _, g := range o.Selection.Groups {
		sel.Groups = append(sel.Groups, group.Branch{ID: g.ID, Subgroups: g.Subgroups})
	}
	return sel
}

// request is the order for one of the devices.
func (o Order) request() lock.Request {
	return lock.Request{
		Reason: o.Reason, Ticket: o.Ticket, Message: o.Message, PhoneNumber: o.PhoneNumber, Keep: o.Keep, PIN: o.PIN, Reuse: o.Reuse,
		Force: o.Force, NotAfter: o.NotAfter,
	}
}

// chunk is how many devices are read at a time: what bounds the memory.
const chunk = lockbulk.Chunk

// allow asks whether the actor may order in bulk, of whatever size.
func (b *Batches) allow(ctx context.Context, a lock.Actor) error {
	return b.Service.Allow(ctx, a, lock.VerbBulk, lock.Target{Device: lock.Device{Scope: b.Scope}})
}
