package windowstest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

const maxMessages = 400

// session is one conversation with the server.
type session struct {
	d       *Device
	client  *http.Client
	address string // where messages go
	target  string // how they call the server
	limit   int

	user, secret string
	id           string
	msg          int    // the device's newest MsgID
	last         int    // the server's
	next         string // CmdID of the server's Alert 1222 that waits for a status
	accepted     bool   // by 212: no more digests
	failures     int    // digests that were refused

	split    bool
	finals   bool // Final ends the packages
	restarts bool
}

// Sync is one whole session, from the device's first message to the server's last. It returns nil when the session came to its end,
// a [*Violation] when the server broke the protocol, [ErrRefused], [ErrAborted], [ErrRestarted], or why the connection failed.
func (d *Device) Sync(ctx context.Context) error {
	d.conversation.Lock()
	defer d.conversation.Unlock()
	s, err := d.begin()
	if err != nil {
		return err
	}
	err = s.run(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.messages = s.msg
	if d.reboot || s.restarts {
		d.boot()
	}
	return err
}

func (d *Device) begin() (*session, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server == "" {
		return nil, errors.New("windowstest: Sync: call SetServer first")
	}
	d.sessions++
	s := &session{
		d: d, client: d.client, address: maintenance(d.server), target: d.server, limit: d.cfg.MaxMsgSize, finals: true,
		user: d.tree.value(d.cfg.accountURI() + accountUser), secret: d.tree.value(d.cfg.accountURI() + accountSecret),
		id: sessionID(d.sessions, d.cfg.SyncVersion3),
	}
	if s.limit == 0 {
		s.limit = maxBody
	}
	_, s.split = d.take(func(f Fault) bool { return f.kind == splitPackages })
	_, unfinished := d.take(func(f Fault) bool { return f.kind == noFinal })
	s.finals = !unfinished
	return s, nil
}

// sessionID is at most four characters long, and never 0.
func sessionID(n int, hexadecimal bool) string {
	if hexadecimal {
		return fmt.Sprintf("%X", (n-1)%0xffff+1)
	}
	return strconv.Itoa((n-1)%9999 + 1)
}

// run speaks until one side has nothing to say any more.
func (s *session) run(ctx context.Context) error {
	p := s.opening()
	for {
		a, err := s.deliver(ctx, p)
		if err != nil || len(a.commands) == 0 {
			return err
		}
		units := s.execute(a)
		if s.restarts || s.d.strikes(restartAfter, s.msg) {
			s.restarts = true
			return ErrRestarted
		}
		p = pack{units: units}
	}
}

// deliver sends a package and returns the server's answer to the last message of it.
func (s *session) deliver(ctx context.Context, p pack) (*answer, error) {
	parts := s.parts(p)
	for i := 0; ; {
		part, last := pack{}, i >= len(parts)-1
		if i < len(parts) {
			part = parts[i]
		}
		a, err := s.exchange(ctx, part, last && (s.finals || p.opening), !last)
		switch {
		case err != nil:
			return nil, err
		case a.refused():
			continue // the same again, with a digest
		case a.next == "":
			return a, nil
		}
		i++
	}
}

// exchange is one message and its answer. owing says that the package goes on after it.
func (s *session) exchange(ctx context.Context, p pack, final, owing bool) (*answer, error) {
	if s.msg >= maxMessages {
		return nil, fmt.Errorf("windowstest: the session has not ended after %d messages", maxMessages)
	}
	body, m := s.compose(p, final)
	m.owing = owing && !m.abort
	reply, err := s.post(ctx, m.id, body)
	if err != nil {
		return nil, err
	}
	a, err := s.read(m, reply)
	if err != nil {
		return nil, err
	}
	return a, s.conclude(m, a)
}

// conclude draws the consequences of what the server said about the message and its sender.
func (s *session) conclude(m sent, a *answer) error {
	s.last, s.next = a.id, a.next
	if a.respURI != "" {
		s.address, s.target = a.respURI, a.respURI
	}
	if a.nonce != nil {
		s.challenge(a.nonce)
	}
	if a.refused() && m.cred {
		s.failures++
	}
	switch {
	case a.refused() && a.abort:
		return fmt.Errorf("%w: %w", ErrRefused, ErrAborted)
	case a.abort || m.abort:
		return ErrAborted
	case a.refused() && (s.user == "" || s.failures >= 2):
		return ErrRefused
	case !a.refused() && a.header != 200 && a.header != 212:
		return fmt.Errorf("windowstest: the server answers the header of message %d with status %d", m.id, a.header)
	}
	s.accepted = s.accepted || a.header == 212
	return nil
}
