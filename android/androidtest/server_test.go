package androidtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// server is the least that an agent needs: it takes everything, and sends what a test queued.
type server struct {
	t       testing.TB
	http    *httptest.Server
	key     *ecdsa.PrivateKey
	forges  bool          // signs with a key that no device knows
	waiting chan struct{} // one for each long poll
	deaf    bool          // takes results and acknowledges none
	hates   string        // the code of results that it refuses with all that came with them
	clock   string
	device  string // the ID that it gives

	mu        sync.Mutex
	agreement jose.JSONWebKey
	commands  []string
	results   []map[string]any
	states    int
	numbers   int
}

func newServer(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, waiting: make(chan struct{}, 100), clock: "2026-11-21T16:00:00Z", device: "dev-1"}
	s.key = newKey(t)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /android/v1/enroll", s.enrol)
	mux.HandleFunc("GET /android/v1/devices/{dev}/commands", s.poll)
	mux.HandleFunc("POST /android/v1/devices/{dev}/results", s.result)
	mux.HandleFunc("POST /android/v1/devices/{dev}/state", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.states++
		w.WriteHeader(http.StatusNoContent)
	})
	s.http = httptest.NewServer(mux)
	t.Cleanup(s.http.Close)
	return s
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func (s *server) enrol(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	signed, err := jose.ParseSignedCompact(string(body), []jose.SignatureAlgorithm{jose.ES256})
	if !assert.NoError(s.t, err) {
		return
	}
	payload, err := signed.Verify(signed.Signatures[0].Protected.JSONWebKey.Key)
	assert.NoError(s.t, err, "the request is signed by the key in its header")
	var m struct {
		AgreementKey jose.JSONWebKey `json:"agreement_key"`
	}
	assert.NoError(s.t, json.Unmarshal(payload, &m))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agreement = m.AgreementKey
	_ = json.NewEncoder(w).Encode(map[string]any{
		"v": 1, "dev": s.device, "server_time": "2026-11-21T16:00:00Z", "keys": []jose.JSONWebKey{{Key: s.key.Public(), KeyID: "k1"}},
	})
}

func (s *server) poll(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Get("wait") != "0" {
		s.waiting <- struct{}{}
		<-r.Context().Done()
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Latchkey-Time", s.clock)
	if len(s.commands) == 0 {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"v": 1, "commands": s.commands, "server_time": s.clock})
	s.commands = nil
}

func (s *server) result(w http.ResponseWriter, r *http.Request) {
	var m struct {
		Results []string `json:"results"`
	}
	assert.NoError(s.t, json.NewDecoder(r.Body).Decode(&m))
	s.mu.Lock()
	defer s.mu.Unlock()
	acked := []any{}
	for _, jws := range m.Results {
		signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256})
		if !assert.NoError(s.t, err) {
			return
		}
		var payload map[string]any
		assert.NoError(s.t, json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &payload))
		if payload["code"] == s.hates {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.results = append(s.results, payload)
		if !s.deaf {
			acked = append(acked, payload["id"])
		}
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"v": 1, "acked": acked})
}

// command is a command that the device would take.
func (s *server) command(name string, args map[string]any) map[string]any {
	s.numbers++
	return map[string]any{
		"v": 1, "typ": "android.dpc.command", "id": fmt.Sprintf("0193506e-3c2a-7a31-9d0c-%012d", s.numbers), "dev": "dev-1", "user": 0,
		"seq": s.numbers, "iat": "2026-11-21T16:00:00Z", "exp": "2126-11-21T16:00:00Z", "cmd": name, "args": args,
	}
}

// queue signs a command for the next poll.
func (s *server) queue(command map[string]any) {
	s.t.Helper()
	key := s.key
	if s.forges {
		key = newKey(s.t)
	}
	options := (&jose.SignerOptions{}).WithType("android-cmd+jws").WithHeader("kid", "k1")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	require.NoError(s.t, err)
	payload, err := json.Marshal(command)
	require.NoError(s.t, err)
	signed, err := signer.Sign(payload)
	require.NoError(s.t, err)
	jws, err := signed.CompactSerialize()
	require.NoError(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commands = append(s.commands, jws)
}

// secret encrypts to the device.
func (s *server) secret(t testing.TB, text string) string {
	t.Helper()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: s.agreement.Key}, nil)
	require.NoError(t, err)
	sealed, err := encrypter.Encrypt([]byte(text))
	require.NoError(t, err)
	jwe, err := sealed.CompactSerialize()
	require.NoError(t, err)
	require.NotContains(t, strings.ToLower(jwe), "73915280")
	return jwe
}

// codes are those of all results, in the order in which they came.
func (s *server) codes() []any {
	var codes []any
	for _, r := range s.results {
		codes = append(codes, r["code"])
	}
	return codes
}
