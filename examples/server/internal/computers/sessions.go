package computers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/windows"
)

// Load implements windows.Sessions. A state that does not decrypt is none: it must not shut the device out for ever.
func (s *Store) Load(ctx context.Context, scope, device string) (state []byte, version int64, err error) {
	var box []byte
	err = sql.ErrNoRows
	if scope == inventory.Scope {
		err = s.DB.Readers.QueryRowContext(ctx, `SELECT session, version FROM server_computers WHERE device = $1`, device).Scan(&box, &version)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the session of a device: %w", err)
	}
	if len(box) == 0 {
		return nil, version, nil
	}
	if state, err = s.decrypt(whatSession, device, box); err != nil {
		s.Logger.ErrorContext(ctx, "the sessions of a device begin anew", slog.String("device", device), slog.Any("error", err))
		return nil, version, nil
	}
	return state, version, nil
}

// Save implements windows.Sessions. A device that is not enrolled any more has no session to save.
func (s *Store) Save(ctx context.Context, scope, device string, state []byte, version int64) error {
	box, err := s.encrypt(whatSession, device, state)
	if err != nil {
		return err
	}
	var n int64
	if scope == inventory.Scope {
		n, err = s.DB.Exec(ctx, `UPDATE server_computers SET session = $2, version = version + 1 WHERE device = $1 AND version = $3`,
			device, box, version)
	}
	if err != nil {
		return fmt.Errorf("keep the session of a device: %w", err)
	}
	if n == 0 {
		return fmt.Errorf("keep the session of a device: %w", windows.ErrConflict)
	}
	return nil
}
