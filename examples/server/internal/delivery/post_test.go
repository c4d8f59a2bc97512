package delivery_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
)

// postName is what the certificate of a post office is for. It is no name of this machine.
const postName = "mail.example.com"

// post is a mail server.
type post struct {
	address string
	roots   *x509.CertPool
	config  *tls.Config

	mu       sync.Mutex
	mails    []mail
	from     func() error           // what it says to the sender
	rcpt     func(string) error     // to a recipient
	data     func(*smtp.Conn) error // to a mail, which it has by then
	signedIn int
}

// mail is what the mail server took.
type mail struct {
	from string
	to   []string
	text string
	tls  bool
}

// postPassword lets "latchkey" in.
const postPassword = "correct horse battery"

// newPost starts a mail server. offersTLS: STARTTLS; implicit: TLS from the first byte on.
func newPost(t *testing.T, offersTLS, implicit bool) *post {
	t.Helper()
	p := &post{}
	p.certify(t)
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{post: p, conn: c}, nil }))
	server.Domain, server.ErrorLog, server.AllowInsecureAuth = postName, log.New(io.Discard, "", 0), true
	if offersTLS {
		server.TLSConfig = p.config
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.address = listener.Addr().String()
	if implicit {
		listener = tls.NewListener(listener, p.config)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return p
}

func (p *post) certify(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{postName},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	p.roots = x509.NewCertPool()
	p.roots.AddCert(cert)
	p.config = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// dial reaches the mail server by whatever name.
func (p *post) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", p.address)
}

func (p *post) say(change func(*post)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *post) taken() []mail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]mail(nil), p.mails...)
}

type session struct {
	post *post
	conn *smtp.Conn
	mail mail
}

func (s *session) Reset()        { s.mail = mail{} }
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "latchkey" || password != postPassword {
			return errors.New("no")
		}
		s.post.say(func(p *post) { p.signedIn++ })
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.mail.from = from
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	if s.post.from != nil {
		return s.post.from()
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.to = append(s.mail.to, to)
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	if s.post.rcpt != nil {
		return s.post.rcpt(to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mail.text = string(text)
	_, s.mail.tls = s.conn.TLSConnectionState()
	var then func(*smtp.Conn) error
	s.post.say(func(p *post) {
		p.mails = append(p.mails, s.mail)
		then = p.data
	})
	if then != nil {
		return then(s.conn)
	}
	return nil
}

// refusal is an answer of a mail server.
func refusal(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}
