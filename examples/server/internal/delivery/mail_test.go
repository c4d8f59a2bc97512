package delivery_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

// read takes a mail apart.
func read(t *testing.T, m mail) (netmail.Header, string) {
	t.Helper()
	parsed, err := netmail.ReadMessage(strings.NewReader(m.text))
	require.NoError(t, err)
	require.Equal(t, "quoted-printable", parsed.Header.Get("Content-Transfer-Encoding"))
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	require.NoError(t, err)
	return parsed.Header, string(body)
}

func TestMailWithALink(t *testing.T) {
	b := newBench(t)
	a := b.done("a")
	b.order(a, adminMail, userMail)
	b.work()
	mails := b.post.taken()
	require.Len(t, mails, 2)
	secret := b.PIN(a.ID)
	for _, m := range mails {
		assert.Equal(t, "latchkey@example.com", m.from)
		assert.Len(t, m.to, 1, "nobody reads who else got it")
		header, body := read(t, m)
		assert.Equal(t, "auto-generated", header.Get("Auto-Submitted"))
		assert.Equal(t, `"Latchkey" <latchkey@example.com>`, header.Get("From"))
		assert.NotContains(t, header, "X-Mailer")
		_, sent, _ := strings.Cut(m.text, "\r\n\r\n")
		assert.NotRegexp(t, `[0-9]`, body+sent, "no character of a passcode of digits")
		assert.NotRegexp(t, `[0-9]`, header.Get("Subject"))
		assert.NotContains(t, m.text, secret)
		assert.NotContains(t, m.text, "Mac of a", "whoever uses a device chose its name")
		assert.Regexp(t, link, body)
		assert.Contains(t, body, "twenty-four hours")
	}
	assert.NotEqual(t, b.token(adminMail), b.token(userMail))
	all, err := b.d.Of(t.Context(), a.ID)
	require.NoError(t, err)
	require.Len(t, all, 2)
	for _, one := range all {
		assert.Equal(t, delivery.Sent, one.State)
		assert.Equal(t, delivery.PasscodeLink, one.Mode)
		assert.Equal(t, b.Clock.Now().Add(24*time.Hour).Truncate(time.Microsecond).UTC(), one.Expires)
	}
	b.work()
	assert.Len(t, b.post.taken(), 2, "once")
}

func TestNoSecretIsKept(t *testing.T) {
	for _, mode := range []delivery.Mode{delivery.PasscodeLink, delivery.PasscodeClear} {
		t.Run(string(mode), func(t *testing.T) {
			b := newBench(t, func(c *delivery.Config) { c.Mode = mode })
			a := b.done("a")
			b.order(a, "", userMail)
			b.work()
			kept := b.table()
			require.Contains(t, kept, userMail)
			assert.NotContains(t, kept, b.PIN(a.ID))
			if mode == delivery.PasscodeLink {
				assert.NotContains(t, kept, b.token(userMail))
				assert.Contains(t, kept, string(delivery.HashOf(b.token(userMail))))
			}
		})
	}
}

func TestNothingIsSentBeforeTheDeviceSaysSo(t *testing.T) {
	b := newBench(t)
	a := b.reset("a")
	b.order(a, adminMail, "")
	b.work()
	b.Deliver(a.Device)
	b.Clock.Advance(time.Minute)
	b.work()
	assert.Empty(t, b.post.taken())
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	b.Answer(a, lock.Acknowledged)
	b.Clock.Advance(time.Minute)
	b.work()
	assert.Len(t, b.post.taken(), 1)
}

func TestNothingIsSentWhenThereIsNoSuchPasscode(t *testing.T) {
	for name, end := range map[string]func(b *bench, a lock.Action){
		"refused": func(b *bench, a lock.Action) {
			b.Deliver(a.Device)
			b.Answer(a, lock.Refused)
		},
		"cancelled": func(b *bench, a lock.Action) {
			_, err := b.Service.Cancel(b.t.Context(), a.By, a.ID, "a mistake")
			require.NoError(b.t, err)
		},
		"changed again": func(b *bench, a lock.Action) {
			b.Deliver(a.Device)
			b.Answer(a, lock.Acknowledged)
			b.Clock.Advance(time.Second)
			b.done("a")
		},
		"no answer for a day after it ran out": func(b *bench, a lock.Action) {
			b.Deliver(a.Device)
			b.Clock.Advance(b.Get(a.ID).NotAfter.Add(24 * time.Hour).Sub(b.Clock.Now()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			a := b.reset("a")
			b.order(a, adminMail, "")
			end(b, a)
			b.work()
			assert.Empty(t, b.post.taken())
			one := b.only(a)
			assert.Equal(t, delivery.Void, one.State)
			assert.NotEmpty(t, one.Cause)
		})
	}
}

func TestMailServerSaysNotNow(t *testing.T) {
	b := newBench(t)
	b.post.rcpt = func(string) error { return refusal(451, "greylisted") }
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	one := b.only(a)
	assert.Equal(t, delivery.Waiting, one.State)
	assert.Equal(t, "The mail server does not take mail for this address (451).", one.Cause)
	b.work()
	assert.Equal(t, 1, b.only(a).Attempts, "not at once")
	b.post.say(func(p *post) { p.rcpt = nil })
	b.Clock.Advance(time.Minute)
	b.work()
	one = b.only(a)
	assert.Equal(t, delivery.Sent, one.State)
	assert.Equal(t, 2, one.Attempts)
	assert.Empty(t, one.Cause)
}

func TestMailServerRefusesForGood(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   func(*post)
		cause string
		state delivery.State
	}{
		{"recipient", func(p *post) { p.rcpt = func(string) error { return refusal(550, "no such user") } },
			"The mail server does not take mail for this address (550).", delivery.Failed},
		{"mail", func(p *post) { p.data = func(*smtp.Conn) error { return refusal(554, "looks like spam") } },
			"The mail server does not take the mail (554).", delivery.Failed},
		{"sender, which an operator repairs", func(p *post) { p.from = func() error { return refusal(550, "not yours") } },
			"The mail server does not take mail from this sender (550): check -mail-from.", delivery.Waiting},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.post.say(c.set)
			a := b.done("a")
			b.order(a, "", userMail)
			b.work()
			one := b.only(a)
			assert.Equal(t, c.state, one.State)
			assert.Equal(t, c.cause, one.Cause)
		})
	}
}

func TestItIsGivenUpAfterADay(t *testing.T) {
	b := newBench(t)
	b.post.rcpt = func(string) error { return refusal(451, "try later") }
	a := b.done("a")
	b.order(a, "", userMail)
	began := b.Clock.Now()
	for b.only(a).State == delivery.Waiting {
		b.work()
		b.Clock.Advance(time.Hour)
		require.Less(t, b.Clock.Now().Sub(began), 48*time.Hour)
	}
	one := b.only(a)
	assert.Equal(t, delivery.Failed, one.State)
	assert.Equal(t, 25, one.Attempts)
	assert.Contains(t, b.log.String(), "it can be revealed in the console")
}

// TestWhatTheMailServerRepeats: a server may answer with the mail, so what it says goes nowhere.
func TestWhatTheMailServerRepeats(t *testing.T) {
	b := newBench(t, func(c *delivery.Config) { c.Mode = delivery.PasscodeClear })
	a := b.done("a")
	code := b.PIN(a.ID)
	b.post.data = func(*smtp.Conn) error { return refusal(554, "I will not take: Your passcode is "+code) }
	b.order(a, "", userMail)
	b.work()
	assert.Equal(t, delivery.Failed, b.only(a).State)
	assert.NotContains(t, b.table(), code)
	assert.NotContains(t, b.log.String(), code)
}

// TestLostAnswer: the mail has arrived, and nobody knows. It is sent once more, and the newest link works.
func TestLostAnswer(t *testing.T) {
	b := newBench(t)
	b.post.data = func(c *smtp.Conn) error { return errors.Join(c.Conn().Close(), errors.New("gone")) }
	a := b.done("a")
	b.order(a, "", userMail)
	b.work()
	first := b.token(userMail)
	assert.Equal(t, delivery.Waiting, b.only(a).State)
	_, err := b.d.Look(t.Context(), first, stranger())
	require.NoError(t, err, "the mail is there, so its link works")
	b.post.say(func(p *post) { p.data = nil })
	b.Clock.Advance(time.Minute)
	b.work()
	assert.Equal(t, delivery.Sent, b.only(a).State)
	require.NotEqual(t, first, b.token(userMail))
	_, err = b.d.Look(t.Context(), first, stranger())
	require.ErrorIs(t, err, delivery.ErrDead)
	_, err = b.d.Look(t.Context(), b.token(userMail), stranger())
	require.NoError(t, err)
}

func TestTwoServersSendOneMail(t *testing.T) {
	b := newBench(t)
	for _, device := range []string{"a", "b", "c", "d"} {
		b.order(b.done(device), "", userMail)
	}
	var running sync.WaitGroup
	for _, d := range []*delivery.Deliveries{b.d, b.another(), b.another()} {
		running.Go(func() { assert.NoError(t, d.Work(t.Context())) })
	}
	running.Wait()
	assert.Len(t, b.post.taken(), 4)
}

func TestRunSendsAtOnce(t *testing.T) {
	b := newBench(t)
	a := b.reset("a")
	b.order(a, "", userMail)
	b.work()
	b.Deliver(a.Device)
	b.Answer(a, lock.Acknowledged) // the clock stands still: without the kick nothing is due
	ctx, stop := context.WithCancel(t.Context())
	sent := make(chan struct{})
	b.post.data = func(*smtp.Conn) error {
		close(sent)
		return nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.d.Run(ctx)
	}()
	b.d.Kick()
	select {
	case <-sent:
	case <-time.After(timeLimit):
		require.Fail(t, "nothing was sent")
	}
	stop()
	<-done
}

func TestInWords(t *testing.T) {
	for text, d := range map[string]time.Duration{
		"one minute": time.Minute, "ninety minutes": 90 * time.Minute, "two hours": 2 * time.Hour, "twenty-four hours": 24 * time.Hour,
		"seventy-one hours": 71 * time.Hour, "three days": 72 * time.Hour, "fourteen days": 14 * 24 * time.Hour, "a hundred and one minutes": 101 * time.Minute,
	} {
		assert.Equal(t, text, delivery.InWords(d))
	}
}

func TestTokensAreLong(t *testing.T) {
	b := newBench(t)
	_, one := b.mailed("a")
	_, other := b.mailed("b")
	assert.NotEqual(t, one, other)
	assert.Len(t, one, 64)
	assert.Equal(t, 32, hex.DecodedLen(len(one)), "256 bits")
}
