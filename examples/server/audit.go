package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// newTrail makes the record of a server whose log is signed with a key. The public key is derived from the sealed one: the one that stands
// beside it in the database is as good as whoever can write there.
func newTrail(d *db.DB, service *lock.Service, key secret.Pair, logger *slog.Logger) (*audit.Trail, error) {
	storage, err := logStorage(d)
	if err != nil {
		return nil, err
	}
	signer := key.Private.Expose()
	public, err := auditlog.PublicKey(signer)
	if err != nil {
		return nil, fmt.Errorf("audit log key: %w", err)
	}
	log, err := auditlog.New(auditlog.Config{Store: d.Ledger, Storage: storage, Key: signer, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return audit.New(audit.Config{
		Service: service, Ledger: d.Ledger, Storage: storage, Log: log, Key: public, Scope: inventory.Scope, Logger: logger,
	}), nil
}

// logStorage is where the log of a ledger is: in the same tables.
func logStorage(d *db.DB) (auditlog.Storage, error) {
	storage, ok := d.Ledger.(auditlog.Storage)
	if !ok {
		return nil, fmt.Errorf("the ledger's store %T keeps no audit log", d.Ledger)
	}
	return storage, nil
}

// lastSigning is how long the last checkpoint may take when the server stops.
const lastSigning = 5 * time.Second

// signEvents keeps a signed checkpoint behind the events until ctx ends, and then signs what came last.
func (s *server) signEvents(ctx context.Context) {
	_ = s.trail.Log.Run(ctx) // its error is nil
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSigning)
	defer cancel()
	if err := s.trail.Log.Integrate(last); err != nil {
		s.logger.ErrorContext(last, "the last events are not signed yet: the next start does it", slog.Any("error", err))
	}
}
