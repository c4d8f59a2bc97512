package agent_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// forgery is a request that must be refused, made from what an honest phone would send.
type forgery struct {
	name   string
	make   func(s *site, c claim) *http.Request
	status int
	code   string
}

const commandsURL = "/android/v1/devices/dev-1/commands?wait=0"

// edited is a request whose claim was changed before the phone signed it.
func edited(edit func(*claim)) func(*site, claim) *http.Request {
	return func(s *site, c claim) *http.Request {
		edit(&c)
		return send("GET", commandsURL, nil, sign(s.t, s.phone.signing, "android-request+jws", "dev-1", c))
	}
}

// headed is a request with a header of the forger's, correctly signed.
func headed(header string) func(*site, claim) *http.Request {
	return func(s *site, c claim) *http.Request {
		return send("GET", commandsURL, nil, crafted(s.t, s.phone.signing, header, c))
	}
}

func forgeries() []forgery { return slices.Concat(forgedClaims(), forgedHeaders(), wrongRequests()) }

// forgedClaims are requests whose claim does not fit, or is not the device's.
func forgedClaims() []forgery {
	body := func(s *site, method, url, typ string, signed, sent []byte) *http.Request {
		return send(method, url, sent, sign(s.t, s.phone.signing, typ, "dev-1", s.phone.claim(method, url, signed)))
	}
	const results = "/android/v1/devices/dev-1/results"
	return []forgery{
		{"no authorization", func(*site, claim) *http.Request { return send("GET", commandsURL, nil, "") }, 401, "bad_signature"},
		{"another scheme", func(s *site, c claim) *http.Request {
			r := send("GET", commandsURL, nil, "")
			r.Header.Set("Authorization", "Bearer "+sign(s.t, s.phone.signing, "android-request+jws", "dev-1", c))
			return r
		}, 401, "bad_signature"},
		{"not a JWS", func(*site, claim) *http.Request { return send("GET", commandsURL, nil, "a.b.c") }, 401, "bad_signature"},
		{"the wrong key", func(s *site, c claim) *http.Request {
			return send("GET", commandsURL, nil, sign(s.t, newKey(s.t), "android-request+jws", "dev-1", c))
		}, 401, "bad_signature"},
		{"another device in this one's name", func(s *site, c claim) *http.Request {
			return send("GET", commandsURL, nil, sign(s.t, s.add("dev-2").signing, "android-request+jws", "dev-1", c))
		}, 401, "bad_signature"},
		{"another device's path", func(s *site, _ claim) *http.Request {
			p, url := s.add("dev-2"), commandsURL
			return send("GET", url, nil, sign(s.t, p.signing, "android-request+jws", "dev-2", p.claim("GET", url, nil)))
		}, 401, "bad_signature"},
		{"another device claimed", edited(func(c *claim) { c.Dev = "dev-2" }), 401, "bad_signature"},
		{"another method", edited(func(c *claim) { c.HTM = "POST" }), 401, "bad_signature"},
		{"another path", edited(func(c *claim) { c.HTU = "/android/v1/devices/dev-1/state" }), 401, "bad_signature"},
		{"another query", edited(func(c *claim) { c.HTU = strings.Replace(c.HTU, "=0", "=50", 1) }), 401, "bad_signature"},
		{"no query", edited(func(c *claim) { c.HTU, _, _ = strings.Cut(c.HTU, "?") }), 401, "bad_signature"},
		{"another body", func(s *site, _ claim) *http.Request {
			return body(s, "POST", results, "android-request+jws", []byte(`{"v":1}`), []byte(`{"v":1,"results":[]}`))
		}, 401, "bad_signature"},
		{"an old time", edited(func(c *claim) { c.IAT = now.Add(-5*time.Minute - time.Second).Format(time.RFC3339) }), 401, "clock_skew"},
		{"a future time", edited(func(c *claim) { c.IAT = now.Add(5*time.Minute + time.Second).Format(time.RFC3339) }), 401, "clock_skew"},
		{"no time", edited(func(c *claim) { c.IAT = "" }), 401, "bad_signature"},
		{"a number for a time", edited(func(c *claim) { c.IAT = "1795276800" }), 401, "bad_signature"},
		{"no jti", edited(func(c *claim) { c.JTI = "" }), 401, "bad_signature"},
		{"a jti with other characters", edited(func(c *claim) { c.JTI = strings.Repeat("/", 20) }), 401, "bad_signature"},
		{"another version", edited(func(c *claim) { c.V = 2 }), 401, "bad_signature"},
		{"a JWS of another type", func(s *site, _ claim) *http.Request {
			return body(s, "GET", commandsURL, "android-result+jws", nil, nil)
		}, 401, "bad_signature"},
	}
}

// forgedHeaders are requests whose header is not the contract's.
func forgedHeaders() []forgery {
	return []forgery{
		{"alg none", func(s *site, c claim) *http.Request {
			t := crafted(s.t, s.phone.signing, `{"alg":"none","typ":"android-request+jws","kid":"dev-1"}`, c)
			return send("GET", commandsURL, nil, t[:strings.LastIndex(t, ".")+1])
		}, 401, "bad_signature"},
		{"HS256 with the public key", func(s *site, c claim) *http.Request {
			key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(jwkText(s.t, &s.phone.signing.PublicKey))}
			o := (&jose.SignerOptions{}).WithType("android-request+jws").WithHeader("kid", "dev-1")
			return send("GET", commandsURL, nil, signAs(s.t, key, o, c))
		}, 401, "bad_signature"},
		{"an embedded key", func(s *site, c claim) *http.Request {
			return send("GET", commandsURL, nil, sign(s.t, newKey(s.t), "android-request+jws", "", c))
		}, 401, "bad_signature"},
		{"a key beside the kid", func(s *site, c claim) *http.Request {
			k := newKey(s.t)
			h := `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","jwk":` + jwkText(s.t, &k.PublicKey) + `}`
			return send("GET", commandsURL, nil, crafted(s.t, k, h, c))
		}, 401, "bad_signature"},
		{"the kid of another", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-2"}`), 401, "bad_signature"},
		{"no kid", headed(`{"alg":"ES256","typ":"android-request+jws"}`), 401, "bad_signature"},
		{"crit", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","crit":["exp"],"exp":1}`), 401, "bad_signature"},
		{"b64", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","b64":false,"crit":["b64"]}`), 401, "bad_signature"},
		{"zip", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","zip":"DEF"}`), 401, "bad_signature"},
		{"jku", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","jku":"https://evil.example"}`), 401, "bad_signature"},
		{"x5c", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-1","x5c":["AA"]}`), 401, "bad_signature"},
		{"a name twice in the header", headed(`{"alg":"ES256","typ":"android-request+jws","kid":"dev-2","kid":"dev-1"}`), 401, "bad_signature"},
		{"a name in capitals in the header", headed(`{"alg":"ES256","typ":"android-request+jws","KID":"dev-1"}`), 401, "bad_signature"},
		{"a name twice in the claim", func(s *site, c claim) *http.Request {
			raw := json.RawMessage(strings.Replace(string(marshal(s.t, c)), "{", `{"dev":"dev-2",`, 1))
			return send("GET", commandsURL, nil, crafted(s.t, s.phone.signing, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"}`, raw))
		}, 401, "bad_signature"},
		{"an unknown name in the claim", func(s *site, c claim) *http.Request {
			raw := json.RawMessage(strings.Replace(string(marshal(s.t, c)), "{", `{"sub":"x",`, 1))
			return send("GET", commandsURL, nil, crafted(s.t, s.phone.signing, `{"alg":"ES256","typ":"android-request+jws","kid":"dev-1"}`, raw))
		}, 401, "bad_signature"},
	}
}

// wrongRequests are requests that are wrong in another way.
func wrongRequests() []forgery {
	return []forgery{
		{"a JWS of more than 16 KiB", edited(func(c *claim) { c.HTU += strings.Repeat("x", 16<<10) }), 401, "bad_signature"},
		{"a device that is not enrolled", func(s *site, _ claim) *http.Request {
			p := &phone{id: "dev-9", signing: newKey(s.t)}
			return p.request(s.t, "GET", "commands?wait=0", nil)
		}, 401, "not_enrolled"},
		{"the wrong method", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "POST", "commands", nil) }, 405, "method"},
		{"HEAD", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "HEAD", "commands", nil) }, 405, "method"},
		{"nowhere", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "GET", "keys", nil) }, 404, "not_found"},
		{"no content type", func(s *site, _ claim) *http.Request {
			r := s.phone.request(s.t, "POST", "results", map[string]any{"v": 1})
			r.Header.Del("Content-Type")
			return r
		}, 415, "content_type"},
		{"a body that is too large", func(s *site, _ claim) *http.Request {
			return s.phone.request(s.t, "POST", "state", strings.Repeat("x", 64<<10))
		}, 413, "too_large"},
		{"a wait that is too long", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "GET", "commands?wait=61", nil) }, 400, "malformed"},
		{"a wait below zero", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "GET", "commands?wait=-1", nil) }, 400, "malformed"},
		{"a wait that is no number", func(s *site, _ claim) *http.Request { return s.phone.request(s.t, "GET", "commands?wait=1s", nil) }, 400, "malformed"},
	}
}

func TestForgedRequestIsRefused(t *testing.T) {
	for _, f := range forgeries() {
		t.Run(f.name, func(t *testing.T) {
			s := newSite(t)
			s.ledger.add(lock.Command{ID: "0193506e-3c2a-7a31-9d0c-1f0f6c5d2a10", Body: []byte(`{}`)})
			r := f.make(s, s.phone.claim("GET", commandsURL, nil))
			w := s.do(r)
			assert.Equal(t, f.status, w.Code)
			if r.Method != http.MethodHead {
				assert.Equal(t, f.code, problem(t, w))
			}
			assert.Len(t, s.ledger.commands, 1, "nothing was delivered")
			assert.Empty(t, s.ledger.reports)
			assert.Empty(t, s.records.jtis, "nobody else uses up a device's request IDs")
			if jws := strings.TrimPrefix(r.Header.Get("Authorization"), "Device "); len(jws) > 8 {
				assert.NotContains(t, s.log.String()+w.Body.String(), jws)
			}
		})
	}
}

func TestRequestIsTakenOnce(t *testing.T) {
	s := newSite(t)
	token := sign(t, s.phone.signing, "android-request+jws", "dev-1", s.phone.claim("GET", commandsURL, nil))
	require.Equal(t, http.StatusNoContent, s.do(send("GET", commandsURL, nil, token)).Code)
	w := s.do(send("GET", commandsURL, nil, token))
	assert.Equal(t, http.StatusUnauthorized, w.Code)
	assert.Equal(t, "replayed", problem(t, w))
	for _, until := range s.records.jtis {
		assert.True(t, until.After(now.Add(5*time.Minute)), "remembered for as long as it would be accepted")
	}
}

func TestRequestAtTheEdgeOfTheClockIsTaken(t *testing.T) {
	for name, off := range map[string]time.Duration{"behind": -5 * time.Minute, "ahead": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			r := edited(func(c *claim) { c.IAT = now.Add(off).Format(time.RFC3339) })(s, s.phone.claim("GET", commandsURL, nil))
			w := s.do(r)
			assert.Equal(t, http.StatusNoContent, w.Code)
			assert.Equal(t, now.Format(time.RFC3339), w.Header().Get("Latchkey-Time"))
		})
	}
}

func TestRequestWhoseRecordFailsIsRepeated(t *testing.T) {
	s := newSite(t)
	s.records.err = errStore
	w := s.do(s.phone.request(t, "GET", "commands", nil))
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "unavailable", problem(t, w))
	assert.Equal(t, "30", w.Header().Get("Retry-After"))
}

func TestClaimConformsToItsSchema(t *testing.T) {
	p := &phone{id: "dev-1"}
	conforms(t, "request", marshal(t, p.claim("GET", commandsURL, nil)))
}
