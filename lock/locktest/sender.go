package locktest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Sender is a provider that takes commands of Codec and remembers all. It calls the nth that it took "operations/n", and says of it what
// Settle told it. Set it as lock.Platform.Sender; an embedder's tests then play the provider's part. It is safe for concurrent use.
type Sender struct {
	mu        sync.Mutex
	tried     []Sent
	play      play
	taken     int
	settled   map[string]lock.Report // by Ref
	polled    []Sent
	withdrawn []string
	pollErr   error
}

var _ lock.Sender = (*Sender)(nil)

// Sent is one call of Send, or of Poll.
type Sent struct {
	Action   lock.ID
	Delivery int
	Command  Command   // of Send
	Ref      string    // what it was called; empty: it was not taken
	At       time.Time // by time.Now: the bubble's clock in a synctest bubble
}

// ErrLost has Send take the command, and lose the answer that says so: pass it to Fail or Script.
const ErrLost lock.Error = "the command was taken, and the answer got lost"

// SendError is an error that says all that lock.Sender knows of: pass it to Fail or Script.
type SendError struct {
	WakeFailure
	Untaken bool              // certainly not taken
	Refused map[string]string // refused for good, with these facts
}

// NotTaken is Untaken.
func (e SendError) NotTaken() bool { return e.Untaken }

// Refusal is Refused.
func (e SendError) Refusal() map[string]string { return e.Refused }

// Send is lock.Sender's.
func (s *Sender) Send(ctx context.Context, o lock.Order, body []byte) (string, error) {
	ref, err := s.take(o, body)
	if err == error(ErrHang) { //nolint:errorlint // the value itself is the instruction
		<-ctx.Done()
		return "", ctx.Err()
	}
	return ref, err
}

func (s *Sender) take(o lock.Order, body []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := Sent{Action: o.Action.ID, Delivery: o.Action.Deliveries, At: time.Now()}
	if err := json.Unmarshal(body, &sent.Command); err != nil {
		return "", fmt.Errorf("locktest: not a command of Codec: %w", err)
	}
	err := s.play.next(o.Device.ID)
	lost := err == error(ErrLost) //nolint:errorlint // the value itself is the instruction
	if err == nil || lost {
		s.taken++
		sent.Ref = "operations/" + strconv.Itoa(s.taken)
	}
	s.tried = append(s.tried, sent)
	if err != nil {
		return "", err
	}
	return sent.Ref, nil
}

// Poll is what lock.Sender describes: it answers what Settle said of the action's Ref.
func (s *Sender) Poll(_ context.Context, a lock.Action) (lock.Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polled = append(s.polled, Sent{Action: a.ID, Delivery: a.Deliveries, Ref: a.Ref, At: time.Now()})
	return s.settled[a.Ref], s.pollErr
}

// Withdraw is what lock.Sender describes. It ends as Send is told to.
func (s *Sender) Withdraw(_ context.Context, a lock.Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.withdrawn = append(s.withdrawn, a.Ref)
	return s.play.next(a.Device.ID)
}

// Fail makes every further call of Send and Withdraw return err, after it was recorded; nil: succeed again.
func (s *Sender) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play.err = err
}

// FailPoll makes every further Poll return err; nil: succeed again.
func (s *Sender) FailPoll(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pollErr = err
}

// Script makes the further calls for one device end like this, one after the other, and all after the last like the last, whatever Fail
// says. Without outcomes the device is like any other again.
func (s *Sender) Script(device string, outcomes ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.play.script(device, outcomes)
}

// Settle makes Poll say of this Ref what the report says, from now on.
func (s *Sender) Settle(ref string, r lock.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.settled == nil {
		s.settled = map[string]lock.Report{}
	}
	s.settled[ref] = r
}

// Sent returns the calls of Send so far, the first one first.
func (s *Sender) Sent() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tried)
}

// Polled returns the calls of Poll so far, the first one first.
func (s *Sender) Polled() []Sent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.polled)
}

// Withdrawn returns the names of the commands that Withdraw was called for, the first one first.
func (s *Sender) Withdrawn() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.withdrawn)
}
