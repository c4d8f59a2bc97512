package amapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

type sender struct {
	client *Client
	name   func(context.Context, lock.Device) (string, error)
}

// Send implements lock.Sender. What was sent before and may have been taken is looked for before it is issued again.
func (s *sender) Send(ctx context.Context, o lock.Order, body []byte) (string, error) {
	device, err := s.name(ctx, o.Device)
	if err != nil {
		return "", &Error{Class: ClassNoName, Err: err, notTaken: true}
	}
	if !IsDeviceName(device) {
		return "", &Error{Class: ClassNoName, notTaken: true, refusal: map[string]string{"code": "DEVICE_NAME"}}
	}
	left := o.Action.NotAfter.Sub(s.client.now())
	if left < 2*time.Second { // the mark takes up to one
		return "", &Error{Class: ClassExpired, notTaken: true}
	}
	if o.Action.Deliveries-o.Action.Deferrals > 1 {
		own, err := s.own(ctx, device, o.Action)
		if err != nil {
			if e := (*Error)(nil); errors.As(err, &e) {
				e.notTaken = true // nothing was issued this time: it does not count
			}
			return "", err
		}
		if len(own) > 0 {
			return slices.MaxFunc(own, func(a, b Operation) int { return a.Created.Compare(b.Created) }).Name, nil
		}
	}
	text, err := withDuration(body, (left-time.Second).Truncate(time.Second)+mark(o.Action.ID))
	if err != nil {
		return "", err
	}
	op, err := s.client.issue(ctx, device, text)
	return op.Name, err
}

// mark is what the duration of an action's operations has beyond whole seconds, by which they are known again: it depends on the action
// alone, is one of a thousand million, and 0 is not among them. Times say nothing: Google's clock is another one, and the next order for the
// device may follow at once.
func mark(id lock.ID) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it never fails
	return 1 + time.Duration(h.Sum64()%uint64(time.Second-1))
}

// own lists the operations of an action that Google remembers. All of them carry the same command. If Google gives back a duration without
// its fraction, there are none: then a command whose answer got lost is issued again.
func (s *sender) own(ctx context.Context, device string, a lock.Action) ([]Operation, error) {
	found, err := s.client.Operations(ctx, device)
	return slices.DeleteFunc(found, func(o Operation) bool {
		return o.Device() != device || o.Type != string(typeOf(a.Kind)) || o.Duration%time.Second != mark(a.ID)
	}), err
}

// withDuration adds to an encoded command how long it may wait.
func withDuration(body []byte, d time.Duration) ([]byte, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return nil, errors.New("amapi: not a command of this package's codec")
	}
	text, err := json.Marshal(fmt.Sprintf("%d.%09ds", d/time.Second, d%time.Second))
	if err != nil {
		return nil, err
	}
	fields["duration"] = text
	return json.Marshal(fields)
}

// Poll asks what became of an action's operation. That Google has forgotten it says nothing of the action.
func (s *sender) Poll(ctx context.Context, a lock.Action) (lock.Report, error) {
	o, err := s.client.Operation(ctx, a.Ref)
	if err != nil {
		return lock.Report{}, err
	}
	return o.Report(), nil
}

// Withdraw cancels an action's operations: the one that it has the name of, and if it has none, or was sent more than once, all that are
// found. What became of that which has the name its notification tells.
func (s *sender) Withdraw(ctx context.Context, a lock.Action) error {
	var errs []error
	if a.Ref != "" {
		errs = append(errs, s.client.Cancel(ctx, a.Ref))
	}
	if a.Ref == "" || a.Deliveries-a.Deferrals > 1 {
		errs = append(errs, s.withdrawOthers(ctx, a))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("withdraw %s: %w", a.ID, err)
	}
	return nil
}

// withdrawOthers cancels what is found of an action's operations, but for that which it has the name of.
func (s *sender) withdrawOthers(ctx context.Context, a lock.Action) error {
	device, err := (Operation{Name: a.Ref}).Device(), error(nil)
	if a.Ref == "" {
		device, err = s.name(ctx, a.Device)
	}
	if err != nil {
		return &Error{Class: ClassNoName, Err: err}
	}
	own, err := s.own(ctx, device, a)
	errs := []error{err}
	for _, o := range own {
		if o.Name != a.Ref && !o.Done {
			errs = append(errs, s.client.Cancel(ctx, o.Name))
		}
	}
	return errors.Join(errs...)
}
