package pin_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-mdm/latchkey/pin"
)

const (
	maxAnswer = 4 << 10 // bytes of a wrapped data key, and of any other answer
	maxCached = 1000    // data keys
)

// RemoteSealer seals under a master key that never leaves its service. A data key seals the PIN here, as a Keyring does; the
// master key wraps the data key there; the box holds both. The service never sees a PIN. To change the master key, make a
// RemoteSealer for each, and choose by Box.KeyID.
type RemoteSealer struct {
	URL   string       // of the service
	KeyID string       // of the master key: the key ID of every box
	HTTP  *http.Client // with a timeout, and the credentials that the service asks for

	// CacheFor is how long a data key is used before the service is asked again: so long after the last answer an outage does not
	// matter, nor does it that the service has been told to refuse. Data keys that are older are dropped when the service gives out
	// another one, and stay in memory until then.
	CacheFor time.Duration
	Now      func() time.Time

	mu      sync.Mutex
	sealing string             // the wrapped data key that seals at present
	cache   map[string]dataKey // by wrapped data key
}

type dataKey struct {
	ring  *pin.Keyring
	until time.Time
}

// Seal seals with the data key of the moment. A new one is unwrapped before it is used: what cannot be unwrapped seals nothing.
func (s *RemoteSealer) Seal(ctx context.Context, p pin.PIN, b pin.Binding) (pin.Box, error) {
	s.mu.Lock()
	wrapped := s.sealing
	fresh := s.Now().Before(s.cache[wrapped].until)
	s.mu.Unlock()
	if !fresh {
		secret := make([]byte, 32)
		_, _ = rand.Read(secret) // never fails
		answer, err := s.ask(ctx, "wrap", secret)
		if err != nil {
			return nil, err
		}
		wrapped = string(answer)
	}
	ring, err := s.unwrap(ctx, wrapped)
	if err != nil {
		return nil, err
	}
	inner, err := ring.Seal(ctx, p, b)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.sealing = wrapped
	s.mu.Unlock()
	payload := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped)))
	return pin.NewBox(s.KeyID, append(append(payload, wrapped...), inner...))
}

// Open tells three things apart: the box is damaged or not this one (pin.ErrOpen), the master key is not there
// (*pin.MissingKeyError), or the service does not answer (any other error; try again later).
func (s *RemoteSealer) Open(ctx context.Context, box pin.Box, b pin.Binding) (pin.PIN, error) {
	payload := box.Payload()
	if len(payload) < 2 || len(payload)-2 < int(binary.BigEndian.Uint16(payload)) {
		return pin.PIN{}, pin.ErrOpen
	}
	if box.KeyID() != s.KeyID {
		return pin.PIN{}, &pin.MissingKeyError{KeyID: box.KeyID()}
	}
	n := 2 + int(binary.BigEndian.Uint16(payload))
	ring, err := s.unwrap(ctx, string(payload[2:n]))
	if err != nil {
		return pin.PIN{}, err
	}
	p, err := ring.Open(ctx, pin.Box(payload[n:]), b)
	if err != nil {
		return pin.PIN{}, pin.ErrOpen // also where the inner box names another key than its own
	}
	return p, nil
}

// unwrap returns a data key from the cache, or from the service.
func (s *RemoteSealer) unwrap(ctx context.Context, wrapped string) (*pin.Keyring, error) {
	now := s.Now()
	s.mu.Lock()
	cached := s.cache[wrapped]
	s.mu.Unlock()
	if now.Before(cached.until) {
		return cached.ring, nil
	}
	answer, err := s.ask(ctx, "unwrap", []byte(wrapped))
	if err != nil {
		return nil, err
	}
	secret, _ := pin.Bytes(answer) // what is no key is refused next
	ring, err := pin.NewKeyring(pin.Key{ID: "data", Secret: secret})
	if err != nil {
		return nil, fmt.Errorf("key service: unwrap: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.cache, func(_ string, k dataKey) bool { return !now.Before(k.until) })
	if n := len(s.cache); n == 0 || n >= maxCached {
		s.cache = make(map[string]dataKey)
	}
	s.cache[wrapped] = dataKey{ring, now.Add(s.CacheFor)}
	return ring, nil
}

// ask sends one request, with a body of bytes either way.
func (s *RemoteSealer) ask(ctx context.Context, verb string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/"+s.KeyID+"/"+verb, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("key service: %s: %w", verb, err)
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("key service: %s: %w", verb, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, &pin.MissingKeyError{KeyID: s.KeyID}
	case resp.StatusCode == http.StatusUnprocessableEntity:
		return nil, pin.ErrOpen // the master key did not make this wrapped data key
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("key service: %s: %s", verb, resp.Status)
	case err != nil:
		return nil, fmt.Errorf("key service: %s: %w", verb, err)
	case len(answer) == 0 || len(answer) > maxAnswer:
		return nil, fmt.Errorf("key service: %s: an answer must have 1 to %d bytes", verb, maxAnswer)
	}
	return answer, nil
}

// A sealer of one's own: the master key stays in a key management service, which may be away for a while.
func Example_keyManagementService() {
	service := startKeyService("master-1")
	defer service.Close()
	clock := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	var sealer pin.Sealer = &RemoteSealer{
		URL: service.URL, KeyID: "master-1", HTTP: service.Client(),
		CacheFor: 10 * time.Minute, Now: func() time.Time { return clock },
	}
	ctx, binding := context.Background(), pin.Binding{Scope: "acme", Platform: "apple", Action: "4711"}
	code, err := pin.SixDigits().Generate()
	if err != nil {
		fmt.Println(err)
		return
	}

	box, err := sealer.Seal(ctx, code, binding)
	fmt.Println("sealed by", box.KeyID(), err)

	service.down.Store(true)
	clock = clock.Add(9 * time.Minute)
	opened, err := sealer.Open(ctx, box, binding)
	fmt.Println("9 minutes into an outage:", opened.Equal(code), err)

	clock = clock.Add(2 * time.Minute)
	_, err = sealer.Open(ctx, box, binding)
	fmt.Println("11 minutes into it:", err, errors.Is(err, pin.ErrOpen))

	service.down.Store(false)
	opened, err = sealer.Open(ctx, box, binding)
	fmt.Println("after it:", opened.Equal(code), err)
	// Output:
	// sealed by master-1 <nil>
	// 9 minutes into an outage: true <nil>
	// 11 minutes into it: key service: unwrap: 503 Service Unavailable false
	// after it: true <nil>
}

// keyService is a local stand-in. Its master key never leaves it.
type keyService struct {
	*httptest.Server
	down   atomic.Bool
	asked  atomic.Int64
	master cipher.AEAD
}

func startKeyService(keyID string) *keyService {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, _ := aes.NewCipher(key)
	master, _ := cipher.NewGCMWithRandomNonce(block)
	s := &keyService{master: master}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+keyID+"/wrap", s.answer(func(body []byte) ([]byte, error) { return master.Seal(nil, nil, body, nil), nil }))
	mux.HandleFunc("POST /"+keyID+"/unwrap", s.answer(func(body []byte) ([]byte, error) { return master.Open(nil, nil, body, nil) }))
	s.Server = httptest.NewTLSServer(mux)
	return s
}

func (s *keyService) answer(work func([]byte) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxAnswer))
		if err != nil || s.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		out, err := work(body)
		if err != nil {
			w.WriteHeader(http.StatusUnprocessableEntity)
			return
		}
		_, _ = w.Write(out)
	}
}
