package delivery_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestTLS(t *testing.T) {
	for _, c := range []struct {
		name             string
		user             string // who signs in
		offers, implicit bool   // what the mail server has
		smtps            bool   // what the operator gave
		trusted          bool
		host, cause      string
	}{
		{"STARTTLS", "latchkey", true, false, false, true, postName, ""},
		{"TLS from the first byte on", "latchkey", false, true, true, true, postName, ""},
		{"none offered", "latchkey", false, false, false, true, postName, "The mail server offers no TLS, or no way to sign in, that can be used."},
		{"none offered, no sign-in", "", false, false, false, true, postName, "The mail server offers no TLS, or no way to sign in, that can be used."},
		{"certificate of another name", "latchkey", true, false, false, true, "mail.example.net", "The mail server's certificate is not good for its name."},
		{"certificate that nobody knows", "latchkey", true, false, false, false, postName, "The mail server's certificate is not good for its name."},
		{"certificate of another name, TLS at once", "latchkey", false, true, true, true, "mail.example.net", "The mail server's certificate is not good for its name."},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPost(t, c.offers, c.implicit)
			b := newBenchWith(t, p, nil, inClear, func(cfg *delivery.Config) {
				cfg.Mail = delivery.SMTP{Host: c.host, Port: 25, TLS: c.smtps, User: c.user, Password: postPassword}.Over(p.dial)
				if c.trusted {
					cfg.Mail.Roots = p.roots
				}
			})
			a := b.done("a")
			b.order(a, "", userMail)
			b.work()
			if c.cause != "" {
				assert.Empty(t, p.taken())
				assert.Equal(t, c.cause, b.only(a).Cause)
				assert.Empty(t, b.reveals(a), "nothing was disclosed")
				assert.Zero(t, p.signedIn, "the password stays here")
				return
			}
			mails := p.taken()
			require.Len(t, mails, 1, b.only(a).Cause)
			assert.True(t, mails[0].tls)
			assert.Equal(t, 1, p.signedIn)
		})
	}
}

func TestWrongPassword(t *testing.T) {
	p := newPost(t, true, false)
	b := newBenchWith(t, p, nil, func(cfg *delivery.Config) {
		cfg.Mail = delivery.SMTP{Host: postName, Port: 25, User: "latchkey", Password: "wrong", Roots: p.roots}.Over(p.dial)
	})
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State, "an operator repairs that")
	assert.Contains(t, b.only(a).Cause, "LATCHKEY_SMTP_PASSWORD")
	assert.NotContains(t, b.table()+b.log.String(), "wrong")
}

// TestNameOfThisMachineThatLeadsElsewhere: without TLS the address counts, not the name.
func TestNameOfThisMachineThatLeadsElsewhere(t *testing.T) {
	p := newPost(t, false, false)
	b := newBenchWith(t, p, nil, func(cfg *delivery.Config) {
		cfg.Mail = delivery.SMTP{Host: "localhost", Port: 25}.Over(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, address)
			return remote{conn}, err
		})
	})
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Empty(t, p.taken())
	assert.Equal(t, "The mail server is not on this machine, so mail does not go to it without TLS.", b.only(a).Cause)
}

// remote is a connection to another machine.
type remote struct{ net.Conn }

// RemoteAddr is an address of documentation.
func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 25), Port: 25} }

// TestMailServerThatSaysNothing: an attempt ends, and the next mail is not kept waiting for ever.
func TestMailServerThatSaysNothing(t *testing.T) {
	here, there := net.Pipe()
	defer func() { _ = there.Close() }()
	b := newBench(t, func(cfg *delivery.Config) {
		cfg.Mail.Timeout = 50 * time.Millisecond
		cfg.Mail = cfg.Mail.Over(func(context.Context, string, string) (net.Conn, error) { return local{here}, nil })
	})
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	assert.Equal(t, "The mail server does not answer in time.", b.only(a).Cause)
	_, err := there.Write([]byte("220 here I am\r\n"))
	require.Error(t, err, "the line was closed")
}

// local is a connection to this machine.
type local struct{ net.Conn }

// RemoteAddr is a loopback address.
func (local) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 25} }

// TestMailServerThatHangsUpBehindTheMail: it has taken the mail, so there is no second one.
func TestMailServerThatHangsUpBehindTheMail(t *testing.T) {
	p := newPost(t, false, false)
	b := newBenchWith(t, p, nil, func(cfg *delivery.Config) {
		cfg.Mail = cfg.Mail.Over(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := p.dial(ctx, network, address)
			return noReset{conn}, err
		})
	})
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Len(t, p.taken(), 1)
	assert.Equal(t, delivery.Sent, b.only(a).State)
}

// noReset is a connection that ends when the next mail could begin.
type noReset struct{ net.Conn }

// Write fails for RSET.
func (c noReset) Write(p []byte) (int, error) {
	if bytes.HasPrefix(p, []byte("RSET")) {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// TestMailServerThatNeverStops: what it says is bounded.
func TestMailServerThatNeverStops(t *testing.T) {
	here, there := net.Pipe()
	talking := make(chan int)
	go func() {
		said, w := 0, bufio.NewWriterSize(there, 4096)
		for {
			n, err := w.WriteString("220-and another thing\r\n")
			said += n
			if err != nil {
				talking <- said
				return
			}
		}
	}()
	b := newBench(t, func(cfg *delivery.Config) {
		cfg.Mail = cfg.Mail.Over(func(context.Context, string, string) (net.Conn, error) { return local{here}, nil })
	})
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	assert.Less(t, <-talking, 300<<10)
}

func TestParseSMTP(t *testing.T) {
	for _, c := range []struct {
		url, password string
		want          delivery.SMTP
	}{
		{"smtp://mail.example.com", "", delivery.SMTP{Host: "mail.example.com", Port: 587}},
		{"smtps://mail.example.com/", "", delivery.SMTP{Host: "mail.example.com", Port: 465, TLS: true}},
		{"smtp://me@[::1]:2525", "x", delivery.SMTP{Host: "::1", Port: 2525, User: "me", Password: "x"}},
		{"smtps://me%40example.com@mail.example.com", "x", delivery.SMTP{Host: "mail.example.com", Port: 465, TLS: true, User: "me@example.com", Password: "x"}},
	} {
		t.Run(c.url, func(t *testing.T) {
			s, err := delivery.ParseSMTP(c.url, c.password)
			require.NoError(t, err)
			assert.Equal(t, c.want, s)
		})
	}
	for name, url := range map[string]string{
		"no scheme": "mail.example.com:25", "another scheme": "http://mail.example.com", "password": "smtp://me:secret@mail.example.com",
		"no user": "smtp://mail.example.com", "port": "smtp://me@mail.example.com:70000", "path": "smtp://me@mail.example.com/x",
		"query": "smtp://me@mail.example.com?tls=no", "nothing": "", "control character": "smtp://me@mail.example.com\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := delivery.ParseSMTP(url, "secret")
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}
