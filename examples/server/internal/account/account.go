// Package account keeps who may do what: accounts, which have rights and may be restricted to groups of devices, their passwords, and the API
// tokens that act for them. It implements lock.Authorizer: an account does what it has a right to, in the server's one scope, with the
// devices of its groups and of the groups below these, or with every device when it is not restricted. The first administrator (Admin) may
// do everything. What is no more in the inventory is in no group, so that a restricted account does not see it.
//
// Rights belong to the account: every token of it has all of them. Each change is on record before it is done (Desk).
//
// Passwords are kept as argon2id, tokens as SHA-256 of 256 random bits. Neither is ever logged.
package account

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	// Admin is the name of the first administrator.
	Admin = "admin"
	// System is who orders what the server does by itself: it gives devices reset tokens, with every device, and nothing else. No account has
	// this name. One from before that was so can be listed and removed: neither its password nor its tokens are taken.
	System = "latchkey"
)

// ErrTooOften says that too many sign-ins came from an address of late. It wraps lock.ErrDenied.
var ErrTooOften = fmt.Errorf("sign-in %w: tried too often, wait a minute", lock.ErrDenied)

const (
	minPassword = 12
	maxPassword = 256
	maxName     = 64
)

// Config is what a Store is made of.
type Config struct {
	DB    *db.DB           // required
	Scope string           // required: the one scope in which accounts may act
	Now   func() time.Time // nil: time.Now
}

// Store keeps the accounts. It is safe for concurrent use.
type Store struct {
	db     *db.DB
	scope  string
	now    func() time.Time
	hashes chan struct{} // a token for each hash that may be computed at a time
}

// New returns the accounts in a database that is open.
func New(cfg Config) *Store {
	s := &Store{db: cfg.DB, scope: cfg.Scope, now: cfg.Now, hashes: make(chan struct{}, maxHashes)}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// HasAdmin reports whether the first administrator exists.
func (s *Store) HasAdmin(ctx context.Context) (bool, error) {
	_, err := s.password(ctx, Admin)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// CreateAdmin makes the first administrator, unless there is one: then it changes nothing. Of several servers that do so at a time one
// makes it, and calls made before that counts, if it is not nil; when made fails, there is no administrator. A password that is too short
// or too long is a *lock.InputError.
func (s *Store) CreateAdmin(ctx context.Context, password string, made func() error) error {
	hash, err := s.newHash(ctx, password)
	if err != nil {
		return err
	}
	if made == nil {
		made = func() error { return nil }
	}
	told := sync.OnceValue(made) // a write may be tried again
	err = s.db.Write(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO server_accounts (name, password) VALUES ($1, $2) ON CONFLICT DO NOTHING`, Admin, hash)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return told()
	})
	if err != nil {
		return fmt.Errorf("create the administrator: %w", err)
	}
	return nil
}

// newHash is a new password as it is kept, or a *lock.InputError.
func (s *Store) newHash(ctx context.Context, password string) (string, error) {
	if len(password) < minPassword || len(password) > maxPassword {
		return "", &lock.InputError{Field: "password", Rule: fmt.Sprintf("must have %d to %d bytes", minPassword, maxPassword)}
	}
	return s.hash(ctx, password, newSalt())
}

// CheckPassword returns who has this name and password. The error wraps lock.ErrDenied when nobody has (ErrTooOften: the address
// has used up its tries, and nothing was compared); any other means that it is not known.
func (s *Store) CheckPassword(ctx context.Context, name, password, address string) (lock.Actor, error) {
	if may, err := s.mayTry(ctx, address); err != nil {
		return lock.Actor{}, err
	} else if !may {
		return lock.Actor{}, ErrTooOften
	}
	if len(name) > maxName || len(password) > maxPassword {
		return lock.Actor{}, fmt.Errorf("sign-in %w", lock.ErrDenied)
	}
	kept, err := s.password(ctx, name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return lock.Actor{}, fmt.Errorf("look up the account: %w", err)
	}
	known := err == nil && kept != "" && name != System // who has no password uses tokens alone
	if !known {
		kept = decoy // takes as long as a real one, so that names cannot be found out
	}
	right, err := s.matches(ctx, kept, password)
	if err != nil {
		return lock.Actor{}, err
	}
	if !right || !known {
		return lock.Actor{}, fmt.Errorf("sign-in %w", lock.ErrDenied)
	}
	return lock.Actor{ID: name, Name: name}, s.forget(ctx, address)
}

func (s *Store) password(ctx context.Context, name string) (hash string, err error) {
	if !db.IsText(name) {
		return "", sql.ErrNoRows
	}
	err = s.db.Readers.QueryRowContext(ctx, `SELECT password FROM server_accounts WHERE name = $1`, name).Scan(&hash)
	return hash, err
}
