package main

import (
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"net/http"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
)

// postOffice is a mail server on this machine. It keeps what it takes, by recipient.
type postOffice struct {
	address string
	mu      sync.Mutex
	mails   map[string]string // the body of the last one
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	p := &postOffice{mails: map[string]string{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &clerk{post: p}, nil }))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.address = listener.Addr().String()
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

// body waits for a mail and returns what it says.
func (p *postOffice) body(t *testing.T, to string) (body string) {
	t.Helper()
	within(t, func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		body = p.mails[to]
		return body != ""
	})
	return body
}

// clerk is one conversation.
type clerk struct {
	post *postOffice
	to   string
}

func (c *clerk) Reset()                                    {}
func (c *clerk) Logout() error                             { return nil }
func (c *clerk) Mail(string, *smtp.MailOptions) error      { return nil }
func (c *clerk) Rcpt(to string, _ *smtp.RcptOptions) error { c.to = to; return nil }

func (c *clerk) Data(r io.Reader) error {
	m, err := netmail.ReadMessage(r)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		return err
	}
	c.post.mu.Lock()
	defer c.post.mu.Unlock()
	c.post.mails[c.to] = string(body)
	return nil
}

// mailing starts a server that mails passcodes.
func mailing(t *testing.T, edit func(*mailOptions)) (*site, *postOffice) {
	t.Helper()
	p, s := newPostOffice(t), newSite(t)
	s.edit = func(o *options) {
		o.mail = mailOptions{url: "smtp://" + p.address, from: "Latchkey <latchkey@example.com>", passcode: "link", links: "open"}
		if edit != nil {
			edit(&o.mail)
		}
		require.NoError(t, o.mail.read(""))
	}
	s.start(t, nil)
	return s, p
}

var linkPath = regexp.MustCompile(`(?m)^http://127\.0\.0\.1:\d+(/collect/[a-z]+)\r?$`)

// collected is the passcode of a page, with a gap after every three digits.
var collected = regexp.MustCompile(`id="digits"[^>]*>(.*)</p>`)

var tags = regexp.MustCompile(`<[^>]*>| `)

// From the order to the phone that opens: each gets a link, it works once, and whoever opened it is on record.
func TestPasscodeIsMailed(t *testing.T) {
	s, post := mailing(t, nil)
	knowPassword(t, s)
	s.commanded(t, "account", "email", "-name", account.Admin, "-email", "admin@example.com")
	phone := s.phone(t, androidtest.Config{APILevel: 34, Name: "Grace's Pixel"})
	hasToken(t, phone, androidtest.TokenActive)
	id := s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+phone.ID()+"/reset-passcode",
		object{"reason": "forgot it", "deliver": object{"to_admin": true, "to_user": "grace@example.org"}}).text("id")
	polls(t, phone, func() bool { return s.action(t, id).text("state") == "confirmed" })

	theirs, ours := linkPath.FindStringSubmatch(post.body(t, "grace@example.org")), linkPath.FindStringSubmatch(post.body(t, "admin@example.com"))
	require.NotNil(t, theirs)
	require.NotNil(t, ours)
	grace, admin := &browser{T: t}, &browser{T: t}
	status, page := grace.ask(s, theirs[1], nil)
	require.Equal(t, http.StatusOK, status)
	assert.NotRegexp(t, collected, page)
	assert.Empty(t, s.revealsOf(t, id))
	status, page = grace.ask(s, theirs[1], url.Values{})
	require.Equal(t, http.StatusOK, status)
	shown := collected.FindStringSubmatch(page)
	require.NotNil(t, shown, page)
	assert.True(t, phone.Type(tags.ReplaceAllString(shown[1], "")), "it opens the phone")
	status, _ = grace.ask(s, theirs[1], url.Values{})
	assert.Equal(t, http.StatusNotFound, status, "once")

	status, _ = grace.ask(s, ours[1], url.Values{})
	assert.Equal(t, http.StatusSeeOther, status, "needs a sign-in")
	require.Equal(t, http.StatusSeeOther, admin.signIn(s))
	status, page = admin.ask(s, ours[1], url.Values{})
	require.Equal(t, http.StatusOK, status)
	assert.Regexp(t, collected, page)

	reveals := s.revealsOf(t, id)
	require.Len(t, reveals, 2)
	assert.Contains(t, reveals[0].text("reason"), "by the one-time link that was mailed: grace@example.org")
	assert.Contains(t, reveals[1].text("reason"), "by the one-time link that was mailed: admin@example.com")
	for _, path := range []string{theirs[1], ours[1]} {
		assert.NotContains(t, s.logs.String(), strings.TrimPrefix(path, "/collect/"))
	}
}

// The same order again mails nothing to who has opened the link of the first one.
func TestRepeatedOrderMailsNothing(t *testing.T) {
	for name, order := range map[string]func(t *testing.T, s *site, device string) (again func()){
		"by the API": func(t *testing.T, s *site, device string) func() {
			return func() {
				status, said := s.call(t, http.MethodPost, "/api/v1/devices/"+device+"/reset-passcode",
					object{"deliver": object{"to_user": "grace@example.org"}}, "Idempotency-Key", "k")
				require.Less(t, status, 300, said)
			}
		},
		"by the form": func(t *testing.T, s *site, device string) func() {
			admin, path := &browser{T: t}, "/devices/"+device+"/reset"
			require.Equal(t, http.StatusSeeOther, admin.signIn(s))
			_, page := admin.ask(s, path, nil)
			form := url.Values{"confirm": regexp.MustCompile(`data-arm="([^"]+)"`).FindStringSubmatch(page)[1:], "step": {"verify"}}
			_, page = admin.ask(s, path, form)
			form = url.Values{"confirm": form["confirm"], "key": regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(page)[1:],
				"pin_mode": {"rotate"}, "mail_user": {"1"}, "user": {"grace@example.org"}}
			return func() {
				status, page := admin.ask(s, path, form)
				require.Equal(t, http.StatusSeeOther, status, page)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, post := mailing(t, nil)
			knowPassword(t, s)
			phone := s.phone(t, androidtest.Config{APILevel: 34, Name: "Grace's Pixel"})
			hasToken(t, phone, androidtest.TokenActive)
			again := order(t, s, phone.ID())
			again()
			id := s.must(t, http.StatusOK, http.MethodGet, "/api/v1/actions?live=true&device_id="+phone.ID(), nil).list("items")[0].text("id")
			polls(t, phone, func() bool { return s.action(t, id).text("state") == "confirmed" })
			status, page := (&browser{T: t}).ask(s, linkPath.FindStringSubmatch(post.body(t, "grace@example.org"))[1], url.Values{})
			require.Equal(t, http.StatusOK, status)
			require.Regexp(t, collected, page)
			again()
			mails := s.action(t, id).list("mails")
			require.Len(t, mails, 1)
			assert.Equal(t, "opened", mails[0].text("state"))
		})
	}
}

// revealsOf are the reveals of an action, oldest first.
func (s *site) revealsOf(t *testing.T, id string) (all []object) {
	t.Helper()
	sequence(t, s.open(t).Ledger)
	for _, e := range s.must(t, http.StatusOK, http.MethodGet, "/api/v1/events?type=revealed", nil).list("items") {
		if e.text("action_id") == id {
			all = append(all, e)
		}
	}
	return all
}

func TestMailOptions(t *testing.T) {
	for _, c := range []struct {
		name, password string
		args           []string
		flag           string // that the error names; empty: there is none
	}{
		{"none", "", nil, ""},
		{"all", "secret", []string{"-smtp", "smtps://me@mail.example.com", "-mail-from", "a@example.com", "-passcode-mail", "clear", "-passcode-links", "signin"}, ""},
		{"no sender", "", []string{"-smtp", "smtp://mail.example.com"}, "-mail-from"},
		{"sender alone", "", []string{"-mail-from", "a@example.com"}, "-mail-from"},
		{"policy alone", "", []string{"-passcode-mail", "clear"}, "-passcode-mail and -passcode-links"},
		{"unknown policy", "", []string{"-smtp", "smtp://mail.example.com", "-mail-from", "a@example.com", "-passcode-mail", "fax"}, "-passcode-mail"},
		{"unknown links", "", []string{"-smtp", "smtp://mail.example.com", "-mail-from", "a@example.com", "-passcode-links", "any"}, "-passcode-links"},
		{"password in the URL", "", []string{"-smtp", "smtp://me:secret@mail.example.com", "-mail-from", "a@example.com"}, "-smtp and " + envSMTPPassword},
		{"user without password", "", []string{"-smtp", "smtp://me@mail.example.com", "-mail-from", "a@example.com"}, "-smtp and " + envSMTPPassword},
	} {
		t.Run(c.name, func(t *testing.T) {
			env := func(name string) string {
				if name == envSMTPPassword {
					return c.password
				}
				return ""
			}
			o, err := parse(c.args, env, io.Discard)
			if c.flag == "" {
				require.NoError(t, err)
				assert.Equal(t, c.args != nil, o.mail.server.Host != "")
				return
			}
			var usage *usageError
			require.ErrorAs(t, err, &usage)
			assert.Equal(t, c.flag, usage.flag)
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestSenderThatIsNone(t *testing.T) {
	p := newPostOffice(t)
	args := []string{"-addr", "127.0.0.1:0", "-data", t.TempDir(), "-smtp", "smtp://" + p.address, "-mail-from", "not an address"}
	err := run(t.Context(), args, func(string) string { return "" }, io.Discard, io.Discard)
	require.ErrorContains(t, err, "-mail-from: must be like")
}

func TestAccountMail(t *testing.T) {
	s := open(t, nil)
	s.commanded(t, "account", "create", "-name", "ada", "-email", "ada@example.com")
	assert.Regexp(t, `ada .* ada@example.com +view`, s.commanded(t, "account", "list"))
	s.commanded(t, "account", "email", "-name", "ada", "-email", "none")
	assert.NotContains(t, s.commanded(t, "account", "list"), "ada@example.com")
	for name, words := range map[string][]string{
		"no address":   {"account", "email", "-name", "ada", "-email", "ada"},
		"none given":   {"account", "email", "-name", "ada"},
		"two":          {"account", "email", "-name", "ada", "-email", "a@example.com,b@example.com"},
		"nobody":       {"account", "email", "-name", "mallory", "-email", "m@example.com"},
		"made with no": {"account", "create", "-name", "mallory", "-email", "m"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, exitUsage, s.command(t, words...).code)
		})
	}
	assert.NotContains(t, s.commanded(t, "account", "list"), "mallory", "nobody was made without a good address")
}
