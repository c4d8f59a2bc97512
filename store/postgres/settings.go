package postgres

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// conn is where statements run: a pool, a connection, or a transaction.
type conn interface {
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// oldest is the oldest PostgreSQL that the package is tested with.
const oldest = 15

// SettingError says that the server cannot keep what it reports as committed, or is too old.
type SettingError struct {
	Setting     string // as in "fsync"
	Found, Want string
}

// Error names the setting and what to do.
func (e *SettingError) Error() string {
	if e.Setting == "server_version" {
		return fmt.Sprintf("postgres: server_version is %s, must be %s: upgrade the server", e.Found, e.Want)
	}
	return fmt.Sprintf("postgres: %s is %s, must be %s: set it in postgresql.conf and reload the server", e.Setting, e.Found, e.Want)
}

func checkSettings(ctx context.Context, c conn) error {
	version, err := one[int](ctx, c, "SELECT current_setting('server_version_num')::int / 10000")
	if err != nil {
		return err
	}
	if version < oldest {
		return &SettingError{Setting: "server_version", Found: fmt.Sprint(version), Want: fmt.Sprintf("%d or later", oldest)}
	}
	for _, setting := range []string{"fsync", "full_page_writes"} {
		found, err := one[string](ctx, c, "SELECT current_setting($1)", setting)
		if err != nil {
			return err
		}
		if found != "on" {
			return &SettingError{Setting: setting, Found: found, Want: "on"}
		}
	}
	return nil
}

// warn logs what may lose commits that were reported, and that an operator may have chosen.
func warn(ctx context.Context, c conn, logger *slog.Logger) error {
	level, err := one[string](ctx, c, "SELECT current_setting('synchronous_commit')")
	if err != nil {
		return err
	}
	switch level {
	case "off":
		logger.WarnContext(ctx, "synchronous_commit is off: a crash of the database server can lose a PIN that was reported durable")
	case "local":
		logger.WarnContext(ctx, "synchronous_commit is local: a failover can lose a PIN that was reported durable")
	}
	// Without the rights of pg_monitor the state is NULL: a standby of which nothing is known counts. A base backup does not.
	const standbys = "SELECT count(*) FROM pg_stat_replication " +
		"WHERE coalesce(sync_state, '') NOT IN ('sync', 'quorum') AND state IS DISTINCT FROM 'backup'"
	count, err := one[int](ctx, c, standbys)
	if err != nil {
		return err
	}
	if count > 0 {
		logger.WarnContext(ctx, "standbys are asynchronous: a failover to one can lose a PIN that was reported durable", slog.Int("standbys", count))
	}
	return nil
}

// one is the only value of a query that returns one row.
func one[T any](ctx context.Context, c conn, query string, args ...any) (T, error) {
	var value T
	rows, err := c.Query(ctx, query, args...)
	if err == nil {
		value, err = pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	}
	if err != nil {
		return value, failed("read", err)
	}
	return value, nil
}

func failed(what string, err error) error { return fmt.Errorf("postgres: %s: %w", what, err) }
