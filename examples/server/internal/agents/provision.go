package agents

import (
	"context"
	"log/slog"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/lock"
)

const (
	// provisionPause is how long after a reset token was offered another one may be, twice as long each time that none came of it, up to
	// provisionMax. A device whose hardware has room for few tokens must not be worn out.
	provisionPause = time.Minute
	provisionMax   = 24 * time.Hour
)

// provisionReason is why a token is ordered, as it is on record.
const provisionReason = "the device has no reset token"

// provision orders a reset token for a device that has none, where the rules say that it would get one. That it cannot be ordered now is no
// reason to refuse what the device sent: it is logged, and tried again later.
func (s *Store) provision(ctx context.Context, d lock.Device) {
	if s.Orders == nil || android.FromDevice(d).Token != android.TokenNone {
		return
	}
	r := lock.Request{Device: d, Kind: lock.KindProvisionToken, Reason: provisionReason}
	for _, f := range android.Plan(d, r).Findings {
		if f.Level == lock.LevelBlock {
			return
		}
	}
	due, err := s.provisionDue(ctx, d)
	if err == nil && due {
		_, err = s.Orders.ProvisionToken(ctx, s.System, r)
	}
	if err != nil {
		s.Logger.WarnContext(ctx, "no reset token could be ordered: it is tried again later", slog.String("device", d.ID), slog.Any("error", err))
	}
}

// provisionDue reports whether none was offered of late and no token is on its way, and takes the turn: of several servers one gets it. It
// writes nothing but that, because every poll looks.
func (s *Store) provisionDue(ctx context.Context, d lock.Device) (bool, error) {
	var n, at int64
	now := s.Now()
	err := s.DB.Readers.QueryRowContext(ctx, `SELECT provisions, provision_at FROM server_agents WHERE device = $1`, d.ID).Scan(&n, &at)
	if err != nil || now.Before(db.Time(at).Add(pause(n))) {
		return false, err
	}
	last, err := s.DB.Ledger.List(ctx, lock.Filter{
		Scope: d.Scope, Devices: []string{d.ID}, Kinds: []lock.Kind{lock.KindProvisionToken, lock.KindRevokeToken}, Limit: 1,
	})
	if err != nil {
		return false, err
	}
	enrolled, err := s.Inventory.FindAgent(ctx, d.ID)
	if err != nil || len(last) > 0 && s.settled(last[0], enrolled.EnrolledAt) {
		return false, err
	}
	taken, err := s.DB.Exec(ctx, `UPDATE server_agents SET provisions = provisions + 1, provision_at = $2
		WHERE device = $1 AND provisions = $3 AND provision_at = $4`, d.ID, db.Micros(now), n, at)
	return taken > 0, err
}

// settled reports whether the newest order about a token leaves nothing to do: it is live, or since the device enrolled it was obeyed
// just now, so that the device may not have said yet what it has, or a person has taken the token back.
func (s *Store) settled(a lock.Action, enrolled time.Time) bool {
	switch {
	case a.State == lock.StateHeld, a.State == lock.StateQueued, a.State == lock.StateIssued:
		return true
	case a.State != lock.StateConfirmed:
		return false
	case !a.Confirmed.After(enrolled):
		return false
	case a.Kind == lock.KindRevokeToken:
		return true
	}
	return s.Now().Sub(a.Confirmed) < provisionPause
}

// pause is how long to wait after so many tokens of which nothing came.
func pause(n int64) time.Duration {
	switch {
	case n <= 0:
		return 0
	case n > 11: // 2^11 minutes are more than a day
		return provisionMax
	}
	return min(provisionPause<<(n-1), provisionMax)
}
