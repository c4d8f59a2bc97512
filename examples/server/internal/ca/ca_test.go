package ca_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ca"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/db/dbtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// world is a CA with its endpoint.
type world struct {
	*ca.CA
	t       *testing.T
	db      *db.DB
	keyring *pin.Keyring
	now     time.Time
	bound   map[string]string // device by certificate
	logs    *bytes.Buffer
	web     *httptest.Server
}

// BoundTo implements ca.Bound.
func (w *world) BoundTo(_ context.Context, cert *x509.Certificate) (string, error) {
	return w.bound[string(cert.Raw)], nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	folder := t.TempDir()
	keyring, err := pin.CreateKeyring(filepath.Join(folder, "keyring"))
	require.NoError(t, err)
	d := dbtest.Open(t, dbtest.Source(t, &server))
	w := &world{t: t, db: d, keyring: keyring, now: time.Now(), bound: map[string]string{}, logs: &bytes.Buffer{}}
	w.CA = w.open()
	w.web = httptest.NewServer(w.SCEP(w, slog.New(slog.NewTextHandler(w.logs, nil))))
	t.Cleanup(w.web.Close)
	return w
}

func (w *world) open() *ca.CA {
	w.t.Helper()
	c, err := ca.Open(w.t.Context(), ca.Config{DB: w.db, Sealer: w.keyring, Now: func() time.Time { return w.now }})
	require.NoError(w.t, err)
	return c
}

func (w *world) code() string {
	w.t.Helper()
	code, err := w.NewChallenge(w.t.Context())
	require.NoError(w.t, err)
	return code
}

// requester is a device's side of SCEP.
type requester struct {
	key    crypto.Signer
	signer *rsa.PrivateKey
	cert   *x509.Certificate // signs the message
}

// keys are made once: they take longer than all the rest.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	a, errA := rsa.GenerateKey(rand.Reader, 2048)
	b, errB := rsa.GenerateKey(rand.Reader, 2048)
	if errA != nil || errB != nil {
		panic("no keys")
	}
	return [2]*rsa.PrivateKey{a, b}
})

func newRequester(t *testing.T, key *rsa.PrivateKey) requester {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "self"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return requester{key: key, signer: key, cert: cert}
}

func (r requester) request(t *testing.T, w *world, kind scep.MessageType, challenge string) *scep.PKIMessage {
	t.Helper()
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: pkix.Name{CommonName: "device"}}, ChallengePassword: challenge,
	}, r.key)
	require.NoError(t, err)
	csr, err := x509.ParseCertificateRequest(der)
	require.NoError(t, err)
	msg, err := scep.NewCSRRequest(csr, &scep.PKIMessage{
		MessageType: kind, Recipients: []*x509.Certificate{w.Certificate()}, SignerKey: r.signer, SignerCert: r.cert,
	})
	require.NoError(t, err)
	return msg
}

// reply is an answer over HTTP.
type reply struct {
	status int
	kind   string
	body   []byte
}

func (w *world) exchange(method, query string, body []byte) (reply, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, w.web.URL+"?"+query, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header.Get("Content-Type"), text}, err
}

const pkiOperation = "operation=PKIOperation"

// send posts a message as real clients do, also in the request line, and returns the certificate, nil when it was refused.
func (r requester) send(t *testing.T, w *world, msg *scep.PKIMessage) *x509.Certificate {
	t.Helper()
	answer, err := w.exchange(http.MethodPost, pkiOperation+"&message="+url.QueryEscape(string(msg.Raw)), msg.Raw)
	require.NoError(t, err)
	return r.open(t, w, answer)
}

func (r requester) open(t *testing.T, w *world, answer reply) *x509.Certificate {
	t.Helper()
	require.Equal(t, http.StatusOK, answer.status, string(answer.body))
	assert.Equal(t, "application/x-pki-message", answer.kind)
	msg, err := scep.ParsePKIMessage(answer.body, scep.WithCACerts([]*x509.Certificate{w.Certificate()}))
	require.NoError(t, err)
	if msg.PKIStatus == scep.FAILURE {
		assert.Equal(t, scep.BadRequest, msg.FailInfo)
		return nil
	}
	require.NoError(t, msg.DecryptPKIEnvelope(r.cert, r.signer))
	return msg.Certificate
}

func TestCodeGivesOneCertificate(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	cert := r.send(t, w, r.request(t, w, scep.PKCSReq, w.code()))
	require.NotNil(t, cert)
	roots := x509.NewCertPool()
	roots.AddCert(w.Certificate())
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	require.NoError(t, err)
	assert.WithinDuration(t, w.now.AddDate(5, 0, 0), cert.NotAfter, time.Minute)
	renews, err := w.Renews(t.Context(), cert)
	require.NoError(t, err)
	assert.Empty(t, renews)
}

func TestCertificateEndsWithTheCA(t *testing.T) {
	w := newWorld(t)
	w.now = w.now.AddDate(18, 0, 0)
	r := newRequester(t, keys()[0])
	cert := r.send(t, w, r.request(t, w, scep.PKCSReq, w.code()))
	require.NotNil(t, cert)
	assert.Equal(t, w.Certificate().NotAfter, cert.NotAfter)
}

func TestGetWithMessageInTheQuery(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	for name, alphabet := range map[string]*base64.Encoding{"standard": base64.StdEncoding, "url": base64.URLEncoding} {
		t.Run(name, func(t *testing.T) {
			msg := r.request(t, w, scep.PKCSReq, w.code())
			answer, err := w.exchange(http.MethodGet, pkiOperation+"&message="+url.QueryEscape(alphabet.EncodeToString(msg.Raw)), nil)
			require.NoError(t, err)
			assert.NotNil(t, r.open(t, w, answer))
		})
	}
}

func TestCertificateForAnECKey(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	r.key = key
	cert := r.send(t, w, r.request(t, w, scep.PKCSReq, w.code()))
	require.NotNil(t, cert)
	assert.True(t, key.PublicKey.Equal(cert.PublicKey))
}

func TestRefused(t *testing.T) {
	w := newWorld(t)
	r, other := newRequester(t, keys()[0]), newRequester(t, keys()[1])
	used := w.code()
	require.NotNil(t, other.send(t, w, other.request(t, w, scep.PKCSReq, used)))
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	weak := newRequester(t, weakKey)
	for name, msg := range map[string]*scep.PKIMessage{
		"unknown code":                r.request(t, w, scep.PKCSReq, "WRONG"),
		"no code":                     r.request(t, w, scep.PKCSReq, ""),
		"code used by another key":    r.request(t, w, scep.PKCSReq, used),
		"renewal by nobody we know":   r.request(t, w, scep.RenewalReq, ""),
		"key too short to be trusted": weak.request(t, w, scep.PKCSReq, w.code()),
	} {
		t.Run(name, func(t *testing.T) {
			sender := r
			if name == "key too short to be trusted" {
				sender = weak
			}
			answer, err := w.exchange(http.MethodPost, pkiOperation, msg.Raw)
			require.NoError(t, err)
			assert.Nil(t, sender.open(t, w, answer))
		})
	}
	assert.NotContains(t, w.logs.String(), used, "codes are not logged")
}

func TestCodeExpires(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	code := w.code()
	require.NoError(t, w.Check(t.Context(), code))
	w.now = w.now.Add(time.Hour)
	require.ErrorIs(t, w.Check(t.Context(), code), ca.ErrCode)
	assert.Nil(t, r.send(t, w, r.request(t, w, scep.PKCSReq, code)))
}

func TestLostAnswerIsGivenAgain(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	code := w.code()
	first := r.send(t, w, r.request(t, w, scep.PKCSReq, code))
	require.ErrorIs(t, w.Check(t.Context(), code), ca.ErrCode, "no new profile for a used code")
	again := r.send(t, w, r.request(t, w, scep.PKCSReq, code))
	require.NotNil(t, first)
	assert.Equal(t, first, again)
}

func TestOneCodeForManyConcurrentRequests(t *testing.T) {
	w := newWorld(t)
	code := w.code()
	var wait sync.WaitGroup
	issued := 0
	answers := make([]reply, 2)
	errs := make([]error, 2)
	for i, key := range keys() {
		msg := newRequester(t, key).request(t, w, scep.PKCSReq, code)
		wait.Go(func() {
			answers[i], errs[i] = w.exchange(http.MethodPost, pkiOperation, msg.Raw)
		})
	}
	wait.Wait()
	for i, key := range keys() {
		require.NoError(t, errs[i])
		if newRequester(t, key).open(t, w, answers[i]) != nil {
			issued++
		}
	}
	assert.Equal(t, 1, issued)
}

func TestRenewal(t *testing.T) {
	w := newWorld(t)
	r := newRequester(t, keys()[0])
	first := r.send(t, w, r.request(t, w, scep.PKCSReq, w.code()))
	require.NotNil(t, first)

	t.Run("by a code for it", func(t *testing.T) {
		code, err := w.NewRenewal(t.Context(), "UDID-1")
		require.NoError(t, err)
		cert := r.send(t, w, r.request(t, w, scep.PKCSReq, code))
		require.NotNil(t, cert)
		renews, err := w.Renews(t.Context(), cert)
		require.NoError(t, err)
		assert.Equal(t, "UDID-1", renews)
	})
	t.Run("signed by the certificate in use", func(t *testing.T) {
		w.bound[string(first.Raw)] = "UDID-1"
		renewing := requester{key: keys()[1], signer: keys()[0], cert: first}
		cert := renewing.send(t, w, renewing.request(t, w, scep.RenewalReq, ""))
		require.NotNil(t, cert)
		renews, err := w.Renews(t.Context(), cert)
		require.NoError(t, err)
		assert.Equal(t, "UDID-1", renews)
	})
}

func TestUnknownCertificate(t *testing.T) {
	w := newWorld(t)
	_, err := w.Renews(t.Context(), newRequester(t, keys()[0]).cert)
	assert.ErrorIs(t, err, ca.ErrUnknown)
}

func TestOpenAgainIsTheSameCA(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, w.Certificate().Raw, w.open().Certificate().Raw)
}

func TestKeyIsSealed(t *testing.T) {
	w := newWorld(t)
	other, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "other"))
	require.NoError(t, err)
	_, err = ca.Open(t.Context(), ca.Config{DB: w.db, Sealer: other})
	var missing *pin.MissingKeyError
	require.ErrorAs(t, err, &missing)
	var path string
	require.NoError(t, w.db.Readers.QueryRow(`SELECT file FROM pragma_database_list WHERE name = 'main'`).Scan(&path))
	public, ok := w.Certificate().PublicKey.(*rsa.PublicKey)
	require.True(t, ok)
	// In PKCS #1 the public exponent is followed by the private one, an integer too; in the certificate by something else.
	inClear := append(public.N.Bytes()[192:], 2, 3, 1, 0, 1, 2)
	for _, file := range []string{path, path + "-wal"} {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.False(t, bytes.Contains(content, inClear), file)
	}
	require.True(t, bytes.Contains(x509.MarshalPKCS1PrivateKey(keys()[0]), append(keys()[0].N.Bytes()[192:], 2, 3, 1, 0, 1, 2)),
		"what is looked for is what a key looks like")
}
