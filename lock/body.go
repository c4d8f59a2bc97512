package lock

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

// The names of what is kept of a device's messages, and how much of it.
const (
	secretBody = "body"   // a message, or its first part
	secretMore = "body+"  // each further part of it
	bodyPart   = 64 << 10 // what one secret can hold
	maxBody    = 1 << 20
	maxBodies  = 16             // messages of one action
	bodyWait   = 24 * time.Hour // how long a PIN is waited for after the last delivery, once its action ended
)

// Keep seals a message of a device as it came, before anybody reads it, when it may have the PIN in it that the device made for an action
// that Returns (see Plan): what cannot be read is not lost then. It returns the ID of that action, and "" with nothing kept when none of the
// device's waits for a PIN: one that is issued, or was delivered within a day and ended, and has none. When it returns, the message is durable,
// as one or more secrets of the action. The newest message again is not kept twice, and of one action no more than the first 16 are kept:
// the last of these has a finding with it (answers_full), and of further ones nothing is kept, though the action is named all the same.
// RevealAnswer gives them to a person.
//
// The caller has authenticated the device. A message may have 1 MiB; a longer one is an *InputError. On any other error answer that the
// server is unavailable, and interpret nothing: the device sends it again.
func (s *Service) Keep(ctx context.Context, d Device, body []byte) (kept ID, err error) {
	if err := checkBody(d, body); err != nil {
		return "", err
	}
	waiting, err := s.awaiting(ctx, d)
	if err != nil || waiting.ID == "" || len(body) == 0 {
		return "", err
	}
	_, err = s.update(ctx, waiting, func(a Action) (Change, error) {
		kept = ""
		if !s.awaits(a) { // any more
			return Change{}, nil
		}
		kept = a.ID
		e, err := s.keepBody(ctx, a, body)
		if err != nil || len(e.Secrets) == 0 {
			return Change{}, err
		}
		return s.act(a, e)
	})
	if err != nil {
		return "", err
	}
	return kept, nil
}

// checkBody is what holds of every message that is kept.
func checkBody(d Device, body []byte) error {
	if len(body) > maxBody {
		return &InputError{Field: "body", Rule: fmt.Sprintf("must have at most %d bytes", maxBody)}
	}
	return d.validate()
}

// awaiting is the action of the device that waits for a PIN, of several the one delivered last; the zero Action when none does.
func (s *Service) awaiting(ctx context.Context, d Device) (Action, error) {
	known, err := s.all(ctx, Filter{
		Scope: d.Scope, Devices: []string{d.ID}, Kinds: pinKinds(),
		States: []State{StateIssued, StateUnconfirmed, StateCancelled, StateConfirmed},
	})
	known = slices.DeleteFunc(known, func(a Action) bool { return a.Device.Platform != d.Platform || !s.awaits(a) })
	return lastDelivered(known), err
}

// awaits reports whether a PIN that the device made may come for the action.
func (s *Service) awaits(a Action) bool {
	if !a.Returns || a.Deliveries == 0 || a.hasSecret(SecretPIN) {
		return false
	}
	switch a.State {
	case StateIssued:
		return true
	case StateUnconfirmed, StateCancelled, StateConfirmed:
		return s.now().Before(a.Delivered.Add(bodyWait))
	default:
		return false
	}
}

// keepBody makes the event that keeps a message with its action; without secrets: it is not kept, or once is enough.
func (s *Service) keepBody(ctx context.Context, a Action, body []byte) (e Event, err error) {
	if a.bodies() >= maxBodies {
		return e, nil
	}
	if i := a.newest(len(a.Secrets)); i >= 0 {
		last, err := s.openBody(ctx, a, i)
		switch {
		case err == nil && bytes.Equal(last, body):
			return e, nil
		case err != nil && !lost(err):
			return e, err
		}
	}
	e = Event{Type: EventSecretAdded, Actor: Actor{ID: actorDevice}}
	with, name := a, secretBody
	for part := range slices.Chunk(body, bodyPart) {
		secret, err := pin.Bytes(part)
		if err != nil {
			return e, fmt.Errorf("keep a message of the device: %w", err)
		}
		sealed, err := s.seal(ctx, with, name, secret)
		if err != nil {
			return e, err
		}
		e.Secrets, name = append(e.Secrets, sealed), secretMore
		with.Secrets = append(slices.Clip(with.Secrets), sealed)
	}
	if a.bodies() == maxBodies-1 {
		e.Findings = []Finding{{Code: codeFull, Level: LevelWarn, Text: fmt.Sprintf("%d messages of the device are kept of this, and no more: "+
			"what it says from now on is not, and its PIN may be in that.", maxBodies)}}
	}
	return e, nil
}

// heard reports whether a secret of that name is, or begins, a message of the device. Such a name is nobody else's.
func heard(name string) bool { return name == secretBody || name == secretMore }

// bodies is how many messages of its device the action keeps, or kept before a purge.
func (a Action) bodies() (n int) {
	for _, secret := range a.Secrets {
		if secret.Name == secretBody {
			n++
		}
	}
	return n
}

// newest is the index of the first part of the message that was kept last before that index; -1: there is none.
func (a Action) newest(before int) int {
	for i := before - 1; i >= 0; i-- {
		if a.Secrets[i].Name == secretBody {
			return i
		}
	}
	return -1
}

// openBody opens the message whose first part has that index. The action comes from Store.Get.
func (s *Service) openBody(ctx context.Context, a Action, first int) (body []byte, err error) {
	for i, secret := range a.Secrets[first:] {
		if i > 0 && secret.Name != secretMore {
			break
		}
		part, err := s.openBox(ctx, a, secret)
		if err != nil {
			return nil, err
		}
		body = append(body, part.Expose()...)
	}
	return body, nil
}

// openBodies opens all that is kept, the newest first, and says with which secret that begins. What does not open hides nothing else.
func (s *Service) openBodies(ctx context.Context, a Action) (all []byte, n int, err error) {
	failed := fmt.Errorf("%w: action %s keeps no answer of its device", ErrNotFound, a.ID)
	for i := a.newest(len(a.Secrets)); i >= 0; i = a.newest(i) {
		body, err := s.openBody(ctx, a, i)
		switch {
		case lost(err):
			failed = err
			continue
		case err != nil:
			return nil, 0, err
		case n == 0:
			n = a.Secrets[i].N
		default:
			all = append(all, '\n')
		}
		all = append(all, body...)
	}
	if n == 0 {
		return nil, 0, failed
	}
	return all, n, nil
}
