// Package db opens the server's database, which the ledger's store and the server's own tables share: one SQLite file with two pools, a
// single writer and several readers, or a PostgreSQL database with one pool, which any number of servers may use at a time. The tables
// are made by embedded migrations, and the queries are the same on both.
//
// What is written after something was read goes through Write, on which both engines behave alike: as if one write ran after the other.
package db

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is the database. Its methods may be called concurrently.
type DB struct {
	Writer  *sql.DB // on SQLite one connection: a transaction on it excludes every other write
	Readers *sql.DB // on SQLite read only; on PostgreSQL the same pool as Writer
	Ledger  Ledger

	pool    *pgxpool.Pool // PostgreSQL's; nil on SQLite
	version int           // of the ledger's tables
	logger  *slog.Logger
	beat    heartbeat
}

// Open opens the database at source and brings the tables of the ledger and of the server up to date: a PostgreSQL database by its URL
// (see IsPostgres), anything else is the path of an SQLite file, which is made with mode 0600 if it is not there. That PostgreSQL cannot
// be reached, or not yet, is ErrNoAnswer. No error has the password of the URL. Settings of PostgreSQL by which a commit may be lost are
// logged; with a nil logger to slog.Default.
func Open(ctx context.Context, source string, logger *slog.Logger) (*DB, error) {
	return open(ctx, source, logger, func(d *DB) error { return d.Alone(ctx, d.migrate) })
}

// OpenAsIs is Open for a program that works beside a server: it changes no table. Tables of another version of the program are ErrOlder or
// ErrNewer.
func OpenAsIs(ctx context.Context, source string, logger *slog.Logger) (*DB, error) {
	return open(ctx, source, logger, func(*DB) error { return nil })
}

func open(ctx context.Context, source string, logger *slog.Logger, migrate func(*DB) error) (*DB, error) {
	d, err := connect(ctx, source)
	if err == nil {
		d.logger, d.beat.turn = cmp.Or(logger, slog.Default()), make(chan struct{}, 1)
		if err = migrate(d); err == nil {
			err = d.openLedger(ctx)
		}
		if err == nil {
			d.version, err = d.checkSchema(ctx)
		}
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", name(source), err)
	}
	return d, nil
}

func connect(ctx context.Context, source string) (*DB, error) {
	if IsPostgres(source) {
		return connectPostgres(ctx, source)
	}
	return connectSQLite(source)
}

// closeTimeout is how long Close waits for whoever still uses a connection.
const closeTimeout = 5 * time.Second

// Close closes the pools.
func (d *DB) Close() error {
	errs := []error{d.Writer.Close()}
	if d.Readers != nil && d.Readers != d.Writer {
		errs = append(errs, d.Readers.Close())
	}
	if d.pool != nil {
		errs = append(errs, d.closePool())
	}
	return errors.Join(errs...)
}

func (d *DB) closePool() error {
	closed := make(chan struct{})
	go func() {
		d.pool.Close()
		close(closed)
	}()
	select {
	case <-closed:
		return nil
	case <-time.After(closeTimeout):
		return errors.New("database: connections are still in use: they end with the program")
	}
}

// IsShared reports whether servers on other machines may use the database too.
func (d *DB) IsShared() bool { return d.pool != nil }

// maxRetries is how often a write is tried again that another one got in the way of. One of those that meet always gets through.
const maxRetries = 50

// Write runs change in one transaction, which is durable when Write returns nil. It is rolled back when change returns an error,
// and that error is returned as it is. On PostgreSQL the transaction is serializable, and change is called again when another write got in
// its way: what it leaves in variables must not depend on what an earlier call left there.
func (d *DB) Write(ctx context.Context, change func(*sql.Tx) error) error {
	return d.retry(ctx, func() error { return d.write(ctx, change) })
}

func (d *DB) write(ctx context.Context, change func(*sql.Tx) error) error {
	var options *sql.TxOptions // SQLite's writer has one connection
	if d.pool != nil {
		options = &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	tx, err := d.Writer.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if err := change(tx); err != nil {
		_ = tx.Rollback() // what matters is why
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}

// Exec runs one statement that depends on nothing that was read before, and returns how many rows it changed. It is durable when the
// error is nil.
func (d *DB) Exec(ctx context.Context, statement string, args ...any) (changed int64, err error) {
	err = d.retry(ctx, func() error {
		done, err := d.Writer.ExecContext(ctx, statement, args...)
		if err == nil {
			changed, err = done.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("database: %w", err)
	}
	return changed, nil
}

// retry calls write again while another one got in its way, each time after a longer pause that nobody else has.
func (d *DB) retry(ctx context.Context, write func() error) error {
	for n := 1; ; n++ {
		err := write()
		if !inTheWay(err) || n > maxRetries {
			return err
		}
		var random [1]byte
		_, _ = rand.Read(random[:]) // never fails
		select {
		case <-time.After(time.Duration(min(n, 20)) * time.Millisecond * time.Duration(random[0]) / 256):
		case <-ctx.Done():
			return err
		}
	}
}

// inTheWay reports whether PostgreSQL undid a transaction because of another one.
func inTheWay(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) && slices.Contains([]string{"40001", "40P01", "23505"}, said.Code) // serialization failure, deadlock, unique violation
}
