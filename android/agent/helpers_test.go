package agent_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// now is the server's time in these tests.
var now = time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)

var errStore = errors.New("the disk is full")

// ledger is a Service that says what a test wants, and remembers what it was told.
type ledger struct {
	mu       sync.Mutex
	commands []lock.Command
	next     func(lock.Device) (lock.Command, error) // instead of commands
	reports  []lock.Report
	seen     []lock.Evidence
	err      error // of Report and Seen
}

func (l *ledger) Next(_ context.Context, d lock.Device) (lock.Command, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		return l.next(d)
	}
	if len(l.commands) == 0 {
		return lock.Command{}, nil
	}
	c := l.commands[0]
	l.commands = l.commands[1:]
	return c, nil
}

func (l *ledger) Report(_ context.Context, r lock.Report) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports = append(l.reports, r)
	return l.err
}

func (l *ledger) Seen(ctx context.Context, _ lock.Device, e lock.Evidence) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.seen = append(l.seen, e)
	return l.err
}

func (l *ledger) add(c lock.Command) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commands = append(l.commands, c)
}

// records are Enrollments and Requests in memory.
type records struct {
	mu      sync.Mutex
	codes   map[string]*ecdsa.PublicKey // nil: not used
	devices map[string]agent.Enrolled
	states  []agent.State
	last    agent.Enrollment
	jtis    map[string]time.Time
	seq     int64
	settled bool // Enroll tells the ledger by itself

	noNumber bool // Number fails
	err      error
}

func (s *records) Enroll(_ context.Context, e agent.Enrollment) (lock.Device, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, known := s.codes[e.Code]
	if !known || user != nil && !user.Equal(e.SigningKey) {
		return lock.Device{}, false, agent.ErrCode
	}
	s.codes[e.Code], s.last = e.SigningKey, e
	d := device("dev-" + e.Serial)
	d.Serial = e.Serial
	d.Facts = map[string]lock.Fact{"agreement_key": {Value: e.AgreementKey}, "mode": {Value: e.State.Facts["mode"]}}
	s.devices[d.ID] = agent.Enrolled{Device: d, Key: e.SigningKey}
	return d, s.settled, s.err
}

func (s *records) Device(_ context.Context, id string) (agent.Enrolled, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.devices[id]
	if !ok {
		return agent.Enrolled{}, agent.ErrNotEnrolled
	}
	e.Last = s.seq
	return e, s.err
}

func (s *records) State(_ context.Context, _ lock.Device, st agent.State) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, st)
	return s.err
}

func (s *records) Once(_ context.Context, dev, jti string, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, used := s.jtis[dev+"/"+jti]
	s.jtis[dev+"/"+jti] = until
	return !used, s.err
}

func (s *records) Number(_ context.Context, _ string, last int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.noNumber:
		return 0, errStore
	case s.seq != last:
		return 0, s.err
	}
	s.seq++
	return s.seq, s.err
}

func (s *records) Raise(_ context.Context, _ string, seen int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = max(s.seq, seen)
	return s.err
}

func device(id string) lock.Device {
	return lock.Device{Scope: "acme", ID: id, Platform: agent.PlatformName}
}

// site is a handler with what is behind it, and one enrolled phone.
type site struct {
	t       testing.TB
	ledger  *ledger
	records *records
	hub     *agent.Hub
	key     agent.Key
	log     *bytes.Buffer
	handler http.Handler
	phone   *phone
}

func newSite(t testing.TB, edits ...func(*agent.Config)) *site {
	key, err := agent.NewKey()
	require.NoError(t, err)
	s := &site{
		t: t, ledger: &ledger{}, key: key, hub: agent.NewHub(nil), log: &bytes.Buffer{},
		records: &records{codes: map[string]*ecdsa.PublicKey{}, devices: map[string]agent.Enrolled{}, jtis: map[string]time.Time{}},
	}
	c := agent.Config{
		Service: s.ledger, Enrollments: s.records, Requests: s.records, Keys: []agent.Key{key}, Hub: s.hub,
		Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(s.log, nil)),
	}
	for _, edit := range edits {
		edit(&c)
	}
	s.handler, err = agent.NewHandler(c)
	require.NoError(t, err)
	s.phone = s.add("dev-1")
	return s
}

// add enrols a phone without asking the handler.
func (s *site) add(id string) *phone {
	p := &phone{id: id, signing: newKey(s.t), agreement: newKey(s.t)}
	d := device(id)
	d.Facts = map[string]lock.Fact{"agreement_key": {Value: jwkText(s.t, &p.agreement.PublicKey)}, "mode": {Value: "device_owner"}}
	s.records.mu.Lock()
	defer s.records.mu.Unlock()
	s.records.devices[id] = agent.Enrolled{Device: d, Key: &p.signing.PublicKey}
	return p
}

func (s *site) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

// phone is a device's two keys.
type phone struct {
	id                 string
	signing, agreement *ecdsa.PrivateKey
}

// claim is the payload of a request.
type claim struct {
	V    int    `json:"v"`
	Dev  string `json:"dev"`
	HTM  string `json:"htm"`
	HTU  string `json:"htu"`
	IAT  string `json:"iat"`
	JTI  string `json:"jti"`
	Hash string `json:"bh"`
}

// claim is what an honest phone signs for a request.
func (p *phone) claim(method, url string, body []byte) claim {
	sum := sha256.Sum256(body)
	return claim{1, p.id, method, url, now.Format(time.RFC3339), newJTI(), base64.RawURLEncoding.EncodeToString(sum[:])}
}

// request is a signed request.
func (p *phone) request(t testing.TB, method, tail string, body any) *http.Request {
	url := "/android/v1/devices/" + p.id + "/" + tail
	var raw []byte
	if body != nil {
		raw = marshal(t, body)
	}
	return send(method, url, raw, sign(t, p.signing, "android-request+jws", p.id, p.claim(method, url, raw)))
}

func send(method, url string, body []byte, authorization string) *http.Request {
	r := httptest.NewRequest(method, url, bytes.NewReader(body))
	if authorization != "" {
		r.Header.Set("Authorization", "Device "+authorization)
	}
	if len(body) > 0 {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// sign makes a JWS; without a kid the key is embedded.
func sign(t testing.TB, key *ecdsa.PrivateKey, typ, kid string, payload any) string {
	o := (&jose.SignerOptions{EmbedJWK: kid == ""}).WithType(jose.ContentType(typ))
	if kid != "" {
		o.WithHeader("kid", kid)
	}
	return signAs(t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, o, payload)
}

func signAs(t testing.TB, key jose.SigningKey, o *jose.SignerOptions, payload any) string {
	s, err := jose.NewSigner(key, o)
	require.NoError(t, err)
	signed, err := s.Sign(marshal(t, payload))
	require.NoError(t, err)
	text, err := signed.CompactSerialize()
	require.NoError(t, err)
	return text
}

// crafted makes a JWS with any header, correctly signed over it.
func crafted(t testing.TB, key *ecdsa.PrivateKey, header string, payload any) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(marshal(t, payload))
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	require.NoError(t, err)
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func marshal(t testing.TB, v any) []byte {
	if raw, ok := v.(json.RawMessage); ok {
		return raw // as it is, also when it is no JSON
	}
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return raw
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func jwkText(t testing.TB, key *ecdsa.PublicKey) string {
	return string(marshal(t, jose.JSONWebKey{Key: key}))
}

func newJTI() string { return string(lock.NewID(now)) }

// problem checks a problem document, and returns its code.
func problem(t testing.TB, w *httptest.ResponseRecorder) string {
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var p struct {
		Type, Title, Detail, Code string
		Status                    int
		ServerTime                string `json:"server_time"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	assert.Equal(t, w.Code, p.Status)
	assert.Equal(t, now.Format(time.RFC3339), p.ServerTime)
	conforms(t, "problem", w.Body.Bytes())
	return p.Code
}

// command opens the one command of a poll's answer, as a phone would.
func (s *site) command(w *httptest.ResponseRecorder) (header jose.Header, payload []byte) {
	require.Equal(s.t, http.StatusOK, w.Code, w.Body)
	conforms(s.t, "commands", w.Body.Bytes())
	var got struct{ Commands []string }
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Len(s.t, got.Commands, 1)
	signed, err := jose.ParseSignedCompact(got.Commands[0], []jose.SignatureAlgorithm{jose.ES256})
	require.NoError(s.t, err)
	payload, err = signed.Verify(s.public())
	require.NoError(s.t, err)
	return signed.Signatures[0].Protected, payload
}

// public is the server's key as a phone learns it: by enrolling.
func (s *site) public() *ecdsa.PublicKey {
	w := s.enrol(&phone{signing: newKey(s.t), agreement: newKey(s.t)}, "code-"+newJTI(), nil)
	require.Equal(s.t, http.StatusOK, w.Code, w.Body)
	var got struct{ Keys []jose.JSONWebKey }
	require.NoError(s.t, json.Unmarshal(w.Body.Bytes(), &got))
	key, ok := got.Keys[0].Key.(*ecdsa.PublicKey)
	require.True(s.t, ok)
	return key
}

// enrol sends an enrolment with a fresh code, or a known one.
func (s *site) enrol(p *phone, code string, edit func(map[string]any)) *httptest.ResponseRecorder {
	s.records.mu.Lock()
	if _, known := s.records.codes[code]; !known && strings.HasPrefix(code, "code-") {
		s.records.codes[code] = nil
	}
	s.records.mu.Unlock()
	m := enrolment(s.t, p, code)
	if edit != nil {
		edit(m)
	}
	return s.do(enrolRequest(sign(s.t, p.signing, "android-enroll+jws", "", m)))
}

func enrolRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/android/v1/enroll", io.NopCloser(strings.NewReader(body)))
	r.Header.Set("Content-Type", "application/jose")
	return r
}

func enrolment(t testing.TB, p *phone, code string) map[string]any {
	return map[string]any{
		"v": 1, "typ": "android.dpc.enroll", "code": code, "iat": now.Format(time.RFC3339),
		"agreement_key": json.RawMessage(jwkText(t, &p.agreement.PublicKey)),
		"serial":        "R58M1234", "name": "Pixel 8", "model": "shiba", "user": "grace", "fcm_token": "fcm:abc", "device": stateBlock(),
	}
}

func stateBlock() map[string]any {
	return map[string]any{
		"api": 34, "mode": "device_owner", "target_sdk": 34, "secure_lock": true, "user_unlocked": false, "managed_profile": false,
		"separate_challenge": false, "secure_lock_feature": true, "token": map[string]any{"id": "t-01", "state": "pending"},
		"policy": map[string]any{
			"quality": 131072, "min_length": 6, "letters": 0, "numeric": 0, "symbols": 0, "upper": 0, "lower": 0, "non_letter": 0, "complexity": 196608,
		},
		"locked_now": true, "agent": "1.0.0", "boot_count": 17,
	}
}
