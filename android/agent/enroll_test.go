package agent_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestEnrolmentBindsTheKeys(t *testing.T) {
	s := newSite(t)
	p := &phone{signing: newKey(t), agreement: newKey(t)}
	conforms(t, "enroll", marshal(t, enrolment(t, p, "code-1")))
	w := s.enrol(p, "code-1", func(m map[string]any) { m["iat"] = now.Add(-time.Minute).Format(time.RFC3339) })
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	conforms(t, "enrolled", w.Body.Bytes())
	var got struct {
		Dev  string
		Keys []jose.JSONWebKey
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	assert.Equal(t, "dev-R58M1234", got.Dev)
	assert.Equal(t, s.key.ID(), got.Keys[0].KeyID)
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))

	e := s.records.last
	assert.True(t, e.SigningKey.Equal(&p.signing.PublicKey))
	assert.JSONEq(t, jwkText(t, &p.agreement.PublicKey), e.AgreementKey)
	assert.Equal(t, []string{"R58M1234", "Pixel 8", "shiba", "grace", "fcm:abc"}, []string{e.Serial, e.Name, e.Model, e.User, e.FCMToken})
	assert.Equal(t, agent.State{FCMToken: "fcm:abc", At: now, Key: &p.signing.PublicKey, Facts: map[string]string{
		"api_level": "34", "mode": "device_owner", "target_sdk": "34", "secure_lock": "true", "user_unlocked": "false", "managed_profile": "false",
		"separate_challenge": "false", "secure_lock_feature": "true", "token_id": "t-01", "token_state": "pending", "quality": "131072",
		"min_length": "6", "min_letters": "0", "min_numeric": "0", "min_symbols": "0", "min_upper": "0", "min_lower": "0", "min_non_letter": "0",
		"complexity": "196608", "locked_now": "true", "agent_version": "1.0.0", "boot_count": "17",
	}}, e.State)
	assert.Equal(t, []lock.Evidence{lock.EvidenceReenrolled}, s.ledger.seen, "the ledger hears of every enrolment")
}

func TestEnrolmentWhoseAnswerWasLostIsAnsweredAgain(t *testing.T) {
	s := newSite(t)
	p := &phone{signing: newKey(t), agreement: newKey(t)}
	first, again := s.enrol(p, "code-1", nil), s.enrol(p, "code-1", nil)
	require.Equal(t, http.StatusOK, again.Code)
	assert.Equal(t, first.Body.String(), again.Body.String())
	assert.Len(t, s.ledger.seen, 2, "a crash between binding and telling the ledger is made good")
}

func TestEnrolmentThatTheLedgerWasToldOfIsNotAnnounced(t *testing.T) {
	s := newSite(t)
	s.records.settled = true
	require.Equal(t, http.StatusOK, s.enrol(&phone{signing: newKey(t), agreement: newKey(t)}, "code-1", nil).Code)
	assert.Empty(t, s.ledger.seen)
}

func TestEnrolmentCodeIsRefused(t *testing.T) {
	s := newSite(t)
	require.Equal(t, http.StatusOK, s.enrol(&phone{signing: newKey(t), agreement: newKey(t)}, "code-1", nil).Code)
	for name, code := range map[string]string{"used by another key": "code-1", "unknown": "never-given-out"} {
		t.Run(name, func(t *testing.T) {
			w := s.enrol(&phone{signing: newKey(t), agreement: newKey(t)}, code, nil)
			assert.Equal(t, http.StatusForbidden, w.Code)
			assert.Equal(t, "bad_code", problem(t, w))
			assert.NotContains(t, w.Body.String()+s.log.String(), code)
		})
	}
}

func TestEnrolmentIsRefused(t *testing.T) {
	p := &phone{signing: newKey(t), agreement: newKey(t)}
	set := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) { m[name] = value }
	}
	good := jwkText(t, &p.agreement.PublicKey)
	offCurve := strings.Replace(good, `"y":"`, `"y":"AAAA`, 1)
	for _, c := range []struct {
		name   string
		edit   func(map[string]any)
		status int
		code   string
	}{
		{"another version", set("v", 2), 400, "malformed"},
		{"another type", set("typ", "android.dpc.state"), 400, "malformed"},
		{"no code", set("code", ""), 400, "malformed"},
		{"a code with a blank", set("code", "code-1 "), 400, "malformed"},
		{"a long code", set("code", strings.Repeat("c", 129)), 400, "malformed"},
		{"an unknown name", set("imei", "1"), 400, "malformed"},
		{"a name in other letters", set("Code", "code-2"), 400, "malformed"},
		{"a wrong type", set("serial", 7), 400, "malformed"},
		{"no time", set("iat", ""), 401, "bad_signature"},
		{"an old time", set("iat", now.Add(-6*time.Minute).Format(time.RFC3339)), 401, "clock_skew"},
		{"a future time", set("iat", now.Add(6*time.Minute).Format(time.RFC3339)), 401, "clock_skew"},
		{"no agreement key", set("agreement_key", nil), 400, "malformed"},
		{"an agreement key on no curve", set("agreement_key", json.RawMessage(offCurve)), 400, "malformed"},
		{"an agreement key on another point", set("agreement_key", json.RawMessage(swapXY(t, good))), 400, "malformed"},
		{"a private agreement key", set("agreement_key", json.RawMessage(strings.Replace(good, `{`, `{"d":"AAAA",`, 1))), 400, "malformed"},
		{"one key for both purposes", set("agreement_key", json.RawMessage(jwkText(t, &p.signing.PublicKey))), 400, "malformed"},
		{"a token with a line break", set("fcm_token", "a\nb"), 400, "malformed"},
		{"no state", set("device", nil), 400, "malformed"},
		{"a state of the wrong type", set("device", []int{1}), 400, "malformed"},
		{"an agreement key in the state", set("device", map[string]any{"agreement_key": good}), 400, "malformed"},
		{"a state of an unknown mode", set("device", map[string]any{"mode": "root"}), 400, "malformed"},
		{"a state with a text for a number", set("device", map[string]any{"api": "34"}), 400, "malformed"},
		{"a deep state", set("device", json.RawMessage(strings.Repeat("[", 9)+strings.Repeat("]", 9))), 400, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			w := s.enrol(p, "code-1", c.edit)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.code, problem(t, w))
			assert.Nil(t, s.records.last.SigningKey, "nothing is bound")
		})
	}
}

func swapXY(t *testing.T, text string) string {
	var k map[string]string
	require.NoError(t, json.Unmarshal([]byte(text), &k))
	k["x"], k["y"] = k["y"], k["x"]
	return string(marshal(t, k))
}

func TestEnrolmentMustBeSignedByTheKeyThatItBinds(t *testing.T) {
	p, other := &phone{signing: newKey(t), agreement: newKey(t)}, newKey(t)
	m := enrolment(t, p, "code-1")
	public := jwkText(t, &p.signing.PublicKey)
	header := func(s string) string { return `{"alg":"ES256","typ":"android-enroll+jws",` + s + `}` }
	for name, body := range map[string]string{
		"another signer":         crafted(t, other, header(`"jwk":`+public), m),
		"a private key embedded": crafted(t, p.signing, header(`"jwk":`+strings.Replace(public, "{", `{"d":"AA",`, 1)), m),
		"no key":                 crafted(t, p.signing, `{"alg":"ES256","typ":"android-enroll+jws"}`, m),
		"a kid beside the key":   crafted(t, p.signing, header(`"kid":"dev-1","jwk":`+public), m),
		"another type":           sign(t, p.signing, "android-state+jws", "", m),
		"two names":              crafted(t, p.signing, header(`"alg":"none","jwk":`+public), m),
		"not a JWS":              "hello",
		"nothing":                "",
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.records.codes["code-1"] = nil
			w := s.do(enrolRequest(body))
			assert.Equal(t, http.StatusBadRequest, w.Code)
			assert.Equal(t, "malformed", problem(t, w))
			assert.Nil(t, s.records.last.SigningKey)
		})
	}
}

func TestEnrolmentThatIsNotDurableIsRepeated(t *testing.T) {
	for name, fail := range map[string]func(*site){
		"the device records": func(s *site) { s.records.err = errStore },
		"the ledger":         func(s *site) { s.ledger.err = errStore },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			fail(s)
			w := s.enrol(&phone{signing: newKey(t), agreement: newKey(t)}, "code-1", nil)
			assert.Equal(t, http.StatusServiceUnavailable, w.Code)
			assert.Equal(t, "unavailable", problem(t, w))
			assert.Equal(t, "30", w.Header().Get("Retry-After"))
		})
	}
}

// hangsUp ends the request while the device is bound.
type hangsUp struct {
	agent.Enrollments

	cancel func()
}

func (h hangsUp) Enroll(ctx context.Context, e agent.Enrollment) (lock.Device, bool, error) {
	h.cancel()
	return h.Enrollments.Enroll(ctx, e)
}

func TestWhoHangsUpDoesNotEscapeWhatFollowsFromAnEnrolment(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := newSite(t, func(c *agent.Config) { c.Enrollments = hangsUp{c.Enrollments, cancel} })
	s.records.codes["code-1"] = nil
	p := &phone{signing: newKey(t), agreement: newKey(t)}
	s.do(enrolRequest(sign(t, p.signing, "android-enroll+jws", "", enrolment(t, p, "code-1"))).WithContext(ctx))
	assert.Equal(t, []lock.Evidence{lock.EvidenceReenrolled}, s.ledger.seen)
}
