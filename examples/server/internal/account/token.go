package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TokenPrefix begins every API token, so that scanners of source code and logs find one that got there.
const TokenPrefix = "latchkey_"

// Token is an API token, without what it is.
type Token struct {
	ID      string // by which it is revoked: the first 16 digits of its SHA-256
	Account string // for which it acts
	Created time.Time
}

// tokenID is how many bytes of the hash of a token name it. Of 260 random bits they tell nothing.
const tokenID = 8

// NewToken makes an API token that acts for an account, once that is on record. It is given out here and never again. The error wraps
// lock.ErrNotFound when there is no such account.
func (d Desk) NewToken(ctx context.Context, by lock.Actor, account string) (string, error) {
	s := d.Accounts
	if _, err := s.Account(ctx, account); err != nil {
		return "", err
	}
	token := TokenPrefix + rand.Text() + rand.Text() // 260 bits
	sum := hashToken(token)
	if err := d.note(ctx, by, "token-created", account, map[string]string{"token": hex.EncodeToString(sum[:tokenID])}); err != nil {
		return "", err
	}
	_, err := s.db.Exec(ctx, `INSERT INTO server_tokens (sha256, account, created_at) VALUES ($1, $2, $3)`, sum, account, db.Micros(s.now()))
	if err != nil {
		return "", fmt.Errorf("make an API token: %w", err)
	}
	return token, nil
}

// Revoke ends a token, once that is on record. The error wraps lock.ErrNotFound when there is none of this ID.
func (d Desk) Revoke(ctx context.Context, by lock.Actor, id string) error {
	tokens, err := d.Accounts.tokens(ctx)
	if err != nil {
		return err
	}
	for _, t := range tokens {
		if t.ID != id {
			continue
		}
		if err := d.note(ctx, by, "token-revoked", t.Account, map[string]string{"token": t.ID}); err != nil {
			return err
		}
		if _, err := d.Accounts.db.Exec(ctx, `DELETE FROM server_tokens WHERE sha256 = $1`, t.sum); err != nil {
			return fmt.Errorf("revoke the token: %w", err)
		}
		return nil
	}
	return fmt.Errorf("token %w", lock.ErrNotFound)
}

// kept is a token with the hash that is kept of it.
type kept struct {
	Token
	sum []byte
}

// tokens lists the tokens, by account, the oldest first.
func (s *Store) tokens(ctx context.Context) ([]kept, error) {
	rows, err := s.db.Readers.QueryContext(ctx, `SELECT sha256, account, created_at FROM server_tokens ORDER BY account, created_at`)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []kept
	for rows.Next() {
		var t kept
		var created int64
		if err := rows.Scan(&t.sum, &t.Account, &created); err != nil {
			return nil, fmt.Errorf("list tokens: %w", err)
		}
		t.ID, t.Created = hex.EncodeToString(t.sum[:min(tokenID, len(t.sum))]), db.Time(created)
		all = append(all, t)
	}
	return all, rows.Err()
}

// Tokens lists the tokens, by account, the oldest first.
func (s *Store) Tokens(ctx context.Context) ([]Token, error) {
	kept, err := s.tokens(ctx)
	all := make([]Token, len(kept))
	for i, t := range kept {
		all[i] = t.Token
	}
	return all, err
}

// CheckToken returns for whom a token acts, or an error that wraps lock.ErrDenied when there is no such token.
func (s *Store) CheckToken(ctx context.Context, token string) (lock.Actor, error) {
	sum := hashToken(token)
	var kept []byte
	var a lock.Actor
	err := s.db.Readers.QueryRowContext(ctx, `SELECT sha256, account FROM server_tokens WHERE sha256 = $1`, sum).Scan(&kept, &a.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && (subtle.ConstantTimeCompare(sum, kept) != 1 || a.ID == System):
		return lock.Actor{}, fmt.Errorf("token %w", lock.ErrDenied)
	case err != nil:
		return lock.Actor{}, fmt.Errorf("look up the token: %w", err)
	}
	a.Name = a.ID + " (API token)"
	return a, nil
}

func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
