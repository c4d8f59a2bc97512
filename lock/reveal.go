package lock

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Reveal gives a person the PIN of an action, in any state, as often as asked. Actor and reason, which is required, are recorded before
// it returns: when the record cannot be made durable, there is no PIN. ErrNotFound when the action has no PIN, ErrSealed when it cannot
// be opened now, ErrPurged, with when and by whom, when it is gone.
func (s *Service) Reveal(ctx context.Context, actor Actor, id ID, reason string) (pin.PIN, error) {
	if err := checkText("reason", reason, 1024, true); err != nil {
		return pin.PIN{}, err
	}
	a, err := s.cfg.Store.Get(ctx, id)
	if err != nil {
		return pin.PIN{}, err
	}
	if err := s.allow(ctx, actor, VerbReveal, Target{Device: a.Device, Action: &a}); err != nil {
		return pin.PIN{}, err
	}
	var code pin.PIN
	_, err = s.update(ctx, a, func(a Action) (Change, error) {
		var n int
		if code, n, err = s.open(ctx, a, SecretPIN); err != nil {
			return Change{}, err
		}
		if contains(reason, code) {
			return Change{}, &InputError{Field: "reason", Rule: "must not contain the PIN: it is kept in clear"}
		}
		return s.act(a, Event{Type: EventRevealed, Actor: actor, Reason: s.withholdText(ctx, a, reason), Secret: n})
	})
	switch {
	case errors.Is(err, ErrPurged):
		return pin.PIN{}, s.whoPurged(ctx, id, err)
	case err != nil:
		return pin.PIN{}, err
	}
	return code, nil
}

// whoPurged adds to the error when and by whom the secrets of the action were purged.
func (s *Service) whoPurged(ctx context.Context, id ID, err error) error {
	purges, failed := s.cfg.Store.Events(ctx, EventFilter{Action: id, Types: []EventType{EventPurged}, Newest: true, Limit: 1})
	if failed != nil || len(purges) == 0 {
		return err
	}
	return fmt.Errorf("%w, on %s by %s", err, purges[0].Time.Format(time.RFC3339), purges[0].Actor.ID)
}
