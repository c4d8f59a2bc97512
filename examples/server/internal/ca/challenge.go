package ca

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// codeLife is how long an enrolment code is good for.
const codeLife = time.Hour

// NewChallenge makes a code that enrols one device within the hour: 26 characters, at least 128 random bits. The link is
// /enroll?code=..., and the code goes nowhere else.
func (c *CA) NewChallenge(ctx context.Context) (code string, err error) { return c.newCode(ctx, "") }

// NewRenewal makes a code by which the device renews its certificate within the hour, without being taken for a new enrolment.
func (c *CA) NewRenewal(ctx context.Context, device string) (code string, err error) {
	return c.newCode(ctx, device)
}

func (c *CA) newCode(ctx context.Context, renews string) (string, error) {
	code, now := rand.Text(), c.now()
	err := c.db.Write(ctx, func(tx *sql.Tx) error {
		// Expired codes that certified nothing serve no purpose; used ones answer a repeated request.
		_, err := tx.ExecContext(ctx, `DELETE FROM server_challenges WHERE expires_at < $1`, db.Micros(now.Add(-24*time.Hour)))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO server_challenges (sha256, renews, expires_at) VALUES ($1, $2, $3)`,
			hashCode(code), renews, db.Micros(now.Add(codeLife)))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make an enrolment code: %w", err)
	}
	return code, nil
}

// Check reports with ErrCode that a code cannot be used any more, or never could.
func (c *CA) Check(ctx context.Context, code string) error {
	var issued []byte
	var expires int64
	err := c.db.Readers.QueryRowContext(ctx, `SELECT expires_at, issued FROM server_challenges WHERE sha256 = $1`,
		hashCode(code)).Scan(&expires, &issued)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrCode
	case err != nil:
		return fmt.Errorf("look up an enrolment code: %w", err)
	case issued != nil || db.Micros(c.now()) >= expires:
		return ErrCode
	}
	return nil
}

func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte("latchkey enrolment code\n" + code))
	return sum[:]
}
