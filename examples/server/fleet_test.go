package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory/inventorytest"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/secret"
	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

var fleetMacs = flag.Int("fleet-macs", 50, "how many Macs TestFleet locks")

const (
	fleetSCEP    = 100             // so many of them enrol over SCEP, or a tenth of a smaller fleet
	fleetWorkers = 32              // Macs that poll at a time
	fleetWait    = 5 * time.Minute // how long nothing may move
)

// TestFleet locks a fleet of Macs that behave as badly as Macs do, with one order over the API, until every one of them has confirmed. All
// the while somebody looks at the progress, over the API and in the console: it never goes back.
func TestFleet(t *testing.T) {
	f := newFleetOf(t, *fleetMacs)
	order := object{"kind": "lock", "devices": f.ids(), "reason": "break-in", "message": "Please call us."}
	begun := time.Now()
	f.batch = f.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/bulk", order).text("id")
	over := make(chan struct{})
	var beside sync.WaitGroup
	beside.Go(func() { f.watchAPI(t, over) })
	beside.Go(func() { f.watchConsole(t, over) })
	f.live(t)
	f.flush(t)
	close(over)
	beside.Wait()
	took := time.Since(begun)
	f.ends(t)
	f.unlock(t)
	t.Logf("%d Macs (%d over SCEP) confirmed in %s, %.0f a second; %d requests, p50 %s, p99 %s; progress was read %d times",
		len(f.macs), f.scep, took.Round(time.Millisecond), float64(len(f.macs))/took.Seconds(), len(f.times), f.percentile(50), f.percentile(99),
		f.looks.Load())
}

// ends sees that every Mac has confirmed. What is counted may be of a moment ago.
func (f *testFleet) ends(t *testing.T) {
	t.Helper()
	var end object
	ended := func() bool {
		end = f.must(t, http.StatusOK, http.MethodGet, "/api/v1/bulk/"+f.batch+"?limit=1", nil)
		return end.text("state") == "done" && end["confirmed"] == float64(len(f.macs))
	}
	for until := time.Now().Add(time.Minute); !ended(); time.Sleep(100 * time.Millisecond) {
		require.True(t, time.Now().Before(until), "every Mac has confirmed: %v", end)
	}
}

// testFleet is a server with many Macs.
type testFleet struct {
	*site
	macs  []*mdmtest.Mac
	scep  int
	batch string
	looks atomic.Int64

	mu    sync.Mutex
	times []time.Duration // of each request of a Mac
}

func newFleetOf(t *testing.T, n int) *testFleet {
	t.Helper()
	f := &testFleet{site: open(t, nil), scep: min(fleetSCEP, max(1, n/10))}
	knowPassword(t, f.site)
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * fleetWorkers}
	t.Cleanup(transport.CloseIdleConnections)
	for i := range n {
		line := &line{fleet: f, next: transport}
		line.open.Store(i < f.scep)
		mac, err := mdmtest.New(mdmtest.Config{
			Serial: fmt.Sprintf("FLEET%06d", i), KeyType: mdmtest.P256, OSVersion: "15.1", AppleSilicon: true,
			Client: &http.Client{Transport: line, Timeout: time.Minute},
		})
		require.NoError(t, err)
		mac.Script(nasty[i%len(nasty)]...)
		f.macs = append(f.macs, mac)
		if i < f.scep {
			require.NoError(t, mac.Enroll(t.Context(), f.link(t, "")))
			_, err = mac.Poll(t.Context())
			require.NoError(t, err)
		}
	}
	f.seed(t)
	f.times = nil
	return f
}

// nasty is what goes wrong with the lock of one Mac after the other.
var nasty = [][]mdmtest.Fault{
	{},
	{mdmtest.TrailingIdle},
	{mdmtest.NotNow, mdmtest.NotNow},
	{mdmtest.LoseReceipt},
	{mdmtest.RepeatAnswer, mdmtest.TrailingIdle},
	{mdmtest.LoseCommand},
	{mdmtest.HoldAnswer},
	{mdmtest.LoseAnswer},
}

// seed enrols the other Macs as if they had done so long ago: their certificates are the server's, and nobody asks it for them.
func (f *testFleet) seed(t *testing.T) {
	t.Helper()
	d := f.open(t)
	sign := issuer(t, d, filepath.Join(f.data(), "keyring"))
	profile, err := f.client.Get(f.link(t, ""))
	require.NoError(t, err)
	text, err := io.ReadAll(profile.Body)
	require.NoError(t, errors.Join(err, profile.Body.Close()))
	var devices []inventorytest.Device
	for _, mac := range f.macs[f.scep:] {
		id := sign()
		mac.Seed(id)
		require.NoError(t, mac.EnrollProfile(t.Context(), text))
		token, magic, err := mac.Push()
		require.NoError(t, err)
		cfg := mac.Config()
		devices = append(devices, inventorytest.Device{
			ID: cfg.UDID, Serial: cfg.Serial, Name: cfg.Name, Cert: id.Cert.Raw, Token: token, Magic: []byte(magic), Topic: "com.apple.mgmt.External.test",
		})
		cfg.Client.Transport.(*line).open.Store(true)
	}
	inventorytest.Put(t, d, devices)
}

// issuer signs identities with the key of the server's device CA.
func issuer(t *testing.T, d *db.DB, ring string) func() mdmtest.Identity {
	t.Helper()
	keyring, err := pin.LoadKeyring(ring)
	require.NoError(t, err)
	pair, err := secret.Read(t.Context(), d, keyring, secret.DeviceCA)
	require.NoError(t, err)
	ca, err := x509.ParseCertificate(pair.Public)
	require.NoError(t, err)
	key, err := x509.ParsePKCS1PrivateKey([]byte(pair.Private.Expose()))
	require.NoError(t, err)
	return func() mdmtest.Identity { return identity(t, ca, key) }
}

func identity(t *testing.T, ca *x509.Certificate, key *rsa.PrivateKey) mdmtest.Identity {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "seeded"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, own.Public(), key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return mdmtest.Identity{Cert: cert, Key: own}
}

// line is the network of one Mac. Until it is open it answers the messages of its enrolment itself.
type line struct {
	fleet *testFleet
	open  atomic.Bool
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if !l.open.Load() {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
	}
	begun := time.Now()
	res, err := l.next.RoundTrip(r)
	l.fleet.mu.Lock()
	defer l.fleet.mu.Unlock()
	l.fleet.times = append(l.fleet.times, time.Since(begun))
	return res, err
}

func (f *testFleet) ids() []string {
	ids := make([]string, len(f.macs))
	for i, mac := range f.macs {
		ids[i] = mac.Config().UDID
	}
	return ids
}

// live lets the Macs poll, a few at a time, until each is locked and the server has its answer, or the Mac holds that back.
func (f *testFleet) live(t *testing.T) {
	t.Helper()
	work := make(chan *mdmtest.Mac)
	var workers sync.WaitGroup
	for range fleetWorkers {
		workers.Go(func() {
			for mac := range work {
				f.locks(t, mac)
			}
		})
	}
	for _, mac := range f.macs {
		work <- mac
	}
	close(work)
	workers.Wait()
}

// locks lets one Mac poll until it is locked. One whose answer got lost says it when it is opened, as a real one would.
func (f *testFleet) locks(t *testing.T, mac *mdmtest.Mac) {
	for until := time.Now().Add(fleetWait); mac.State() != mdmtest.Locked; {
		_, err := mac.Poll(t.Context())
		if err != nil && !errors.Is(err, mdmtest.ErrCut) {
			assert.NoError(t, err)
			return
		}
		if !assert.True(t, time.Now().Before(until), "Mac %s gets no lock", mac.Config().Serial) {
			return
		}
		if mac.State() != mdmtest.Locked {
			time.Sleep(20 * time.Millisecond) // the orders are still being made
		}
	}
	act := f.lockOf(t, mac)
	if act.text("state") != "issued" || len(mac.Locks()) == 0 || f.holds(mac) {
		return
	}
	assert.True(t, mac.Type(f.revealed(t, act.text("id"))), "the PIN opens it")
	_, err := mac.Poll(t.Context())
	assert.NoError(t, err)
}

// holds reports whether the answer of a Mac is still on the way.
func (f *testFleet) holds(mac *mdmtest.Mac) bool {
	i := slices.Index(f.macs, mac)
	return slices.Contains(nasty[i%len(nasty)], mdmtest.HoldAnswer)
}

// lockOf is the action by which a Mac was locked.
func (f *testFleet) lockOf(t *testing.T, mac *mdmtest.Mac) object {
	locks := mac.Locks()
	_, act := f.call(t, http.MethodGet, "/api/v1/actions/"+locks[len(locks)-1].CommandUUID, nil)
	return act
}

func (f *testFleet) revealed(t *testing.T, id string) string {
	_, answer := f.call(t, http.MethodPost, "/api/v1/actions/"+id+"/reveal", object{"reason": "test"})
	return answer.text("pin")
}

// flush lets the answers arrive that were on the way.
func (f *testFleet) flush(t *testing.T) {
	t.Helper()
	for _, mac := range f.macs {
		if f.holds(mac) {
			_, err := mac.Flush(t.Context())
			require.NoError(t, err)
		}
	}
}

// unlock opens a few of the Macs with what the server reveals.
func (f *testFleet) unlock(t *testing.T) {
	t.Helper()
	for _, mac := range f.macs[:min(len(f.macs), 20)] {
		if mac.State() == mdmtest.Locked {
			assert.True(t, mac.Type(f.reveal(t, f.lockOf(t, mac).text("id"))), "the PIN opens it")
		}
	}
}

// watchAPI reads the progress until it is over.
func (f *testFleet) watchAPI(t *testing.T, over <-chan struct{}) {
	last := map[string]float64{}
	f.watch(over, func() bool {
		_, now := f.call(t, http.MethodGet, "/api/v1/bulk/"+f.batch+"?limit=1", nil)
		for _, name := range []string{"ordered", "confirmed"} {
			n, _ := now[name].(float64)
			if !assert.GreaterOrEqual(t, n, last[name], "%s never goes back", name) {
				return false
			}
			last[name] = n
		}
		sum := 0
		outcomes, _ := now["outcomes"].(map[string]any)
		for _, n := range outcomes {
			sum += int(n.(float64))
		}
		return assert.Equal(t, len(f.macs), sum, "every Mac has one outcome: %v", outcomes)
	})
}

var confirmedIn = regexp.MustCompile(`([\d,]+) locked, say the Macs`)

// watchConsole reads the progress page until it is over.
func (f *testFleet) watchConsole(t *testing.T, over <-chan struct{}) {
	b, last := &browser{T: t}, 0
	if !assert.Equal(t, http.StatusSeeOther, b.signIn(f.site)) {
		return
	}
	f.watch(over, func() bool {
		status, page := b.ask(f.site, "/bulk/"+f.batch, nil)
		now := last
		if match := confirmedIn.FindStringSubmatch(page); match != nil {
			now, _ = strconv.Atoi(strings.ReplaceAll(match[1], ",", ""))
		}
		ok := assert.Equal(t, http.StatusOK, status) && assert.GreaterOrEqual(t, now, last, "the console never goes back")
		last = now
		return ok
	})
}

func (f *testFleet) watch(over <-chan struct{}, look func() bool) {
	for look() {
		f.looks.Add(1)
		select {
		case <-over:
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (f *testFleet) percentile(n int) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.times)
	return f.times[(len(f.times)-1)*n/100].Round(10 * time.Microsecond)
}
