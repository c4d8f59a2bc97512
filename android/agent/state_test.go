package agent_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/agent"
	"github.com/latchkey-mdm/latchkey/lock"
)

// failingState cannot keep a state.
type failingState struct{ agent.Enrollments }

func (failingState) State(context.Context, lock.Device, agent.State) error { return errStore }

func stateReport() map[string]any {
	return map[string]any{
		"v": 1, "typ": "android.dpc.state", "dev": "dev-1", "iat": "2026-11-21T15:59:00Z", "fcm_token": "fcm:new", "device": stateBlock(),
	}
}

func (s *site) state(payload any) *httptest.ResponseRecorder {
	text, is := payload.(string)
	if !is {
		text = sign(s.t, s.phone.signing, "android-state+jws", "dev-1", payload)
	}
	body := map[string]any{"v": 1, "state": text}
	conforms(s.t, "state", marshal(s.t, body))
	return s.do(s.phone.request(s.t, "POST", "state", body))
}

func TestStateIsKept(t *testing.T) {
	s := newSite(t)
	conforms(t, "state-report", marshal(t, stateReport()))
	assert.Equal(t, http.StatusNoContent, s.state(stateReport()).Code)
	require.Len(t, s.records.states, 1)
	st := s.records.states[0]
	assert.Equal(t, "fcm:new", st.FCMToken)
	assert.Equal(t, now, st.At, "whatever the device's clock shows")
	assert.Equal(t, &s.phone.signing.PublicKey, st.Key)
	assert.Len(t, st.Facts, 22)
	assert.NotContains(t, st.Facts, "agreement_key")
}

func TestUnknownInAStateIsNoFact(t *testing.T) {
	s := newSite(t)
	r := stateReport()
	r["device"] = map[string]any{"api": 34, "secure_lock": nil, "token": nil, "policy": map[string]any{}}
	assert.Equal(t, http.StatusNoContent, s.state(r).Code)
	assert.Equal(t, map[string]string{"api_level": "34"}, s.records.states[0].Facts)
}

func TestStateIsRefused(t *testing.T) {
	with := func(name string, value any) func(*site) any {
		return func(*site) any {
			r := stateReport()
			r[name] = value
			return r
		}
	}
	for _, c := range []struct {
		name   string
		make   func(*site) any
		status int
		code   string
	}{
		{"another device", with("dev", "dev-2"), 400, "malformed"},
		{"another version", with("v", 2), 400, "malformed"},
		{"another type", with("typ", "android.dpc.result"), 400, "malformed"},
		{"an old time", with("iat", "2026-11-21T15:54:59Z"), 401, "clock_skew"},
		{"a future time", with("iat", "2026-11-21T16:05:01Z"), 401, "clock_skew"},
		{"an agreement key", with("agreement_key", map[string]any{}), 400, "malformed"},
		{"an agreement key in the block", with("device", map[string]any{"agreement_key": "x"}), 400, "malformed"},
		{"a number below zero", with("device", map[string]any{"api": -1}), 400, "malformed"},
		{"a fraction", with("device", map[string]any{"api": 34.5}), 400, "malformed"},
		{"a number that is too large", with("device", map[string]any{"boot_count": 1 << 31}), 400, "malformed"},
		{"an unknown token state", with("device", map[string]any{"token": map[string]any{"state": "lost"}}), 400, "malformed"},
		{"a text with a control character", with("device", map[string]any{"agent": "1\u0000"}), 400, "malformed"},
		{"an unknown policy", with("device", map[string]any{"policy": map[string]any{"history": 3}}), 400, "malformed"},
		{"a policy of the wrong type", with("device", map[string]any{"policy": 3}), 400, "malformed"},
		{"a token with a blank", with("fcm_token", "a b"), 400, "malformed"},
		{"another key", func(s *site) any {
			return sign(s.t, newKey(s.t), "android-state+jws", "dev-1", stateReport())
		}, 400, "malformed"},
		{"a JWS of another type", func(s *site) any {
			return sign(s.t, s.phone.signing, "android-result+jws", "dev-1", stateReport())
		}, 400, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			w := s.state(c.make(s))
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.code, problem(t, w))
			assert.Empty(t, s.records.states)
		})
	}
	t.Run("another version of the body", func(t *testing.T) {
		s := newSite(t)
		w := s.do(s.phone.request(t, "POST", "state", json.RawMessage(`{"v":3,"state":"a.b.c"}`)))
		assert.Equal(t, http.StatusBadRequest, w.Code)
	})
}

func TestStateThatIsNotDurableIsRepeated(t *testing.T) {
	s := newSite(t, func(c *agent.Config) { c.Enrollments = failingState{c.Enrollments} })
	w := s.state(stateReport())
	assert.Equal(t, http.StatusServiceUnavailable, w.Code)
	assert.Equal(t, "unavailable", problem(t, w))
}
