package postgres_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store/postgres"
)

// The pool is the caller's, and may be used for other tables too.
func Example() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL")) // postgres://user:password@host/database?pool_max_conns=16
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	if err := postgres.Migrate(ctx, pool); err != nil {
		log.Fatal(err)
	}
	ledger, err := postgres.New(ctx, pool, slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	actions, err := ledger.List(ctx, lock.Filter{})
	fmt.Println(len(actions), err)
}

// An order that is made together with rows of the caller's own.
func ExampleStore_InTx() {
	var ( // made when the program started
		ctx     context.Context
		pool    *pgxpool.Pool
		ledger  *postgres.Store
		service *lock.Service
		admin   lock.Actor
		request lock.Request
	)
	tx, err := pool.Begin(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, "UPDATE tickets SET state = 'locking' WHERE id = 4711"); err != nil {
		log.Fatal(err)
	}
	if _, err := service.In(ledger.InTx(tx)).Lock(ctx, admin, request); err != nil {
		log.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		log.Fatal(err)
	}
	service.Kick() // do not wait for Run's next round
}
