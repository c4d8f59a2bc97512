package fcm_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
)

// registration is the token of the phone.
const registration = "dGVzdA:APA91bFACEFF5"

// key is that of all service accounts here.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// harness is a Waker, the stand-in that it speaks to, and a table of tokens.
type harness struct {
	t      *testing.T
	google *amapitest.Server
	tokens *tokens
	waker  *fcm.Waker
}

var now = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

func newHarness(t *testing.T, edits ...func(*fcm.Config)) *harness {
	t.Helper()
	google, err := amapitest.Start(amapitest.Config{Key: key()})
	require.NoError(t, err)
	t.Cleanup(google.Close)
	file := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, google.WriteCredentials(file))
	own := &http.Transport{}
	t.Cleanup(own.CloseIdleConnections)
	h := &harness{t: t, google: google, tokens: &tokens{of: map[string]string{"phone": registration}}}
	cfg := fcm.Config{
		CredentialsFile: file, Tokens: h.tokens, Host: google.URL(), Transport: own, Now: func() time.Time { return now },
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	h.waker, err = fcm.New(cfg)
	require.NoError(t, err)
	return h
}

func phone() lock.Device { return locktest.Device("phone") }

// fail wakes and expects an *Error, without a token.
func (h *harness) fail(ctx context.Context) *fcm.Error {
	h.t.Helper()
	err := h.waker.Wake(ctx, phone())
	var e *fcm.Error
	require.ErrorAs(h.t, err, &e)
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		assertNoToken(h.t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	return e
}

func assertNoToken(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"FACEFF5", "ya29.", "BEGIN", "html", "http://"} {
		assert.NotContains(t, text, secret)
	}
}

// tokens is a table of registration tokens.
type tokens struct {
	mu   sync.Mutex
	of   map[string]string
	dead []string
	at   time.Time
	err  error
}

func (s *tokens) Token(_ context.Context, d lock.Device) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.of[d.ID], s.err
}

func (s *tokens) Dead(_ context.Context, d lock.Device, token string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[d.ID] == token {
		delete(s.of, d.ID)
	}
	s.dead, s.at = append(s.dead, token), at
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
