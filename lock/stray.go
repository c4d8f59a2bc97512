package lock

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// KeepStray keeps a message of a device that may have a PIN in it which no order waits for, as after the ledger was restored from a backup:
// a PIN that the device made is not lost then, and given to no order that it may not belong to. It is sealed as Keep seals messages, as an
// action of KindEscrow, one for each device, with an alarm that names it as Other, in one commit; when KeepStray returns, it is durable.
// RevealAnswer gives it to a person. Nothing is kept when made, the PIN as it was read, is one that the ledger has of an action of this device
// that Returns: the device has repeated itself. The zero PIN, for what cannot be read, is none of these. The newest message again is not kept
// twice. Of one device 16 are kept: of further ones the log alone says that they came. A re-enrolment does not end it, and no purge takes it.
//
// The caller has authenticated the device. A message may have 1 MiB; a longer one is an *InputError. On any other error answer that the
// server is unavailable: the device sends it again.
func (s *Service) KeepStray(ctx context.Context, d Device, body []byte, made pin.PIN) error {
	if err := checkBody(d, body); err != nil || len(body) == 0 {
		return err
	}
	unlock, err := s.devices.lock(ctx, d.Scope, d.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if known, err := s.hasPIN(ctx, d, made); err != nil || known {
		return err
	}
	return retry(ctx, func() error { return s.keepStrayOnce(ctx, d, body) })
}

// hasPIN reports whether the device made that PIN for an action that still keeps it. One that does not open is another one.
func (s *Service) hasPIN(ctx context.Context, d Device, made pin.PIN) (bool, error) {
	if made.IsZero() {
		return false, nil
	}
	known, err := s.all(ctx, Filter{Scope: d.Scope, Devices: []string{d.ID}, Kinds: pinKinds()})
	if err != nil {
		return false, err
	}
	for _, a := range known {
		if !a.Returns || !a.hasSecret(SecretPIN) || a.Device.Platform != d.Platform {
			continue
		}
		if a, err = s.cfg.Store.Get(ctx, a.ID); err != nil {
			return false, err
		}
		codes, err := s.openPINs(ctx, a)
		if err != nil && !lost(err) {
			return false, err
		}
		if slices.ContainsFunc(codes, made.Equal) {
			return true, nil
		}
	}
	return false, nil
}

func (s *Service) keepStrayOnce(ctx context.Context, d Device, body []byte) error {
	a, found, err := s.lastEscrow(ctx, d, secretBody)
	if err != nil {
		return err
	}
	if !found {
		a = Action{ID: NewID(s.now()), Kind: KindEscrow, State: StateConfirmed, Device: d.snapshot()}
	}
	if a.bodies() >= maxBodies {
		s.cfg.Logger.WarnContext(ctx, "a PIN that the device returned, and no order waits for, was not kept: too many were before",
			slog.String("action", string(a.ID)), slog.String("device", d.ID))
		return nil
	}
	e, err := s.keepBody(ctx, a, body)
	if err != nil || len(e.Secrets) == 0 {
		return err
	}
	c, err := s.strayChange(a, e, found)
	if err != nil {
		return err
	}
	if c, err = s.withAlarm(c, a, "the device returned what may be a PIN, and no order waits for it: its answer is kept; reveal it"); err != nil {
		return err
	}
	return s.commit(ctx, c)
}

// strayChange adds the message to the escrow of the device's strays, or begins that.
func (s *Service) strayChange(a Action, e Event, found bool) (Change, error) {
	if found {
		return s.act(a, e)
	}
	e.Type = EventOrdered
	return s.create(a, e, time.Time{})
}
