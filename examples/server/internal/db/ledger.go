package db

import (
	"context"
	"errors"

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
		return versioned(postgres.Migrate(ctx, d.pool))
	}
	return versioned(sqlite.Migrate(ctx, d.Writer))
}

func (d *DB) openLedger(ctx context.Context) (err error) {
	if d.pool != nil {
		d.Ledger, err = postgres.New(ctx, d.pool, d.logger)
	} else {
		d.Ledger, err = sqlite.New(ctx, d.Writer, d.Readers)
	}
	return versioned(err)
}

// versioned makes ErrOlder or ErrNewer of what a store says of its tables.
func versioned(err error) error {
	inPostgres, inSQLite := (*postgres.SchemaError)(nil), (*sqlite.SchemaError)(nil)
	switch {
	case errors.As(err, &inPostgres):
		return byVersion(inPostgres.Found, inPostgres.Want)
	case errors.As(err, &inSQLite):
		return byVersion(inSQLite.Found, inSQLite.Want)
	}
	return err
}

func byVersion(found, want int) error {
	if found > want {
		return ErrNewer
	}
	return ErrOlder
}
