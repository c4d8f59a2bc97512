package mdmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxCommands ends a session in which the server never says that it has nothing more.
const maxCommands = 100

// Session is what happened between the first message of a Poll and its end.
type Session struct {
	Commands []Command // in order; also a command that a script lost, or that came when the Mac was about to restart
	Statuses []int     // HTTP status of each answer in order, also of one that a script lost; a broken connection has none
}

// session is a running Session.
type session struct {
	Session
	mac     *Mac
	e       *enrolment
	channel channel
	entries []int // of Commands, in the Mac's log
}

// Poll runs one session on the device channel: first the results that got no 200 before, then Idle, command, result, and so on
// until the server has nothing more or the Mac locks itself. It returns what happened, also next to an error.
//
// Errors: ErrLocked and ErrNotEnrolled (nothing was sent), ErrCut, *StatusError, those of the network, and a reply that is no
// command. After every error the Mac goes on with its next Poll as a real one would.
func (m *Mac) Poll(ctx context.Context) (Session, error) {
	return m.converse(m.awake, func(s *session) error {
		if err := s.resend(ctx); err != nil || m.State() != Unlocked {
			return err
		}
		return s.idle(ctx)
	})
}

// PollUser runs a session on the user channel, where DeviceLock is an unknown command and results are not kept. Without a user
// channel it returns ErrNotEnrolled.
func (m *Mac) PollUser(ctx context.Context) (Session, error) {
	return m.converse(m.awake, func(s *session) error {
		s.channel = s.e.user
		if s.channel.userID == "" {
			return ErrNotEnrolled
		}
		return s.idle(ctx)
	})
}

// Flush sends the answers that HoldAnswer keeps on the way; the Mac may be locked by now, as the answer had left before. What
// fails is sent again by the next Poll of an unlocked Mac.
func (m *Mac) Flush(ctx context.Context) (Session, error) {
	enrolled := func() (*enrolment, error) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.enrolment == nil {
			return nil, ErrNotEnrolled
		}
		return m.enrolment, nil
	}
	return m.converse(enrolled, func(s *session) error {
		m.mu.Lock()
		held := m.held
		m.held, m.outbox = nil, append(m.outbox, held...)
		m.mu.Unlock()
		for _, a := range held {
			reply, err := s.deliver(ctx, a)
			if err == nil {
				err = s.follow(ctx, reply)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// converse runs a session of a Mac that passes the check.
func (m *Mac) converse(check func() (*enrolment, error), run func(*session) error) (Session, error) {
	m.conversation.Lock()
	defer m.conversation.Unlock()
	e, err := check()
	if err != nil {
		return Session{}, err
	}
	s := &session{mac: m, e: e, channel: e.device}
	err = run(s)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, i := range s.entries {
		s.Commands = append(s.Commands, m.log[i])
	}
	return s.Session, err
}

func (s *session) resend(ctx context.Context) error {
	for s.mac.State() == Unlocked {
		a, ok := s.mac.oldest()
		if !ok {
			return nil
		}
		reply, err := s.deliver(ctx, a)
		if err != nil {
			return err
		}
		if err := s.follow(ctx, reply); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) idle(ctx context.Context) error {
	reply, err := s.sendIdle(ctx)
	if err != nil {
		return err
	}
	return s.follow(ctx, reply)
}

func (s *session) sendIdle(ctx context.Context) ([]byte, error) {
	dict := map[string]any{"Status": statusIdle, "UDID": s.mac.cfg.UDID}
	maps.Copy(dict, s.mac.userKeys(s.channel))
	body, err := encode(dict)
	if err != nil {
		return nil, err
	}
	return s.send(ctx, statusIdle, body)
}

// follow obeys the command in a reply, and those in the replies to its results, until a reply is empty or the Mac is locked.
func (s *session) follow(ctx context.Context, reply []byte) error {
	for range maxCommands {
		if len(reply) == 0 {
			return nil
		}
		o, err := s.receive(reply)
		if err != nil || s.mac.State() != Unlocked { // locked: it comes in reply to a late answer, and has no effect
			return err
		}
		if o.RequestType == deviceLock && s.mac.strikes(LoseCommand) {
			return ErrCut
		}
		if reply, err = s.obey(ctx, o); err != nil {
			return err
		}
	}
	return fmt.Errorf("mdmtest: the server sent more than %d commands in one session", maxCommands)
}

func (s *session) receive(reply []byte) (order, error) {
	o, err := s.mac.receive(reply, s.channel.userID != "")
	if err == nil {
		s.entries = append(s.entries, o.entry)
	}
	return o, err
}

// obey executes one order, answers it, and returns the reply that goes on with the session. A Mac that locks itself drops the
// reply.
func (s *session) obey(ctx context.Context, o order) ([]byte, error) {
	status, keys := s.mac.execute(o)
	a, err := s.mac.result(o, s.channel, status, keys)
	if err != nil {
		return nil, err
	}
	reply, err := s.post(ctx, a)
	if a.deviceLock && status == statusAcknowledged {
		err = errors.Join(err, s.restart(ctx, reply))
		s.mac.note(o, status)
		s.mac.lock(o)
		return nil, err
	}
	s.mac.note(o, status)
	return reply, err
}

// restart is what happens between the answer to a DeviceLock and the PIN screen: commands that still arrive have no effect.
func (s *session) restart(ctx context.Context, reply []byte) error {
	replies := [][]byte{reply}
	var failed error
	if s.mac.strikes(TrailingIdle) {
		reply, failed = s.sendIdle(ctx)
		replies = append(replies, reply)
	}
	for _, r := range replies {
		if len(r) > 0 {
			_, err := s.receive(r)
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// post sends a new answer, or keeps it on the way.
func (s *session) post(ctx context.Context, a answer) ([]byte, error) {
	if a.deviceLock && s.mac.strikes(HoldAnswer) {
		s.mac.mu.Lock()
		defer s.mac.mu.Unlock()
		s.mac.held = append(s.mac.held, a)
		return nil, nil
	}
	if !a.notNow && s.channel.userID == "" {
		s.mac.mu.Lock()
		s.mac.outbox = append(s.mac.outbox, a)
		s.mac.mu.Unlock()
	}
	return s.deliver(ctx, a)
}

// deliver sends an answer; it leaves the outbox with the first 200 that arrives.
func (s *session) deliver(ctx context.Context, a answer) ([]byte, error) {
	if a.deviceLock && s.mac.strikes(LoseAnswer) {
		return nil, ErrCut
	}
	reply, err := s.send(ctx, a.op, a.body)
	if err != nil {
		return nil, err
	}
	if a.deviceLock && s.mac.strikes(LoseReceipt) {
		return nil, ErrCut
	}
	s.mac.delivered(a)
	if a.deviceLock && s.mac.strikes(RepeatAnswer) {
		return s.send(ctx, a.op, a.body)
	}
	return reply, nil
}

func (s *session) send(ctx context.Context, op string, body []byte) ([]byte, error) {
	reply, err := s.mac.message(ctx, s.e, op, s.e.profile.serverURL, commandType, body)
	var refused *StatusError
	switch {
	case errors.As(err, &refused):
		s.Statuses = append(s.Statuses, refused.Code)
	case err == nil:
		s.Statuses = append(s.Statuses, 200)
	}
	return reply, err
}

func (m *Mac) oldest() (answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.outbox) == 0 {
		return answer{}, false
	}
	return m.outbox[0], true
}

func (m *Mac) delivered(a answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outbox = slices.DeleteFunc(m.outbox, func(b answer) bool { return &b.body[0] == &a.body[0] })
}
