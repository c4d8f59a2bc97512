package lock

import (
	"context"
	"errors"

	"github.com/latchkey-mdm/latchkey/pin"
)

// RevealAnswer gives a person what was kept of the device's messages (see Keep), for an answer that could not be read: the PIN may be in it.
// All of them are given, the newest first and each on a new line, since the device may have sent others after the one that has the PIN. It is
// a disclosure as Reveal is, by the same right, under the same limits and with the same event, whose Secret names the newest. ErrNotFound
// when the action keeps none, ErrSealed when none can be opened now, ErrPurged when they are gone.
func (s *Service) RevealAnswer(ctx context.Context, actor Actor, id ID, reason, ticket string) ([]byte, error) {
	var given []byte
	err := s.reveal(ctx, id, Event{Actor: actor, Reason: reason, Ticket: ticket}, func(ctx context.Context, a Action) (code pin.PIN, n int, err error) {
		if given, n, err = s.openBodies(ctx, a); err != nil {
			return pin.PIN{}, 0, err
		}
		if code, _, err = s.open(ctx, a, SecretPIN); errors.Is(err, ErrNotFound) || lost(err) {
			return pin.PIN{}, n, nil
		}
		return code, n, err
	})
	if err != nil {
		return nil, err
	}
	return given, nil
}
