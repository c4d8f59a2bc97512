package androidtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Request is a request to send by hand, with [Device.Do]. What is left out is as the agent would have it.
type Request struct {
	Method string // GET when empty
	Path   string // with its query; the device's own commands when empty
	Body   []byte
	Type   string // Content-Type; application/json with a body

	As            *Device   // who signs, with whose key; nil: the device itself
	Claim         string    // the device that the signature claims to be of
	SignedMethod  string    // what is signed instead of Method,
	SignedPath    string    // ... Path,
	SignedBody    []byte    // ... and Body
	IssuedAt      time.Time // the agent's clock when zero
	JTI           string    // random when empty
	Authorization string    // sent as it is: that of an earlier Answer is a replay. "none": no header at all
}

// Answer is what a server answered.
type Answer struct {
	Status        int
	Code          string // of a problem document
	Body          []byte
	Header        http.Header
	Authorization string // what the request was sent with
}

// requestToken is the payload of the authorization of a request.
type requestToken struct {
	V        int    `json:"v"`
	Dev      string `json:"dev"`
	Method   string `json:"htm"`
	Path     string `json:"htu"`
	Issued   string `json:"iat"`
	JTI      string `json:"jti"`
	BodyHash string `json:"bh"`
}

// Do sends one request and returns what the server answered, whatever that is. The agent learns nothing from it, and nothing is tried
// again: this is how a test forges, replays, and takes another device's place.
func (d *Device) Do(ctx context.Context, r Request) (Answer, error) {
	signer := d
	if r.As != nil {
		signer = r.As
	}
	signer.mu.Lock()
	key := signer.agent.signing
	signer.mu.Unlock()
	d.mu.Lock()
	e, now := d.agent.enrolment, d.now()
	d.mu.Unlock()
	if e == nil || key == nil {
		return Answer{}, ErrNotEnrolled
	}
	r.Method = cmp.Or(r.Method, http.MethodGet)
	r.Path = cmp.Or(r.Path, commandsPath(e.device, 0))
	if !r.IssuedAt.IsZero() {
		now = r.IssuedAt
	}
	authorization, err := r.authorization(cmp.Or(r.Claim, e.device), key, now)
	if err != nil {
		return Answer{}, err
	}
	return d.do(ctx, e.base, r, authorization)
}

// authorization signs the request, or takes the header that the test gave.
func (r Request) authorization(device string, key *ecdsa.PrivateKey, now time.Time) (string, error) {
	if r.Authorization != "" {
		return r.Authorization, nil
	}
	body := r.Body
	if r.SignedBody != nil {
		body = r.SignedBody
	}
	hash := sha256.Sum256(body)
	jws, err := sign(key, typeRequest, device, false, requestToken{
		V: 1, Dev: device, Method: cmp.Or(r.SignedMethod, r.Method), Path: cmp.Or(r.SignedPath, r.Path),
		Issued: stamp(now), JTI: cmp.Or(r.JTI, newUUID()), BodyHash: base64.RawURLEncoding.EncodeToString(hash[:]),
	})
	return "Device " + jws, err
}

func (d *Device) do(ctx context.Context, base string, r Request, authorization string) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, fmt.Errorf("androidtest: %s: %w", r.Method, err)
	}
	if authorization != "none" {
		req.Header.Set("Authorization", authorization)
	}
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", cmp.Or(r.Type, "application/json"))
	}
	ans, err := d.roundTrip(req)
	ans.Authorization = authorization
	return ans, err
}

func (d *Device) roundTrip(req *http.Request) (Answer, error) {
	resp, err := d.client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return Answer{}, err
	}
	if len(body) > maxBody {
		return Answer{}, fmt.Errorf("androidtest: the answer is longer than %d bytes", maxBody)
	}
	ans := Answer{Status: resp.StatusCode, Body: body, Header: resp.Header}
	if resp.StatusCode >= http.StatusBadRequest {
		var problem struct {
			Code string `json:"code"`
		}
		if json.Unmarshal(body, &problem) == nil {
			ans.Code = problem.Code
		}
	}
	return ans, nil
}

// send is a request of the agent. When the server refuses it for the clock, the agent takes the server's time for its own and tries
// once more.
func (d *Device) send(ctx context.Context, method, path string, body []byte) (Answer, error) {
	for again := true; ; again = false {
		ans, err := d.Do(ctx, Request{Method: method, Path: path, Body: body})
		if err != nil {
			return ans, err
		}
		if ans.Status != http.StatusUnauthorized {
			return ans, nil
		}
		if !again || ans.Code != "clock_skew" || !d.takeTime(ans.Body) {
			return ans, nil
		}
	}
}

func (d *Device) takeTime(body []byte) bool {
	var problem struct {
		ServerTime time.Time `json:"server_time"`
	}
	if json.Unmarshal(body, &problem) != nil || problem.ServerTime.IsZero() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.agent.offset = problem.ServerTime.Sub(d.clock())
	d.heard(problem.ServerTime)
	return true
}

// heard remembers the time that the server told last. An earlier one replaces a later one: a server whose clock was wrong once must not make
// every command expire until then.
func (d *Device) heard(t time.Time) {
	if !t.IsZero() {
		d.agent.serverTime = t
	}
}

func commandsPath(device string, wait time.Duration) string {
	return fmt.Sprintf("/android/v1/devices/%s/commands?wait=%d", device, int(wait/time.Second))
}

func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
