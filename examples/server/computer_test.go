package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// secure is a server that has TLS, as Windows devices need it.
type secure struct {
	*site
	roots *x509.CertPool
}

// openTLS starts a server with a certificate of its own.
func openTLS(t *testing.T, edit func(*options)) *secure {
	t.Helper()
	s := newSite(t)
	if dbtest.IsPostgres(t) {
		s.source = postgres.Database(t)
	}
	return startTLS(t, s, edit)
}

func startTLS(t *testing.T, s *site, edit func(*options)) *secure {
	t.Helper()
	certFile, keyFile, roots := selfSigned(t)
	s.edit = func(o *options) {
		o.tlsCert, o.tlsKey = certFile, keyFile
		if edit != nil {
			edit(o)
		}
	}
	s.start(t, nil)
	s.client = clientWith(t, roots)
	return &secure{s, roots}
}

// clientWith is a client that trusts a server, and has certificates for it.
func clientWith(t *testing.T, roots *x509.CertPool, certs ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: certs}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// issued is what "server windows issue" has made.
type issued struct {
	folder, said, warned, id, secret string
	cert                             tls.Certificate
}

var (
	saidID     = regexp.MustCompile(`(?m)^Device: (\S+) `)
	saidSecret = regexp.MustCompile(`"AAUTHSECRET" value="(\w+)"`)
)

// issue runs the command beside the server.
func (s *site) issue(t *testing.T, args ...string) issued {
	t.Helper()
	made := issued{folder: filepath.Join(t.TempDir(), "device")}
	var out, errs bytes.Buffer
	args = append([]string{"windows", "issue", "-data", s.data(), "-out", made.folder, "-url", s.url}, args...)
	require.NoError(t, run(t.Context(), args, s.env, &out, &errs), errs.String())
	made.said, made.warned = out.String(), errs.String()
	match := saidID.FindStringSubmatch(made.said)
	require.NotNil(t, match, made.said)
	made.id = match[1]
	if match := saidSecret.FindStringSubmatch(made.said); match != nil {
		made.secret = match[1]
	}
	var err error
	made.cert, err = tls.LoadX509KeyPair(filepath.Join(made.folder, "device.crt"), filepath.Join(made.folder, "device.key"))
	require.NoError(t, err)
	return made
}

// computer is a simulated Windows device with a certificate that the command has made.
type computer struct {
	*windowstest.Device
	issued
}

// computer lets a Windows device in, with further arguments of the command.
func (s *secure) computer(t *testing.T, cfg windowstest.Config, further ...string) *computer {
	t.Helper()
	cfg.ProviderID = "Latchkey"
	plain, err := windowstest.New(cfg)
	require.NoError(t, err)
	cfg.ID = plain.Config().ID
	args := append([]string{"-name", plain.Config().Name, "-id", cfg.ID}, further...)
	if cfg.User != "" {
		args = append(args, "-user", cfg.User)
	}
	made := s.issue(t, args...)
	cfg.Secret = made.secret
	d, err := windowstest.New(cfg)
	require.NoError(t, err)
	require.NoError(t, d.SetServer(s.url+windowsPath, clientWith(t, s.roots, made.cert)))
	return &computer{d, made}
}

// sync lets the device come once.
func (c *computer) sync(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Sync(t.Context()))
}

// comesUntil lets the device come until an action is in a state.
func (c *computer) comesUntil(t *testing.T, s *site, id, state string) object {
	t.Helper()
	for range 5 {
		c.sync(t)
		if a := s.action(t, id); a.text("state") == state {
			return a
		}
	}
	require.Equal(t, state, s.action(t, id).text("state"))
	return nil
}

// order orders something for the device and returns the ID of the action.
func (c *computer) order(t *testing.T, s *site, what string, body object) string {
	t.Helper()
	return s.must(t, http.StatusAccepted, http.MethodPost, "/api/v1/devices/"+c.id+"/"+what, body).text("id")
}

// From the certificate to the PIN that the device made, which is the one that is revealed.
func TestWindowsPhoneIsLockedAndReset(t *testing.T) {
	for name, cfg := range map[string]windowstest.Config{
		"certificate":            {Name: "Hedy's Lumia 950", PIN: "2580"},
		"certificate and digest": {Name: "Hedy's Lumia 950", PIN: "2580", User: "hedy"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTLS(t, nil)
			phone := s.computer(t, cfg)
			phone.sync(t)
			d := s.device(t, phone.id)
			assert.Equal(t, "windows", d.text("platform"))
			assert.Equal(t, "Hedy's Lumia 950", d.text("name"))
			assert.Equal(t, "Windows 10 Mobile (10.0.15254.603)", d.text("os_version"))
			assert.NotEmpty(t, d.text("last_seen_at"))

			phone.comesUntil(t, s.site, phone.order(t, s.site, "lock", object{"reason": "lost"}), "confirmed")
			require.True(t, phone.State().Locked)
			require.True(t, phone.Type("2580"))

			id := phone.order(t, s.site, "reset-passcode", object{"reason": "forgot it"})
			phone.comesUntil(t, s.site, id, "confirmed")
			require.True(t, phone.State().Locked)
			code := s.reveal(t, id)
			assert.Equal(t, phone.State().PIN, code)
			assert.False(t, phone.Type("2580"))
			assert.True(t, phone.Type(code), "the revealed PIN opens the device")
			s.replays(t)
		})
	}
}

// Nobody can sign in on a locked desktop, and an unlock puts back exactly what was there before.
func TestWindowsDesktopIsLockedOutAndUnlocked(t *testing.T) {
	const deny = "./Device/Vendor/MSFT/Policy/Config/UserRights/DenyLocalLogOn"
	s := openTLS(t, nil)
	desktop := s.computer(t, windowstest.Config{Name: "Alan's laptop", Class: windowstest.Desktop, SignedIn: "alan"})
	desktop.Set(deny, "*S-1-5-32-546")
	before := desktop.State().Nodes
	desktop.sync(t)
	path := "/api/v1/devices/" + desktop.id + "/lock"
	s.must(t, http.StatusUnprocessableEntity, http.MethodPost, path, object{"reason": "stolen"}) // it is unproven
	id := desktop.order(t, s.site, "lock", object{"reason": "stolen", "message": "Call us", "force": true})
	desktop.comesUntil(t, s.site, id, "confirmed")
	assert.Empty(t, desktop.State().SignedIn)
	require.ErrorIs(t, desktop.SignIn("alan"), windowstest.ErrDenied)

	unlock := desktop.order(t, s.site, "unlock", object{"reason": "found"})
	desktop.comesUntil(t, s.site, unlock, "confirmed")
	assert.Equal(t, "released", s.action(t, id).text("state"))
	assert.Equal(t, before, desktop.State().Nodes)
	require.NoError(t, desktop.SignIn("alan"))
	s.replays(t)
}

// Two servers are one to a device whose messages go to them in turn, with nonces that are good once.
func TestWindowsDeviceAtTwoServers(t *testing.T) {
	one := openTLS(t, nil)
	left := &site{dir: one.dir}
	if db.IsPostgres(one.source) {
		left = moved(t, one.site)
	}
	left.source = one.source
	other := startTLS(t, left, nil)
	other.token = one.token
	for name, cfg := range map[string]windowstest.Config{
		"certificate": {Name: "Lumia 1", PIN: "2580"}, "certificate and digest": {Name: "Lumia 2", PIN: "2580", User: "hedy"},
	} {
		t.Run(name, func(t *testing.T) {
			phone := one.computer(t, cfg)
			between := &balanced{clients: []*http.Client{
				clientWith(t, one.roots, phone.cert), clientWith(t, other.roots, phone.cert),
			}, urls: []string{one.url, other.url}}
			require.NoError(t, phone.SetServer(one.url+windowsPath, &http.Client{Transport: between}))
			phone.sync(t)
			for _, s := range []*secure{one, other} {
				id := phone.order(t, s.site, "reset-passcode", object{"reason": "forgot it"})
				phone.comesUntil(t, s.site, id, "confirmed")
				assert.Equal(t, phone.State().PIN, s.reveal(t, id))
			}
			assert.Greater(t, between.sent, 5)
		})
	}
	one.replays(t)
}

// balanced sends every message to another server than the one before.
type balanced struct {
	clients []*http.Client
	urls    []string
	sent    int // messages of one device come one after the other
}

// RoundTrip implements http.RoundTripper.
func (b *balanced) RoundTrip(r *http.Request) (*http.Response, error) {
	n := b.sent % len(b.urls)
	b.sent++
	out := r.Clone(r.Context())
	out.URL.Host, out.Host = b.urls[n][len("https://"):], ""
	return b.clients[n].Transport.RoundTrip(out)
}
