package windows_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// tb is what tests, benchmarks and properties have in common.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
	Cleanup(f func())
}

// endpoint is where devices send their messages, with what Windows adds.
const endpoint = "/windows/dm?mode=Maintenance"

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// world is a ledger, the handler in front of it behind TLS, and simulated devices that reach it with client certificates.
type world struct {
	*fleet
	t        tb
	ledger   *locktest.Faulty
	sessions *flaky
	clock    *locktest.Clock
	logs     *journal
	ca       *authority
	server   *httptest.Server
	edits    []func(*windows.Config)

	mu       sync.Mutex
	svc      *lock.Service
	handler  http.Handler
	replicas bool // every message goes to a process that was just started
}

func newWorld(t tb, ledger lock.Store, edits ...func(*windows.Config)) *world {
	t.Helper()
	w := &world{
		t: t, ledger: &locktest.Faulty{Store: ledger}, sessions: &flaky{Sessions: windows.NewSessions()}, clock: &locktest.Clock{},
		logs: &journal{}, ca: sharedCA(), edits: edits,
	}
	w.clock.Set(start)
	w.fleet = &fleet{now: w.clock.Now, devices: map[string]*windows.Enrolled{}, certs: map[[32]byte]string{}, learnt: map[string]windows.Learnt{}}
	w.boot()
	w.server = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.server.TLS = &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: w.ca.pool(), MinVersion: tls.VersionTLS12}
	w.server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(w.logs, nil), slog.LevelError)
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
	return w
}

// boot is the start of a process: nothing but ledger, session states and records outlives the one before it.
func (w *world) boot() {
	w.t.Helper()
	log := slog.New(slog.NewJSONHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	svc, err := lock.New(lock.Config{
		Store: w.ledger, Sealer: locktest.Keyring("test"), Platforms: []lock.Platform{windows.Platform(nil)}, Authorize: &locktest.Rights{},
		Now: w.clock.Now, Logger: log,
	})
	require.NoError(w.t, err)
	cfg := windows.Config{Service: svc, Devices: w.fleet, Sessions: w.sessions, Now: w.clock.Now, Logger: log}
	for _, edit := range w.edits {
		edit(&cfg)
	}
	handler, err := windows.NewHandler(cfg)
	require.NoError(w.t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.svc, w.handler = svc, handler
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if w.replicas {
		w.boot()
	}
	w.mu.Lock()
	handler := w.handler
	w.mu.Unlock()
	handler.ServeHTTP(rw, r)
}

// service is that of the process that runs now.
func (w *world) service() *lock.Service {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.svc
}

// fleet is an embedder's records, in memory.
type fleet struct {
	now     func() time.Time
	mu      sync.Mutex
	devices map[string]*windows.Enrolled // by DevId
	certs   map[[32]byte]string          // fingerprint to DevId
	learnt  map[string]windows.Learnt    // by device; the facts of the last time
	fail    error                        // of Learn
}

// Device implements windows.Devices.
func (f *fleet) Device(_ context.Context, cert *x509.Certificate, id string) (windows.Enrolled, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cert != nil {
		id = f.certs[sha256.Sum256(cert.Raw)]
	}
	e, ok := f.devices[id]
	if !ok {
		return windows.Enrolled{}, windows.ErrNotEnrolled
	}
	found := *e
	found.Device.Facts = maps.Clone(e.Device.Facts)
	return found, nil
}

// Learn implements windows.Devices.
func (f *fleet) Learn(_ context.Context, d lock.Device, l windows.Learnt) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	told := f.learnt[d.ID]
	told.Facts, told.ChannelURI, told.Gone = l.Facts, cmp.Or(l.ChannelURI, told.ChannelURI), told.Gone || l.Gone
	f.learnt[d.ID] = told
	for _, e := range f.devices {
		if e.Device.ID == d.ID {
			for name, value := range l.Facts {
				e.Device.Facts[name] = lock.Fact{Value: value, At: f.now()}
			}
		}
	}
	return nil
}

func (f *fleet) enrol(e windows.Enrolled, cert *x509.Certificate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Device.Facts == nil {
		e.Device.Facts = map[string]lock.Fact{}
	}
	f.devices[e.ID] = &e
	if cert != nil {
		f.certs[sha256.Sum256(cert.Raw)] = e.ID
	}
}

// machine is one simulated device in its world.
type machine struct {
	*windowstest.Device
	w    *world
	http *http.Client
}

// machine makes a device with a certificate, enrols it, and lets it hold one session, in which it tells what it is.
func (w *world) machine(cfg windowstest.Config, edits ...func(*windows.Enrolled)) *machine {
	w.t.Helper()
	m := w.unknown(cfg, edits...)
	m.syncs()
	return m
}

// unknown is a machine that was enrolled and never came.
func (w *world) unknown(cfg windowstest.Config, edits ...func(*windows.Enrolled)) *machine {
	w.t.Helper()
	d, err := windowstest.New(cfg)
	require.NoError(w.t, err)
	cfg = d.Config()
	pair := w.ca.issue(w.t, "CN of "+cfg.ID)
	e := windows.Enrolled{ID: cfg.ID, Device: lock.Device{
		Scope: "acme", ID: "pc-" + cfg.ID[:8], Platform: windows.PlatformName, Name: cfg.Name, Serial: cfg.ID[:6],
	}}
	for _, edit := range edits {
		edit(&e)
	}
	w.enrol(e, pair.Leaf)
	m := &machine{Device: d, w: w, http: w.client(&pair)}
	require.NoError(w.t, d.SetServer(w.server.URL+endpoint, m.http))
	return m
}

// client trusts the server, and presents the certificate, if any.
func (w *world) client(pair *tls.Certificate) *http.Client {
	transport := w.server.Client().Transport.(*http.Transport).Clone()
	if pair != nil {
		transport.TLSClientConfig.Certificates = []tls.Certificate{*pair}
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// known is the device as the embedder knows it.
func (m *machine) known() lock.Device {
	m.w.t.Helper()
	e, err := m.w.Device(m.w.t.Context(), nil, m.Config().ID)
	require.NoError(m.w.t, err)
	return e.Device
}

// syncs is one session that goes well.
func (m *machine) syncs() {
	m.w.t.Helper()
	require.NoError(m.w.t, m.Sync(m.w.t.Context()))
}

// later is the device's next session, after a pause that is long enough for the one before to be over.
func (m *machine) later() error {
	m.w.clock.Advance(11 * time.Minute)
	return m.Sync(m.w.t.Context())
}

// order places an order of a kind.
func (m *machine) order(kind lock.Kind, edits ...func(*lock.Request)) (lock.Action, error) {
	r := lock.Request{Device: m.known(), Reason: "asked by the user", NotAfter: m.w.clock.Now().Add(24 * time.Hour)}
	for _, edit := range edits {
		edit(&r)
	}
	svc := m.w.service()
	place := map[lock.Kind]func(context.Context, lock.Actor, lock.Request) (lock.Action, error){
		lock.KindLock: svc.Lock, lock.KindResetPasscode: svc.ResetPasscode,
		lock.KindUnlock: func(ctx context.Context, a lock.Actor, r lock.Request) (lock.Action, error) {
			return svc.Unlock(ctx, a, r.Of, r)
		},
	}[kind]
	return place(m.w.t.Context(), locktest.Admin(), r)
}

// must places an order that is taken.
func (m *machine) must(kind lock.Kind, edits ...func(*lock.Request)) lock.Action {
	m.w.t.Helper()
	a, err := m.order(kind, edits...)
	require.NoError(m.w.t, err)
	return a
}

// carriedOut places an order and holds one session.
func (m *machine) carriedOut(kind lock.Kind, edits ...func(*lock.Request)) lock.Action {
	m.w.t.Helper()
	a := m.must(kind, edits...)
	m.syncs()
	return m.w.get(a.ID)
}

func force(r *lock.Request) { r.Force = true }

func of(id lock.ID) func(*lock.Request) { return func(r *lock.Request) { r.Of = id } }

func (w *world) get(id lock.ID) lock.Action {
	w.t.Helper()
	a, err := w.service().Get(w.t.Context(), locktest.Admin(), id)
	require.NoError(w.t, err)
	return a
}

func (w *world) reveal(id lock.ID) string {
	w.t.Helper()
	code, err := w.service().Reveal(w.t.Context(), locktest.Admin(), id, "asked by a test", "")
	require.NoError(w.t, err)
	return code.Expose()
}

// set is the embedder's own knowledge.
func (f *fleet) set(m *machine, name windows.FactName, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.devices[m.Config().ID].Device.Facts[string(name)] = lock.Fact{Value: value, At: f.now()}
}

// mangle changes the device's message with this MsgID (0: none) on its way, every time that it is sent.
func (m *machine) mangle(n int, from, to string) {
	m.w.t.Helper()
	require.NoError(m.w.t, m.SetServer(m.w.server.URL+endpoint, &http.Client{Transport: mangler{m.http.Transport, n, from, to}}))
}
