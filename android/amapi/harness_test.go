package amapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

const (
	phone  = "enterprises/LC01/devices/3a5f"
	secret = "a-secret-of-the-endpoint"
)

// key is that of all service accounts here.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

// harness is a service with the platform, on the stand-in, and the endpoint for notifications, in a bubble of time and on a network of its
// own: HTTP over pipes.
type harness struct {
	*locktest.Fixture

	t      *testing.T
	google *amapitest.Server
	client *amapi.Client
	web    *http.Client
	log    *logs
}

// bubble calls the test with a harness.
func bubble(t *testing.T, test func(t *testing.T, h *harness), edits ...func(*amapitest.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, newHarness(t, edits...))
	})
}

func newHarness(t *testing.T, edits ...func(*amapitest.Config)) *harness {
	t.Helper()
	h := &harness{t: t, log: &logs{}}
	google, endpoint := newPipes("127.0.0.1:1"), newPipes("127.0.0.1:2")
	cfg := amapitest.Config{Key: key(), Listener: google}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	h.google, err = amapitest.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(h.google.Close)
	wire := transport(t)
	wire.DialContext = func(ctx context.Context, _, address string) (net.Conn, error) {
		if address == string(google.address) {
			return google.dial(ctx)
		}
		return endpoint.dial(ctx)
	}
	h.web = &http.Client{Transport: wire}
	file := filepath.Join(t.TempDir(), "key.json")
	require.NoError(t, h.google.WriteCredentials(file))
	h.client, err = amapi.NewClient(amapi.ClientConfig{Host: h.google.URL(), CredentialsFile: file, Transport: wire})
	require.NoError(t, err)
	platform, err := amapi.Platform(amapi.Config{Client: h.client})
	require.NoError(t, err)
	logger := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h.Fixture = locktest.New(t, store.NewMemory(), func(c *lock.Config) {
		c.Platforms, c.Logger, c.Now = []lock.Platform{platform}, logger, time.Now
	})
	handler, err := amapi.NewHandler(amapi.NotifyConfig{Service: h.Service, Token: token(t, secret), Scope: "acme", Logger: logger})
	require.NoError(t, err)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(endpoint) }() // ends with the test
	t.Cleanup(func() { _ = server.Close() })
	h.google.Enroll(phone, amapitest.Device{Mode: amapitest.DeviceOwner, APILevel: 34, Passcode: "0000"})
	return h
}

// transport is one whose connections end with the test.
func transport(t *testing.T) *http.Transport {
	own := &http.Transport{}
	t.Cleanup(own.CloseIdleConnections)
	return own
}

// pipes is a listener in memory.
type pipes struct {
	address address
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func newPipes(at string) *pipes {
	return &pipes{address: address(at), conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
	case <-ctx.Done():
	}
	return nil, net.ErrClosed
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return p.address }

// address is where one listens.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

func token(t *testing.T, text string) pin.PIN {
	t.Helper()
	p, err := pin.Bytes([]byte(text))
	require.NoError(t, err)
	return p
}

// device is the phone, with these facts.
func device(facts ...string) lock.Device {
	d := lock.Device{Scope: "acme", ID: phone, Platform: amapi.PlatformName, Name: "Phone", Facts: map[string]lock.Fact{}}
	facts = append([]string{"mode", "device_owner", "api_level", "34"}, facts...)
	for i := 0; i < len(facts); i += 2 {
		d.Facts[facts[i]] = lock.Fact{Value: facts[i+1]}
	}
	return d
}

// run has the service run until the test ends.
func (h *harness) run() {
	h.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Service.Run(ctx) }()
	h.t.Cleanup(func() {
		stop()
		require.NoError(h.t, <-ended)
	})
}

// reset orders a new passcode.
func (h *harness) reset(edits ...func(*lock.Request)) lock.Action {
	h.t.Helper()
	r := lock.Request{Device: device(), Reason: "forgotten"}
	for _, edit := range edits {
		edit(&r)
	}
	a, err := h.Service.ResetPasscode(h.t.Context(), locktest.Admin(), r)
	require.NoError(h.t, err)
	return a
}

// await lets all come to rest; then the action is as it should be.
func (h *harness) await(id lock.ID, holds func(lock.Action) bool) lock.Action {
	h.t.Helper()
	synctest.Wait()
	a := h.Get(id)
	require.True(h.t, holds(a), "the action is: %+v", &a)
	return a
}

func in(state lock.State) func(lock.Action) bool {
	return func(a lock.Action) bool { return a.State == state }
}

func named(a lock.Action) bool { return a.Ref != "" }

func shows(outcome string) func(lock.Action) bool {
	return func(a lock.Action) bool { return a.WakeOutcome == outcome }
}

// later lets the bubble's time pass, and all come to rest.
func later(d time.Duration) {
	time.Sleep(d) // the bubble's clock, not the wall's
	synctest.Wait()
}

// notify delivers what Google has to tell.
func (h *harness) notify(pushes ...amapitest.Push) []int {
	h.t.Helper()
	statuses, err := amapitest.Deliver(h.t.Context(), h.web, "http://127.0.0.1:2/?token="+secret, pushes...)
	require.NoError(h.t, err)
	return statuses
}

// asked is how often an endpoint was asked.
func (h *harness) asked(c amapitest.Call) int { return len(h.google.Requests(c)) }

// assertSecret says that the passcode is in nothing that is kept or printed: events, facts, logs, errors.
func (h *harness) assertSecret(id lock.ID, errs ...error) {
	h.t.Helper()
	a := h.Get(id)
	found, err := h.Service.Events(h.t.Context(), locktest.Admin(), lock.EventFilter{Action: id})
	require.NoError(h.t, err)
	code := h.PIN(id)
	require.GreaterOrEqual(h.t, len(code), 6)
	texts := []string{h.log.String(), fmt.Sprintf("%+v %#v", a, a)}
	for _, e := range found {
		texts = append(texts, string(e.Body))
	}
	for _, err := range errs {
		texts = append(texts, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	for _, text := range texts {
		assert.NotContains(h.t, text, code)
		assert.NotContains(h.t, text, "newPassword")
		assert.NotContains(h.t, text, "ya29.")
	}
	assert.True(h.t, slices.ContainsFunc(h.google.Requests(amapitest.CallIssue), func(r amapitest.Request) bool {
		return bytes.Contains(r.Body, []byte(code))
	}), "it was sent at all")
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
