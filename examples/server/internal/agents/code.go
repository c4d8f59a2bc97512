package agents

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
)

// codeLife is how long an enrolment code is good for, and after it was used up answers the device that lost the answer.
const codeLife = time.Hour

// NewCode makes a code that enrols one device within the hour: 26 characters, at least 128 random bits.
func (s *Store) NewCode(ctx context.Context) (code string, err error) {
	code, now := rand.Text(), s.Now()
	err = s.DB.Write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM server_agent_codes WHERE expires_at < $1`, db.Micros(now))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO server_agent_codes (sha256, expires_at) VALUES ($1, $2)`,
			hashCode(code), db.Micros(now.Add(codeLife)))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("make an enrolment code: %w", err)
	}
	return code, nil
}

// checkCode returns "" when a key may use a code up, and the device that this very key has enrolled with it when the answer was lost. Any
// other code is agent.ErrCode.
func (s *Store) checkCode(ctx context.Context, tx *sql.Tx, code string, key []byte) (device string, err error) {
	var expires int64
	var used []byte
	var became sql.NullString
	err = tx.QueryRowContext(ctx, `SELECT expires_at, signing_key, device FROM server_agent_codes WHERE sha256 = $1`,
		hashCode(code)).Scan(&expires, &used, &became)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", agent.ErrCode
	case err != nil:
		return "", err
	case db.Micros(s.Now()) >= expires, used != nil && !bytes.Equal(used, key):
		return "", agent.ErrCode
	case used == nil:
		return "", nil
	}
	var current bool // it may have enrolled anew since, or been removed
	err = tx.QueryRowContext(ctx, `SELECT count(*) > 0 FROM server_devices WHERE id = $1 AND cert = $2 AND enrolled = 1`,
		became.String, key).Scan(&current)
	if err == nil && !current {
		err = agent.ErrCode
	}
	return became.String, err
}

func hashCode(code string) []byte {
	sum := sha256.Sum256([]byte("latchkey android enrolment code\n" + code))
	return sum[:]
}
