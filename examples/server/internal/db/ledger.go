package db

import (
	"context"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/postgres"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
)

// Ledger is the ledger's store, which keeps the audit log too.
type Ledger interface {
	lock.Store
	auditlog.Storage
}

func (d *DB) migrateLedger(ctx context.Context) error {
	if d.pool != nil {
		return postgres.Migrate(ctx, d.pool)
	}
	return sqlite.Migrate(ctx, d.Writer)
}

func (d *DB) openLedger(ctx context.Context, logger *slog.Logger) (err error) {
	if d.pool != nil {
		d.Ledger, err = postgres.New(ctx, d.pool, logger)
	} else {
		d.Ledger, err = sqlite.New(ctx, d.Writer, d.Readers)
	}
	return err
}
