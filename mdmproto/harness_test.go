package mdmproto_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

var admin = lock.Actor{ID: "grace"}

// server is a whole device-facing server for one test: a device CA, a ledger in memory, and the handler over HTTP.
type server struct {
	*registry
	svc    *lock.Service
	ledger *faultyStore
	http   *httptest.Server
	caKey  *ecdsa.PrivateKey
	ca     *x509.Certificate
	later  atomic.Bool // the ledger's clock is ahead by two minutes
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{registry: &registry{devices: map[string]enrolled{}}, ledger: &faultyStore{Store: store.NewMemory()}}
	s.caKey, s.ca = newCA(t)
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	s.svc, err = lock.New(lock.Config{
		Store: s.ledger, Sealer: keyring, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: everybody{}, Now: s.now,
	})
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(s.ca)
	h, err := mdmproto.NewHandler(mdmproto.HandlerConfig{
		Service: s.svc, Enrollments: s.registry, Commands: s.registry, Logger: slog.New(slog.DiscardHandler),
		Verifier: mdmproto.Verifier{Roots: roots},
	})
	require.NoError(t, err)
	s.http = httptest.NewServer(h)
	t.Cleanup(s.http.Close)
	return s
}

func (s *server) now() time.Time {
	if s.later.Load() {
		return time.Now().Add(2 * time.Minute)
	}
	return time.Now()
}

// identity issues a device certificate.
func (s *server) identity(t testing.TB, notBefore, notAfter time.Time) mdmtest.Identity {
	t.Helper()
	return issue(t, s.ca, s.caKey, notBefore, notAfter)
}

func (s *server) freshIdentity(t testing.TB) mdmtest.Identity {
	t.Helper()
	return s.identity(t, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
}

// mac enrols a simulated Mac.
func (s *server) mac(t testing.TB, cfg mdmtest.Config) *mdmtest.Mac {
	t.Helper()
	mac, err := mdmtest.New(cfg)
	require.NoError(t, err)
	s.enrol(t, mac)
	return mac
}

func (s *server) enrol(t testing.TB, mac *mdmtest.Mac) {
	t.Helper()
	unused, err := pin.Parse("unused-since-the-identity-is-seeded")
	require.NoError(t, err)
	profile, err := mdmproto.Profile{
		Identifier: "com.example.mdm", SCEPURL: s.http.URL + "/scep", ServerURL: s.http.URL, Topic: "com.apple.mgmt.External.example",
		Challenge: unused,
	}.Encode()
	require.NoError(t, err)
	mac.Seed(s.freshIdentity(t))
	require.NoError(t, mac.EnrollProfile(t.Context(), profile))
}

// lock orders a lock for a Mac, over any finding.
func (s *server) lock(t testing.TB, mac *mdmtest.Mac) lock.Action {
	t.Helper()
	a, err := s.svc.Lock(t.Context(), admin, lock.Request{Device: device(mac.Config().UDID), Reason: "lost", Force: true})
	require.NoError(t, err)
	return a
}

func (s *server) state(t testing.TB, id lock.ID) lock.State {
	t.Helper()
	a, err := s.svc.Get(t.Context(), admin, id)
	require.NoError(t, err)
	return a.State
}

func device(udid string) lock.Device {
	return lock.Device{Scope: "test", ID: udid, Platform: mdmproto.PlatformName}
}

func newCA(t testing.TB) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Device CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	ca, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return key, ca
}

func issue(t testing.TB, ca *x509.Certificate, caKey *ecdsa.PrivateKey, notBefore, notAfter time.Time) mdmtest.Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Device"}, NotBefore: notBefore, NotAfter: notAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, key.Public(), caKey)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return mdmtest.Identity{Cert: cert, Key: key}
}

// everybody may do everything.
type everybody struct{}

func (everybody) Authorize(context.Context, lock.Actor, lock.Verb, lock.Target) error { return nil }

func (everybody) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	return f, nil
}

// faultyStore fails every commit while down.
type faultyStore struct {
	lock.Store
	down atomic.Bool
}

func (f *faultyStore) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if f.down.Load() {
		return nil, errors.New("the disk is full")
	}
	return f.Store.Commit(ctx, changes)
}

// registry keeps device records as an embedder would. A new certificate is a renewal when the test said so.
type registry struct {
	mu      sync.Mutex
	devices map[string]enrolled
	renewal bool
	results []mdmproto.Result
	queue   [][]byte
}

type enrolled struct {
	cert       [32]byte
	tokens     map[string]string // by user; "" is the device's own
	checkedOut bool
}

func (r *registry) Authenticate(_ context.Context, cert *x509.Certificate, m mdmproto.Checkin) (lock.Device, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	hash := sha256.Sum256(cert.Raw)
	for id, e := range r.devices {
		if e.cert == hash && id != m.ID() {
			return lock.Device{}, false, mdmproto.ErrNotEnrolled
		}
	}
	r.devices[m.ID()] = enrolled{cert: hash, tokens: map[string]string{}}
	return device(m.ID()), r.renewal, nil
}

func (r *registry) Device(_ context.Context, cert *x509.Certificate, id string) (lock.Device, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.devices[id]; !ok || e.cert != sha256.Sum256(cert.Raw) {
		return lock.Device{}, mdmproto.ErrNotEnrolled
	}
	return device(id), nil
}

func (r *registry) TokenUpdate(_ context.Context, d lock.Device, m mdmproto.Checkin) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices[d.ID].tokens[m.User()] = string(m.Token.Bytes())
	return nil
}

func (r *registry) CheckOut(_ context.Context, d lock.Device, _ mdmproto.Checkin) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.devices[d.ID]
	e.checkedOut = true
	r.devices[d.ID] = e
	return nil
}

func (r *registry) Result(_ context.Context, _ lock.Device, m mdmproto.Result) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, m)
	return nil
}

func (r *registry) Next(context.Context, lock.Device, mdmproto.Result) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil, nil
	}
	body := r.queue[0]
	r.queue = r.queue[1:]
	return body, nil
}
