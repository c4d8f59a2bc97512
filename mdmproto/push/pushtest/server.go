package pushtest

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Server is the stand-in. It is safe for concurrent use.
type Server struct {
	authority *authority
	topic     string
	listener  net.Listener
	web       *http.Server
	closed    chan struct{} // ends what hangs

	mu             sync.Mutex
	scripts        map[string][]Answer // by token in hexadecimal; "": of all that have none
	pushes         []Push
	accepted, open int
	underWay, peak int
	changed        chan struct{} // closed and replaced with each change
}

// Push is one request.
type Push struct {
	Token       []byte // nil when the path has none that is hexadecimal
	Method      string
	Path        string
	Header      http.Header
	Payload     []byte
	Certificate *x509.Certificate // of the client
}

// Expiration is apns-expiration; zero when it is absent or no time.
func (p Push) Expiration() time.Time { return expiration(p.Header) }

// Start serves on a free port of the loopback interface. Pushes must be for this topic. Edits change the HTTP server before it serves.
func Start(topic string, edits ...func(*http.Server)) (*Server, error) {
	made, err := newAuthority()
	if err != nil {
		return nil, err
	}
	host, err := made.host()
	if err != nil {
		return nil, err
	}
	plain, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("pushtest: listen: %w", err)
	}
	s := &Server{
		authority: made, topic: topic, listener: listener{plain}, closed: make(chan struct{}), changed: make(chan struct{}),
		scripts: map[string][]Answer{},
	}
	s.web = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{host}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.Roots(), MinVersion: tls.VersionTLS12,
		},
		ConnState:   s.count,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	for _, edit := range edits {
		edit(s.web)
	}
	go func() { _ = s.web.ServeTLS(s.listener, "", "") }() // ends with Close
	return s, nil
}

type connKey struct{}

// URL is the host for a client's configuration.
func (s *Server) URL() string { return "https://" + s.listener.Addr().String() }

// Roots is who issued the server's certificate.
func (s *Server) Roots() *x509.CertPool {
	roots := x509.NewCertPool()
	roots.AddCert(s.authority.cert)
	return roots
}

// Close ends the server, its connections, and what hangs.
func (s *Server) Close() {
	close(s.closed)
	_ = s.web.Close()
}

// Script says how pushes to this token are answered, or, when it is nil, those to every token that has no script: the first with the first
// answer, and so on; the last answer stays.
func (s *Server) Script(token []byte, answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scripts[hex.EncodeToString(token)] = slices.Clone(answers)
}

// Pushes returns all requests so far, in the order of their arrival.
func (s *Server) Pushes() []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pushes)
}

// Connections returns how many were accepted so far, and how many of them are open.
func (s *Server) Connections() (accepted, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, s.open
}

// UnderWay returns how many requests wait for their answer now, and how many did at most.
func (s *Server) UnderWay() (now, peak int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.underWay, s.peak
}

// Await waits until the condition holds. It is asked again after each request, answer and connection.
func (s *Server) Await(ctx context.Context, holds func() bool) error {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("pushtest: await: %w", ctx.Err())
		}
	}
}

// note changes what the server counts.
func (s *Server) note(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.note(func() { s.accepted++; s.open++ })
	case http.StateClosed:
		s.note(func() { s.open-- })
	case http.StateActive, http.StateIdle, http.StateHijacked:
	}
}

// take records a push and finds its answer.
func (s *Server) take(p Push) (a Answer, scripted bool) {
	s.note(func() {
		s.pushes = append(s.pushes, p)
		s.underWay++
		s.peak = max(s.peak, s.underWay)
		key := hex.EncodeToString(p.Token)
		if _, own := s.scripts[key]; !own {
			key = ""
		}
		answers := s.scripts[key]
		if scripted = len(answers) > 0; scripted {
			a = answers[0]
		}
		if len(answers) > 1 {
			s.scripts[key] = answers[1:]
		}
	})
	return a, scripted && a.Status != 0 || a.Cut != ""
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return
	}
	p := Push{
		Token: tokenOf(r.URL.Path), Method: r.Method, Path: r.URL.Path, Header: r.Header, Payload: body,
		Certificate: r.TLS.PeerCertificates[0],
	}
	a, scripted := s.take(p)
	defer s.note(func() { s.underWay-- })
	if a.Wait != nil {
		select {
		case <-a.Wait:
		case <-r.Context().Done():
		case <-s.closed:
		}
	}
	if !scripted {
		status, reason := s.judge(p, r.ProtoMajor)
		a = Answer{Status: cmp.Or(status, http.StatusOK), Reason: reason, Header: a.Header}
	}
	s.answer(w, r, a)
}
