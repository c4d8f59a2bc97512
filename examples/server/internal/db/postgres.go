package db

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// ErrNoAnswer says that PostgreSQL cannot be reached, or takes nobody in now. It may soon.
	ErrNoAnswer Error = "PostgreSQL does not answer"
	// ErrURL says that the URL of the database is none.
	ErrURL Error = "must be like postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full" //nolint:gosec // no password
)

// Error is a condition that callers tell apart with errors.Is.
type Error string

// Error returns the text of the condition.
func (e Error) Error() string { return string(e) }

const (
	connectTimeout = 10 * time.Second
	// startLock is held while a server starts, so that two do not make the tables, the keyring or the first secrets at the same time.
	startLock = 0x6c6b_7374_6172_7431
	// onConnect lets PostgreSQL find out within a minute that a server's machine is gone, and free what it had locked.
	onConnect = `SET tcp_keepalives_idle = 20; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 4`
)

// connections is how many a server opens at most, unless the URL says so with pool_max_conns. PostgreSQL has 100 by default.
var connections = int32(max(16, 4*runtime.NumCPU()))

// IsPostgres reports whether a database is named by the URL of a PostgreSQL server.
func IsPostgres(source string) bool {
	return strings.HasPrefix(source, "postgres://") || strings.HasPrefix(source, "postgresql://")
}

// CheckURL reports with ErrURL that a URL cannot be one of a PostgreSQL database. The error has no password.
func CheckURL(source string) error {
	_, err := parseURL(source)
	return err
}

func parseURL(source string) (*pgxpool.Config, error) {
	u, err := url.Parse(source)
	if err != nil || !IsPostgres(source) {
		return nil, ErrURL // the cause would repeat it
	}
	_, rest, _ := strings.Cut(source, "://")
	if i := strings.IndexAny(rest, "/?#"); i >= 0 && strings.Contains(rest[i:], "@") { // then what was parsed as host may be a password
		return nil, fmt.Errorf("%w: percent-encode the password, as %%2F for / and %%3F for ? and %%23 for # and %%40 for @", ErrURL)
	}
	config, err := pgxpool.ParseConfig(source)
	if err != nil {
		cause := err.Error()
		if parse := (*pgconn.ParseConfigError)(nil); errors.As(err, &parse) {
			if cause = "a parameter is wrong"; parse.Unwrap() != nil {
				cause = parse.Unwrap().Error()
			}
		}
		if password, _ := u.User.Password(); password != "" && strings.Contains(cause, password) || u.Query().Has("password") {
			return nil, ErrURL
		}
		return nil, fmt.Errorf("%w: %s", ErrURL, cause)
	}
	return config, nil
}

// name is what a database is called in errors: a URL loses everything but the server.
func name(source string) string {
	if !IsPostgres(source) {
		return source
	}
	u, err := url.Parse(source)
	if err != nil || CheckURL(source) != nil {
		return "PostgreSQL"
	}
	return "postgres://" + u.Host
}

func connectPostgres(ctx context.Context, source string) (*DB, error) {
	config, err := parseURL(source)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(source, "pool_max_conns") {
		config.MaxConns = connections
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "latchkey"
	}
	config.AfterConnect = setUp
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, answered(err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, answered(err)
	}
	both := stdlib.OpenDBFromPool(pool)
	return &DB{Writer: both, Readers: both, pool: pool}, nil
}

func setUp(ctx context.Context, c *pgx.Conn) error {
	_, err := c.Exec(ctx, onConnect)
	return err
}

// answered adds ErrNoAnswer to an error that may pass by itself: nobody is there, or it starts, stops, or has no connection left.
func answered(err error) error {
	if said := (*pgconn.PgError)(nil); errors.As(err, &said) {
		switch said.Code {
		case "57P01", "57P02", "57P03", "53300":
		default:
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// Alone calls f while no other server of this database is in a call of Alone. On SQLite, whose files are on one machine, it just calls f:
// there the file system lets one be the first.
func (d *DB) Alone(ctx context.Context, f func(context.Context) error) error {
	if d.pool == nil {
		return f(ctx)
	}
	c, err := pgx.ConnectConfig(ctx, d.pool.Config().ConnConfig) // the pool may have one alone, which f needs
	if err != nil {
		return fmt.Errorf("database: %w", answered(err))
	}
	defer func() { // the lock goes with the connection
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = c.Close(bounded)
	}()
	if err := d.beAlone(ctx, c); err != nil {
		return fmt.Errorf("wait for other servers that start: %w", err)
	}
	return f(ctx)
}

func (d *DB) beAlone(ctx context.Context, c *pgx.Conn) error {
	if err := setUp(ctx, c); err != nil {
		return err
	}
	var locked bool
	if err := c.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, int64(startLock)).Scan(&locked); err != nil || locked {
		return err
	}
	d.logger.InfoContext(ctx, "waiting for other servers that start")
	_, err := c.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(startLock))
	return err
}
