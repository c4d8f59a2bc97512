package windowstest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// roundTrip changes what the server answers.
type roundTrip func(string) string

func (f roundTrip) client(s *server) *http.Client { return &http.Client{Transport: changed{f, s}} }

type changed struct {
	f roundTrip
	s *server
}

func (c changed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.s.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, _ := io.ReadAll(resp.Body)
	text := c.f(string(body))
	resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return resp, nil
}

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		cfg  windowstest.Config
		want string
	}{
		"class":      {windowstest.Config{Class: "xbox"}, `Class "xbox"`},
		"policy":     {windowstest.Config{PINPolicy: "x"}, `PINPolicy "x"`},
		"RemoteLock": {windowstest.Config{RemoteLock: true}, "RemoteLock"},
		"MaxMsgSize": {windowstest.Config{MaxMsgSize: 1 << 20}, "MaxMsgSize 1048576: must be 0 to 524288"},
		"ID":         {windowstest.Config{ID: "a b"}, "ID: must not contain white space"},
		"digest":     {windowstest.Config{Secret: "x"}, "a digest needs a User"},
		"build":      {windowstest.Config{Build: "11"}, `Build "11"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := windowstest.New(test.cfg)
			require.ErrorContains(t, err, test.want)
		})
	}
	d, err := windowstest.New(windowstest.Config{Class: windowstest.Desktop})
	require.NoError(t, err)
	again, err := windowstest.New(windowstest.Config{})
	require.NoError(t, err)
	assert.Len(t, d.Config().ID, 32)
	assert.NotEqual(t, d.Config().ID, again.Config().ID)
	require.ErrorContains(t, d.Sync(context.Background()), "call SetServer first")
	require.ErrorContains(t, d.SetServer("mdm.example.com", nil), "must be absolute")
}

// The lock-out of a desktop: who is signed in stays so until the restart, and then nobody gets in.
func TestLockout(t *testing.T) {
	s := script(turn{body: atomic("1", replace("2", denyLogOn, "*S-1-1-0"))}, turn{body: exec("3", reboot)}, turn{},
		turn{body: replace("4", denyLogOn, "*S-1-5-32-546\uf000guest")})
	d := device(t, s, windowstest.Config{Class: windowstest.Desktop, PIN: "1234", SignedIn: "hedy"})
	require.NoError(t, d.Sync(context.Background()))
	assert.Equal(t, "200 200", codes(s.messages()[1], "1", "2"))
	state := d.State()
	assert.Equal(t, 1, state.Restarts)
	assert.Empty(t, state.SignedIn)
	require.ErrorIs(t, d.SignIn("hedy"), windowstest.ErrDenied)
	require.NoError(t, d.Sync(context.Background()))
	require.NoError(t, d.SignIn("hedy"))
	require.ErrorIs(t, d.SignIn("Guest"), windowstest.ErrDenied)
	assert.Equal(t, "hedy", d.State().SignedIn)
	d.Restart()
	assert.Equal(t, 2, d.State().Restarts)
}

// A restart that was asked for happens also when the session breaks off.
func TestRebootAfterBrokenSession(t *testing.T) {
	s := script(turn{body: exec("3", reboot)})
	d := device(t, s, windowstest.Config{Class: windowstest.Desktop})
	cut := errors.New("cut")
	d.OnSend(func(n int, _ []byte) error {
		if n == 2 {
			assert.Zero(t, d.State().Restarts)
			return cut
		}
		return nil
	})
	require.ErrorIs(t, d.Sync(context.Background()), cut)
	assert.Equal(t, 1, d.State().Restarts)
	assert.Len(t, s.messages(), 1, "what a hook cuts is not tried again")
}

func TestHooks(t *testing.T) {
	s := script(resetSequence)
	d := device(t, s, windowstest.Config{PIN: "1"})
	var calls []string
	d.OnSend(func(n int, body []byte) error {
		calls = append(calls, "send "+string(rune('0'+n)))
		assert.Contains(t, string(body), "<SyncHdr>")
		return nil
	})
	cut := errors.New("cut")
	d.OnReceive(func(n int, body []byte) error {
		calls = append(calls, "receive "+string(rune('0'+n)))
		assert.Contains(t, string(body), "<SyncHdr>")
		if n == 2 {
			return cut
		}
		return nil
	})
	require.ErrorIs(t, d.Sync(context.Background()), cut)
	assert.Equal(t, []string{"send 1", "receive 1", "send 2", "receive 2"}, calls)
	d.OnSend(nil)
	d.OnReceive(nil)
	require.NoError(t, d.Sync(context.Background()))
}

// The next message goes to RespURI, and calls the server so.
func TestRespURI(t *testing.T) {
	const other = "https://mdm.example.com/session/42"
	s := script(turn{body: lock, mangle: edit("</Source>", "</Source><RespURI>"+other+"</RespURI>")}, turn{body: exec("8", remote+"Lock")})
	d := device(t, s, windowstest.Config{PIN: "1"})
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	assert.Equal(t, address+"?Platform=WoA&mode=Maintenance", got[0].url)
	assert.Equal(t, address, got[0].Target)
	assert.Equal(t, []string{other, other, other, other}, []string{got[1].url, got[1].Target, got[2].url, got[2].Target})
	require.NoError(t, d.Sync(context.Background()))
	assert.Equal(t, address, s.messages()[3].Target, "for the session only")
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s := script(turn{}, turn{http: 403})
		d := device(t, s, windowstest.Config{})
		failed := 0
		require.ErrorIs(t, d.Run(ctx, 3*time.Second, func(error) { failed++ }), context.DeadlineExceeded)
		assert.Equal(t, 4, d.State().Sessions, "after 0, 3, 6 and 9 seconds")
		assert.Equal(t, 1, failed)
		require.ErrorContains(t, d.Run(ctx, 0, nil), "must be positive")
	})
}

// Sessions come one after the other, and everything else may be called meanwhile.
func TestConcurrency(t *testing.T) {
	s := script()
	d := device(t, s, windowstest.Config{PIN: "1234"})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { assert.NoError(t, d.Sync(context.Background())) })
		wg.Go(func() {
			d.Script(windowstest.WrongDigest())
			d.Set("./DevDetail/OEM", d.State().PIN)
			d.Type("1234")
			d.Restart()
			d.Get(denyLogOn)
		})
	}
	wg.Wait()
	assert.Equal(t, 8, d.State().Sessions)
}

// Over TLS, with the certificate of the client's transport.
func TestClientCertificate(t *testing.T) {
	inner := script()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		assert.Len(t, r.TLS.PeerCertificates, 1)
		inner.ServeHTTP(w, r)
	}))
	srv.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: srv.TLS.Certificates}}}
	defer client.CloseIdleConnections()
	d, err := windowstest.New(windowstest.Config{})
	require.NoError(t, err)
	require.NoError(t, d.SetServer(srv.URL, client))
	require.NoError(t, d.Sync(context.Background()))
	assert.Len(t, inner.messages(), 1)
}
