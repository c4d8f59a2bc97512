package push_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

const topic = "com.apple.mgmt.External.test"

// harness is a Waker, the stand-in that it speaks to, and a table of tokens.
type harness struct {
	t      *testing.T
	apns   *pushtest.Server
	tokens *tokens
	clock  *locktest.Clock
	file   string
	log    *logs
	waker  *push.Waker
}

func newHarness(t *testing.T, edits ...func(*push.Config)) *harness {
	t.Helper()
	apns, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(apns.Close)
	h := &harness{
		t: t, apns: apns, tokens: &tokens{channels: map[string]push.Channel{}}, clock: &locktest.Clock{},
		file: filepath.Join(t.TempDir(), "push.pem"), log: &logs{},
	}
	h.clock.Set(time.Now().UTC().Truncate(time.Second)) // the certificates of the stand-in are for the real time
	h.write(topic, h.clock.Now().AddDate(1, 0, 0))
	cfg := push.Config{
		Certificate: h.file, Tokens: h.tokens, Host: apns.URL(), Roots: apns.Roots(), Now: h.clock.Now,
		Logger: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	h.waker, err = push.New(cfg)
	require.NoError(t, err)
	t.Cleanup(h.waker.Close)
	t.Cleanup(func() { assertNoToken(t, h.log.String()) })
	return h
}

// write puts a certificate in the file, and returns it.
func (h *harness) write(topic string, expires time.Time) []byte {
	h.t.Helper()
	text, err := h.apns.Certificate(topic, expires)
	require.NoError(h.t, err)
	require.NoError(h.t, os.WriteFile(h.file, text, 0o600))
	return text
}

// device enrols one.
func (h *harness) device(id string) lock.Device {
	h.tokens.update(id, token(id), h.clock.Now())
	return lock.Device{Scope: "default", ID: id, Platform: "apple"}
}

// fail wakes and expects an *Error, without the token.
func (h *harness) fail(ctx context.Context, d lock.Device) *push.Error {
	h.t.Helper()
	err := h.waker.Wake(ctx, d)
	var e *push.Error
	require.ErrorAs(h.t, err, &e)
	for err := error(e); err != nil; {
		assertNoToken(h.t, fmt.Sprintf("%v %+v %#v", err, err, err))
		inner, ok := err.(interface{ Unwrap() error })
		if !ok {
			break
		}
		err = inner.Unwrap()
	}
	return e
}

// token is what the device of that ID has. All begin with the same bytes, by which assertNoToken finds them.
func token(id string) []byte { return append([]byte("\xfa\xce\x0f\xf5token of "), id...) }

const magic = `magic <"of Zoë & Co">`

func assertNoToken(t *testing.T, text string) {
	t.Helper()
	begin := token("")
	for _, form := range []string{
		string(begin), hex.EncodeToString(begin), strings.ToUpper(hex.EncodeToString(begin)), base64.StdEncoding.EncodeToString(begin)[:12],
		"magic <", `magic \u003c`, `magic &lt;`,
	} {
		assert.NotContains(t, text, form)
	}
}

// tokens is a table of channels.
type tokens struct {
	mu       sync.Mutex
	channels map[string]push.Channel
	err      error
	deaths   int
}

func (s *tokens) update(id string, token []byte, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	if !bytes.Equal(c.Token, token) {
		c.Dead = time.Time{}
	}
	c.Token, c.Magic, c.Topic, c.Updated = token, magic, topic, at
	s.channels[id] = c
}

func (s *tokens) edit(id string, edit func(*push.Channel)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[id]
	edit(&c)
	s.channels[id] = c
}

func (s *tokens) Channel(_ context.Context, d lock.Device) (push.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.channels[d.ID], s.err
}

func (s *tokens) Dead(_ context.Context, d lock.Device, token []byte, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deaths++
	if c := s.channels[d.ID]; bytes.Equal(c.Token, token) {
		c.Dead = at
		s.channels[d.ID] = c
	}
	return s.err
}

// logs is what was logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
