package agents

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// said are the facts that a device may tell of itself.
var said = []android.FactName{
	android.FactAPILevel, android.FactMode, android.FactTargetSDK, android.FactSecureLock, android.FactUserUnlocked, android.FactManagedProfile,
	android.FactSeparateChallenge, android.FactSecureLockFeature, android.FactTokenState, android.FactTokenID, android.FactQuality,
	android.FactMinLength, android.FactMinLetters, android.FactMinNumeric, android.FactMinSymbols, android.FactMinUpper, android.FactMinLower,
	android.FactMinNonLetter, android.FactComplexity, android.FactLockedNow, android.FactAgentVersion, android.FactBootCount,
}

// maxFact is the longest value of a fact that is kept.
const maxFact = 256

// justNow is how long after its arrival a state counts as of now, at most.
const justNow = 10 * time.Second

// described is what a device says of itself as the inventory takes it. What it may not say is left out, as if it were not known.
func described(state agent.State) inventory.Agent {
	a := inventory.Agent{Facts: map[string]string{}, At: state.At}
	for name, value := range state.Facts {
		if slices.Contains(said, android.FactName(name)) && len(value) <= maxFact && db.IsText(value) {
			a.Facts[name] = value
		}
	}
	a.OSVersion = osVersion(a.Facts[string(android.FactAPILevel)])
	return a
}

// State implements agent.Enrollments. What is older than what is known changes nothing, and what another key has signed than that of the
// enrolment is agent.ErrNotEnrolled. A device that has no reset token any more is offered one.
func (s *Store) State(ctx context.Context, d lock.Device, state agent.State) error {
	err := s.DB.Write(ctx, func(tx *sql.Tx) error { return s.learn(ctx, tx, d.ID, state) })
	if errors.Is(err, lock.ErrNotFound) {
		return fmt.Errorf("keep the device's state: %w", agent.ErrNotEnrolled)
	}
	if err != nil {
		return fmt.Errorf("keep the device's state: %w", err)
	}
	now, err := s.Inventory.FindAgent(ctx, d.ID)
	if err != nil {
		return fmt.Errorf("read the device's state: %w", err)
	}
	s.provision(ctx, now.Device)
	return nil
}

func (s *Store) learn(ctx context.Context, tx *sql.Tx, device string, state agent.State) error {
	var known int64
	var der []byte
	err := tx.QueryRowContext(ctx, `SELECT state_at, signing_key FROM server_agents WHERE device = $1`, device).Scan(&known, &der)
	if errors.Is(err, sql.ErrNoRows) {
		return agent.ErrNotEnrolled
	}
	if err != nil {
		return err
	}
	key, err := parseKey(der)
	switch {
	case err != nil:
		return err
	case state.Key == nil || !state.Key.Equal(key):
		return agent.ErrNotEnrolled
	case s.outdated(state.At, db.Time(known)):
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE server_agents SET state_at = $2 WHERE device = $1`, device, db.Micros(state.At)); err != nil {
		return err
	}
	now := described(state)
	if err := s.Inventory.LearnAgent(ctx, tx, device, now, string(android.FactAgreementKey)); err != nil {
		return err
	}
	if state.FCMToken != "" && db.IsText(state.FCMToken) {
		_, err = tx.ExecContext(ctx, `UPDATE server_agents SET fcm_token = $2, fcm_at = $3 WHERE device = $1`,
			device, state.FCMToken, db.Micros(s.Now()))
	}
	if err == nil && hasToken(now.Facts) {
		_, err = tx.ExecContext(ctx, `UPDATE server_agents SET provisions = 0 WHERE device = $1 AND provisions > 0`, device)
	}
	return err
}

// outdated reports whether a state is older than the one that is known. One of just now is not, though the known one is from the future: it
// came to a server whose clock is ahead.
func (s *Store) outdated(at, known time.Time) bool {
	now := s.Now()
	return at.Before(known) && !(known.After(now) && now.Sub(at) < justNow)
}

// hasToken reports whether the device says that it has a reset token, in force or not yet.
func hasToken(facts map[string]string) bool {
	state := android.TokenState(facts[string(android.FactTokenState)])
	return state == android.TokenActive || state == android.TokenPending
}
