package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// bench is the library on a SQLite file, without the reference server around it.
type bench struct {
	service *lock.Service
	handler http.Handler
	mac     *mdmtest.Mac
	signer  *mdmtest.Identity
	sent    *http.Request // what the Mac would send
}

func newBench(b *testing.B) *bench {
	b.Helper()
	d := dbtest.Open(b, filepath.Join(b.TempDir(), "ledger.db"))
	keyring, err := pin.CreateKeyring(filepath.Join(b.TempDir(), "keyring"))
	require.NoError(b, err)
	out := &bench{}
	out.service, err = lock.New(lock.Config{
		Store: d.Ledger, Sealer: keyring, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: &locktest.Rights{},
	})
	require.NoError(b, err)
	ca := out.identity(b)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	out.handler, err = mdmproto.NewHandler(mdmproto.HandlerConfig{
		Service: out.service, Verifier: mdmproto.Verifier{Roots: roots}, Enrollments: anyDevice{}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(b, err)
	out.mac, err = mdmtest.New(mdmtest.Config{Client: &http.Client{Transport: out}})
	require.NoError(b, err)
	return out
}

// identity makes the one certificate of all devices, which is its own CA.
func (x *bench) identity(b *testing.B) *x509.Certificate {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "device"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(b, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(b, err)
	x.signer = &mdmtest.Identity{Cert: cert, Key: key}
	return cert
}

// RoundTrip keeps the signed request, so that only the server's part is measured.
func (x *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	x.sent = r
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

// signed makes a request of the device.
func (x *bench) signed(b *testing.B, keys string) *http.Request {
	b.Helper()
	body := []byte(`<?xml version="1.0" encoding="UTF-8"?><plist version="1.0"><dict>` + keys + `</dict></plist>`)
	_, err := x.mac.Do(b.Context(), mdmtest.Request{URL: "http://server/mdm", Signer: x.signer, Body: body})
	require.NoError(b, err)
	x.sent.Body = io.NopCloser(bytes.NewReader(body))
	return x.sent
}

func (x *bench) serve(b *testing.B, r *http.Request) []byte {
	b.Helper()
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// anyDevice is an inventory in which every device is enrolled.
type anyDevice struct{}

func (anyDevice) Authenticate(context.Context, *x509.Certificate, mdmproto.Checkin) (lock.Device, bool, error) {
	return lock.Device{}, false, mdmproto.ErrNotEnrolled
}

func (anyDevice) Device(_ context.Context, _ *x509.Certificate, id string) (lock.Device, error) {
	return benchDevice(id), nil
}

func (anyDevice) TokenUpdate(context.Context, lock.Device, mdmproto.Checkin) error { return nil }

func (anyDevice) CheckOut(context.Context, lock.Device, mdmproto.Checkin) error { return nil }

func benchDevice(id string) lock.Device {
	return lock.Device{Scope: "bench", ID: id, Platform: mdmproto.PlatformName}
}

func (x *bench) order(b *testing.B, id string) lock.Action {
	b.Helper()
	a, err := x.service.Lock(b.Context(), lock.Actor{ID: "bench"}, lock.Request{Device: benchDevice(id), Reason: "bench", Force: true})
	require.NoError(b, err)
	return a
}

// BenchmarkOrderSQLite is one order: PIN drawn, sealed, and durable with its event.
func BenchmarkOrderSQLite(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.order(b, fmt.Sprintf("mac-%d", i))
	}
}

// BenchmarkPollCycleSQLite is what the server does while one Mac gets locked: Idle, DeviceLock, Acknowledged, empty. Two signatures are
// verified, and delivery and acknowledgement are durable. The order and the Mac's own work are not measured.
func BenchmarkPollCycleSQLite(b *testing.B) {
	x := newBench(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		udid := fmt.Sprintf("mac-%d", i)
		a := x.order(b, udid)
		name := "<key>UDID</key><string>" + udid + "</string>"
		idle := x.signed(b, name+"<key>Status</key><string>Idle</string>")
		answer := x.signed(b, name+"<key>Status</key><string>Acknowledged</string><key>CommandUUID</key><string>"+string(a.ID)+"</string>")
		b.StartTimer()
		if command := x.serve(b, idle); !bytes.Contains(command, []byte("DeviceLock")) {
			b.Fatal("no DeviceLock")
		}
		if rest := x.serve(b, answer); len(rest) > 0 {
			b.Fatal("more than the end of the session")
		}
	}
}
