package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sideshow/apns2"
	"golang.org/x/net/http2"
)

const (
	dialTimeout = 10 * time.Second // connection and handshake
	readIdle    = 5 * time.Second  // without a frame, then a ping
	pingTimeout = 3 * time.Second  // without its answer the connection is dead
	maxHeaders  = 16 << 10         // bytes of an answer's headers
)

// These are deprecated in favour of net/http's, whose transport opens as many connections as there are pushes at a start.
//
//nolint:staticcheck // see above
type (
	transport  = http2.Transport
	clientConn = http2.ClientConn
)

// session is the connection under one certificate. It implements http2.ClientConnPool: the transport's own pool has each push reserve a
// place on the connection, so that those which wait for their turn use up the limit of the host, and when that is low none gets its turn.
// It also leaves who waits for a connection to whoever began to make it.
type session struct {
	identity
	client    *apns2.Client
	transport *transport
	dialer    tls.Dialer
	refusal   atomic.Pointer[net.OpError] // the alert for our certificate that ended the last connection; nil once a push was answered

	mu       sync.Mutex
	conn     *clientConn // nil: none
	dialling *dialling   // nil: none is being made
	active   int         // pushes under way
	retired  bool        // the connection ends with the last push
}

// dialling is a connection that is being made.
type dialling struct {
	done chan struct{}
	conn *clientConn
	err  error
}

// newSession connects to nothing yet.
func newSession(id identity, host string, roots *x509.CertPool, now func() time.Time) *session {
	s := &session{identity: id}
	s.dialer = tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTimeout}, Config: &tls.Config{
		Certificates: []tls.Certificate{id.pair}, RootCAs: roots, MinVersion: tls.VersionTLS12, NextProtos: []string{http2.NextProtoTLS},
	}}
	//nolint:staticcheck // see transport
	s.transport = &transport{
		ConnPool:                   s,
		StrictMaxConcurrentStreams: true, // wait for a turn
		ReadIdleTimeout:            readIdle,
		PingTimeout:                pingTimeout,
		DisableCompression:         true,
		MaxHeaderListSize:          maxHeaders,
	}
	s.client = &apns2.Client{Host: host, HTTPClient: &http.Client{Transport: &exchange{s.transport, now}}}
	return s
}

// GetClientConn implements http2.ClientConnPool. It returns when the request's context ends; a connection that is being made is for the
// next push then.
func (s *session) GetClientConn(r *http.Request, addr string) (*clientConn, error) {
	s.mu.Lock()
	if c := s.conn; c != nil && c.CanTakeNewRequest() {
		s.mu.Unlock()
		return c, nil
	}
	d := s.dialling
	if d == nil {
		d = &dialling{done: make(chan struct{})}
		s.dialling = d
		go s.dial(d, addr) //nolint:contextcheck,gosec // it is for all who wait, and has a time limit of its own
	}
	s.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// MarkDead implements http2.ClientConnPool.
func (s *session) MarkDead(c *clientConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn == c {
		s.conn = nil
	}
}

var errProtocol = errors.New("the host does not speak HTTP/2")

// dial makes a connection.
func (s *session) dial(d *dialling, addr string) {
	made, err := s.dialer.DialContext(context.Background(), "tcp", addr)
	secure, ok := made.(*tls.Conn)
	if err == nil && (!ok || secure.ConnectionState().NegotiatedProtocol != http2.NextProtoTLS) {
		err = errors.Join(errProtocol, made.Close())
	}
	s.mu.Lock() // also while the transport takes the connection, since it may call MarkDead at once
	if err == nil {
		d.conn, err = s.transport.NewClientConn(&conn{Conn: secure, session: s}) //nolint:staticcheck // see transport
	}
	d.err = err
	s.conn, s.dialling = d.conn, nil
	s.mu.Unlock()
	close(d.done)
	s.hangUp()
}

// begin counts a push in, unless the session is retired.
func (s *session) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.retired {
		s.active++
	}
	return !s.retired
}

// end counts a push out.
func (s *session) end() {
	s.mu.Lock()
	s.active--
	s.mu.Unlock()
	s.hangUp()
}

// retire lets pushes that are under way finish, and no other begin.
func (s *session) retire() {
	s.mu.Lock()
	s.retired = true
	s.mu.Unlock()
	s.hangUp()
}

// hangUp closes the connection when nothing needs it any more.
func (s *session) hangUp() {
	s.mu.Lock()
	c := s.conn
	needed := !s.retired || s.active > 0
	s.mu.Unlock()
	if c != nil && !needed {
		_ = c.Close()
	}
}

// unanswered makes the error of a push that got no answer. When a handshake is refused (TLS 1.3), the transport learns it too late to say
// so itself.
func (s *session) unanswered(ctx context.Context, err error) *Error {
	dial := (*net.OpError)(nil)
	if refusal := s.refusal.Load(); refusal != nil && ctx.Err() == nil && !(errors.As(err, &dial) && dial.Op == "dial") {
		err = refusal
	}
	return unanswered(err)
}
