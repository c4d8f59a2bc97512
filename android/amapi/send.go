package amapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// slack is how far the end of an operation may be from that of its action: less than two orders for one device are apart as a rule, and more
// than Google's clock may be wrong.
const slack = 20 * time.Second

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
	left := o.Action.NotAfter.Sub(s.client.now()).Truncate(time.Second)
	if left < time.Second {
		return "", &Error{Class: ClassExpired, notTaken: true}
	}
	if o.Action.Deliveries-o.Action.Deferrals > 1 {
		name, err := s.find(ctx, device, o.Action)
		if name != "" || err != nil {
			return name, err
		}
	}
	text, err := withDuration(body, left)
	if err != nil {
		return "", err
	}
	op, err := s.client.issue(ctx, device, text)
	return op.Name, err
}

// find looks for the operation of an action that was sent before. It knows it by type, by its time, which is not before the action was
// first sent, and by its end, which is that of the action. Of several it takes the last, since all of them carry the same command.
func (s *sender) find(ctx context.Context, device string, a lock.Action) (name string, err error) {
	found, err := s.client.Operations(ctx, device)
	if err != nil {
		if e := (*Error)(nil); errors.As(err, &e) {
			e.notTaken = true // nothing was issued this time: it does not count
		}
		return "", err
	}
	var last time.Time
	for _, o := range found {
		end := o.Created.Add(o.Duration).Sub(a.NotAfter).Abs()
		own := o.Device() == device && o.Type == string(typeOf(a.Kind)) && end <= slack && !o.Created.Before(a.Issued.Truncate(time.Millisecond))
		if own && !o.Created.Before(last) {
			name, last = o.Name, o.Created
		}
	}
	return name, nil
}

// withDuration adds to an encoded command how long it may wait.
func withDuration(body []byte, d time.Duration) ([]byte, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil || fields == nil {
		return nil, errors.New("amapi: not a command of this package's codec")
	}
	text, err := json.Marshal(seconds(d))
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
	outcome, facts := o.Report()
	return lock.Report{Ref: o.Name, Outcome: outcome, Facts: facts}, nil
}

// Withdraw cancels an action's operation. What became of that its notification tells.
func (s *sender) Withdraw(ctx context.Context, a lock.Action) error {
	if err := s.client.Cancel(ctx, a.Ref); err != nil {
		return fmt.Errorf("withdraw %s: %w", a.ID, err)
	}
	return nil
}
