package windows_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/sqlite"
	"github.com/latchkey-mdm/latchkey/windows"
)

// authority issues client certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	mu   sync.Mutex
	last int64 // serial number
}

// sharedCA is one for all tests: it keeps nothing but a serial number.
var sharedCA = sync.OnceValue(func() *authority { return newCA() })

func newCA() *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &authority{cert: cert, key: key, last: 1}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// issue makes a client certificate with this common name.
func (a *authority) issue(t tb, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a.mu.Lock()
	a.last++
	serial := a.last
	a.mu.Unlock()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// journal collects what is logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var errSave = errors.New("the session state was not saved because the test said so")

// flaky is a Sessions that fails on demand, and remembers every state.
type flaky struct {
	windows.Sessions

	mu     sync.Mutex
	saves  int
	before int // the save with this number fails with nothing stored; 0: none
	after  int // the save with this number fails once it is stored
	all    [][]byte
}

// Save implements windows.Sessions.
func (f *flaky) Save(ctx context.Context, scope, device string, state []byte, version int64) error {
	f.mu.Lock()
	f.saves++
	n := f.saves
	before, after := n == f.before, n == f.after
	f.all = append(f.all, bytes.Clone(state))
	behind := f.Sessions
	f.mu.Unlock()
	if before {
		return errSave
	}
	err := behind.Save(ctx, scope, device, state, version)
	if after {
		return errSave
	}
	return err
}

// failAt lets the nth save from now on fail; 0: none. It returns how many there were.
func (f *flaky) failAt(n int, stored bool) (saves int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = 0, 0
	switch {
	case n > 0 && stored:
		f.after = f.saves + n
	case n > 0:
		f.before = f.saves + n
	}
	return f.saves
}

// forget loses everything that was saved.
func (f *flaky) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Sessions = windows.NewSessions()
}

// ledgers are the stores that a test runs on.
var ledgers = map[string]func(tb) lock.Store{
	"memory": func(tb) lock.Store { return store.NewMemory() },
	"sqlite": func(t tb) lock.Store { return sqliteStore(t, tempDir(t)) },
}

// tempDir is of tests and benchmarks alone.
func tempDir(t tb) string { return t.(testing.TB).TempDir() }

func sqliteStore(t tb, folder string) lock.Store {
	t.Helper()
	dsn := sqlite.DSN(filepath.Join(folder, "ledger.db"))
	open := func() *sql.DB {
		pool, err := sql.Open("sqlite", dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, pool.Close()) })
		return pool
	}
	writer, readers := open(), open()
	writer.SetMaxOpenConns(1)
	require.NoError(t, sqlite.Migrate(t.Context(), writer))
	ledger, err := sqlite.New(t.Context(), writer, readers)
	require.NoError(t, err)
	return ledger
}

// mangler is a network that changes one message.
type mangler struct {
	http.RoundTripper

	n        int // its MsgID
	from, to string
}

// RoundTrip implements http.RoundTripper.
func (m mangler) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(body, fmt.Appendf(nil, "<MsgID>%d</MsgID>", m.n)) {
		body = bytes.Replace(body, []byte(m.from), []byte(m.to), 1)
	}
	changed := r.Clone(r.Context())
	changed.Body, changed.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return m.RoundTripper.RoundTrip(changed)
}
