package auditlog_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
	"github.com/latchkey-mdm/latchkey/store/postgres"
	"github.com/latchkey-mdm/latchkey/store/postgres/postgrestest"
)

func newPostgres(t *testing.T) (*postgres.Store, *pgxpool.Pool) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), postgrestest.Start(t).Database(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.NoError(t, postgres.Migrate(t.Context(), pool))
	store, err := postgres.New(t.Context(), pool, nil)
	require.NoError(t, err)
	return store, pool
}

func TestTamperPostgres(t *testing.T) {
	store, pool := newPostgres(t)
	all := func(ctx context.Context, b *pgx.Batch) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "SET LOCAL session_replication_role = replica"); err != nil { // no triggers
				return err
			}
			return tx.SendBatch(ctx, b).Close()
		})
	}
	runTamper(t, engine{
		store: store, storage: store, insert: " OVERRIDING SYSTEM VALUE",
		tables: []string{"actions", "secrets", "keys", "events", "outbox", "log", "log_tiles", "log_checkpoints"},
		do: func(ctx context.Context, query string, args ...any) error {
			b := &pgx.Batch{}
			b.Queue(strings.ReplaceAll(query, "?", "$"), args...)
			return all(ctx, b)
		},
		fill: func(ctx context.Context, events []lock.Event) error {
			b := &pgx.Batch{}
			for _, query := range []string{"DELETE FROM log", "DELETE FROM outbox", "DELETE FROM events"} {
				b.Queue(query)
			}
			for i, e := range events {
				b.Queue(`INSERT INTO events (id, action, seq, type, time, scope, device, actor, prev, hash, body) OVERRIDING SYSTEM VALUE
					VALUES ($1, nullif($2, ''), nullif($3, 0::bigint), $4, $5, $6, $7, $8, $9, $10, $11)`, i+1, string(e.Action), int64(e.Seq),
					string(e.Type), e.Time.UnixMicro(), e.Scope, e.Device, e.Actor.ID, e.Prev, e.Hash, e.Body)
				b.Queue("INSERT INTO log (position, event, type) VALUES ($1, $2, $3)", e.Position, i+1, string(e.Type))
			}
			return all(ctx, b)
		},
	})
}

// An auditor's role may select and nothing else.
func TestVerifyPostgresReadOnly(t *testing.T) {
	store, pool := newPostgres(t)
	_, err := pool.Exec(t.Context(), "DROP ROLE IF EXISTS auditor; CREATE ROLE auditor LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO auditor")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = pool.Exec(context.Background(), "DROP OWNED BY auditor; DROP ROLE auditor") })
	cfg := pool.Config()
	cfg.ConnConfig.User = "auditor"
	readOnly, err := pgxpool.NewWithConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(readOnly.Close)
	reader, err := postgres.New(t.Context(), readOnly, nil)
	require.NoError(t, err)
	skey, key, err := auditlog.NewKey(origin)
	require.NoError(t, err)
	log, err := auditlog.New(auditlog.Config{Store: store, Storage: store, Key: skey})
	require.NoError(t, err)
	f := locktest.New(t, store)
	a := f.Lock(locktest.Device("mac-1"))
	require.NoError(t, log.Integrate(t.Context()))
	f.Deliver(a.Device) // has no position yet
	report, err := auditlog.Verify(t.Context(), reader, reader, auditlog.Trust{Key: key})
	require.NoError(t, err)
	require.Equal(t, []int64{1, 1}, []int64{report.Events, report.Waiting})
}
