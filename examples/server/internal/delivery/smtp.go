package delivery

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/latchkey-mdm/latchkey/lock"
)

// maxAnswers is how much a mail server may say in one conversation.
const maxAnswers = 256 << 10

const (
	errNotLocal lock.Error = "the mail server's name is that of this machine, and its address is not"
	errTalks    lock.Error = "the mail server says more than a conversation needs"
)

// SMTP is a mail server.
type SMTP struct {
	Host     string
	Port     int
	TLS      bool           // from the first byte on; else STARTTLS is required, unless the server is on this machine
	User     string         // empty: no sign-in
	Password string         // of User
	Roots    *x509.CertPool // who its certificate is from; nil: whom the system trusts
	Timeout  time.Duration  // to connect and sign in, and again to hand a mail over; 0: 30 seconds

	connect func(ctx context.Context, network, address string) (net.Conn, error) // nil: over the network
}

// ParseSMTP reads the address of a mail server: smtp://[user@]host[:587], with STARTTLS, or smtps://[user@]host[:465]. On a loopback address
// smtp goes without TLS. What is no such address is a *lock.InputError, which does not repeat it.
func ParseSMTP(address, password string) (SMTP, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || strings.TrimPrefix(u.Path, "/")+u.RawQuery+u.Fragment != "" {
		return SMTP{}, &lock.InputError{Field: "smtp", Rule: "must be like smtp://user@mail.example.com:587 or smtps://user@mail.example.com:465"}
	}
	s := SMTP{Host: u.Hostname(), Port: 587, TLS: u.Scheme == "smtps", User: u.User.Username(), Password: password}
	if s.TLS {
		s.Port = 465
	}
	if _, given := u.User.Password(); given {
		return SMTP{}, &lock.InputError{Field: "smtp", Rule: "must not have the password: it would be in lists of processes"}
	}
	if (s.User == "") != (password == "") {
		return SMTP{}, &lock.InputError{Field: "smtp", Rule: "must have a user, as in smtp://user@mail.example.com, just when there is a password"}
	}
	if port := u.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, &lock.InputError{Field: "smtp", Rule: "must have a port from 1 to 65535"}
		}
	}
	return s, nil
}

// inClear reports whether the conversation goes without TLS, which it may on one machine.
func (s SMTP) inClear() bool {
	ip, err := netip.ParseAddr(s.Host)
	return !s.TLS && (s.Host == "localhost" || err == nil && ip.Unmap().IsLoopback())
}

func (s SMTP) timeout() time.Duration {
	if s.Timeout == 0 {
		return 30 * time.Second
	}
	return s.Timeout
}

// line is a conversation with a mail server. The mail library closes no connection that failed, and forgets the context after the dial.
type line struct {
	client *mail.Client
	conn   net.Conn
	stop   func() bool
}

// open connects and signs in. The line is closed when ctx ends.
func (s SMTP) open(ctx context.Context) (*line, error) {
	l := &line{stop: func() bool { return true }}
	policy := mail.TLSMandatory
	if s.TLS || s.inClear() {
		policy = mail.NoTLS // none on top of what dial does
	}
	settings := []mail.Option{
		mail.WithPort(s.Port), mail.WithTimeout(s.timeout()), mail.WithTLSPolicy(policy), mail.WithTLSConfig(s.config()), mail.WithoutNoop(),
		mail.WithoutSMTPUTF8(), mail.WithDialContextFunc(func(ctx context.Context, network, address string) (_ net.Conn, err error) {
			l.conn, err = s.dial(ctx, network, address)
			return l.conn, err
		}),
	}
	if s.User != "" {
		settings = append(settings, mail.WithUsername(s.User), mail.WithPassword(s.Password), mail.WithOpportunisticSMTPAuth(
			mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthSCRAMSHA1, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	var err error
	if l.client, err = mail.NewClient(s.Host, settings...); err != nil {
		return nil, err
	}
	if err := l.client.DialWithContext(ctx); err != nil {
		l.hangUp()
		return nil, err
	}
	l.stop = context.AfterFunc(ctx, l.hangUp)
	return l, nil
}

func (s SMTP) config() *tls.Config {
	return &tls.Config{ServerName: s.Host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
}

// dial connects, and makes sure that what goes in clear stays on this machine.
func (s SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	connect := s.connect
	if connect == nil {
		connect = new(net.Dialer).DialContext
	}
	conn, err := connect(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if s.inClear() && !isLocal(conn.RemoteAddr()) {
		return nil, errors.Join(errNotLocal, conn.Close())
	}
	conn = &brief{Conn: conn, left: maxAnswers}
	if !s.TLS {
		return conn, nil
	}
	secured := tls.Client(conn, s.config())
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secured, nil
}

func isLocal(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// brief is a connection on which not much may come.
type brief struct {
	net.Conn
	left int
}

// Read fails when too much has come.
func (b *brief) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTalks
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// hangUp closes the connection without a word.
func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // nobody is left to tell
	}
}

// close says goodbye when the mail went well.
func (l *line) close(well bool) {
	if well {
		_ = l.client.Close() // the mail is delivered
	}
	l.stop()
	l.hangUp()
}
