package agent_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/store"
)

func TestForgedReplayedAndCrossDeviceRequestsAreRefused(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h, other := w.handset(androidtest.Config{Serial: "R5C1"}), w.handset(androidtest.Config{Serial: "R5C2"})
	reset := h.must(lock.KindProvisionToken)
	first := h.do(androidtest.Request{Path: h.path("commands?wait=0"), SignedPath: h.path("commands?wait=1")})
	require.Equal(t, http.StatusUnauthorized, first.Status)
	good := h.do(androidtest.Request{Method: http.MethodGet, Path: h.path("commands?wait=0"), As: h.Device})
	require.Equal(t, http.StatusOK, good.Status)

	results, err := json.Marshal(map[string]any{"v": 1, "results": []string{"x.y.z"}})
	require.NoError(t, err)
	for _, c := range []struct {
		name string
		by   *handset
		r    androidtest.Request
		code string
	}{
		{"no authorization", h, androidtest.Request{Authorization: "none"}, "bad_signature"},
		{"not a JWS", h, androidtest.Request{Authorization: "Device a.b.c"}, "bad_signature"},
		{"replayed", h, androidtest.Request{Path: h.path("commands?wait=0"), Authorization: good.Authorization}, "replayed"},
		{"another device's key", h, androidtest.Request{As: other.Device}, "bad_signature"},
		{"another device's path", other, androidtest.Request{Path: h.path("commands?wait=0")}, "bad_signature"},
		{"another device's path, claimed", other, androidtest.Request{Path: h.path("commands?wait=0"), Claim: h.ID()}, "bad_signature"},
		{"another method", h, androidtest.Request{SignedMethod: http.MethodPost}, "bad_signature"},
		{"another path", h, androidtest.Request{Path: h.path("results"), SignedPath: h.path("state"), Method: http.MethodPost, Body: results}, "bad_signature"},
		{"another body", h, androidtest.Request{Path: h.path("results"), Method: http.MethodPost, Body: results, SignedBody: []byte("{}")}, "bad_signature"},
		{"six minutes old", h, androidtest.Request{IssuedAt: w.clock.Now().Add(-6 * time.Minute)}, "clock_skew"},
		{"six minutes ahead", h, androidtest.Request{IssuedAt: w.clock.Now().Add(6 * time.Minute)}, "clock_skew"},
		{"a device that nobody enrolled", h, androidtest.Request{Path: "/android/v1/devices/dev-9/commands?wait=0", Claim: "dev-9"}, "not_enrolled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ans := c.by.do(c.r)
			assert.Equal(t, http.StatusUnauthorized, ans.Status)
			assert.Equal(t, c.code, ans.Code)
			assert.NotContains(t, string(ans.Body), string(reset.ID))
		})
	}
	assert.Equal(t, 1, w.get(reset.ID).Deliveries, "nobody else got the command")
}

func TestResultForAnotherDevicesActionIsAnAlarm(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h, thief := w.handset(androidtest.Config{Serial: "R5C1"}), w.handset(androidtest.Config{Serial: "R5C2"})
	a := h.must(lock.KindLock)
	h.Script(androidtest.LoseCommands)
	_, err := h.Poll(t.Context(), 0)
	require.ErrorIs(t, err, androidtest.ErrCut)

	payload := map[string]any{
		"v": 1, "typ": "android.dpc.result", "id": a.ID, "rid": "0193506e-9a11-7a31-9d0c-1f0f6c5d2a10", "dev": thief.ID(), "seq": 1,
		"state": "succeeded", "code": "OK", "received_at": w.clock.Now().Format(time.RFC3339),
	}
	jws, err := thief.Sign("android-result+jws", payload)
	require.NoError(t, err)
	body, err := json.Marshal(map[string]any{"v": 1, "results": []string{jws}})
	require.NoError(t, err)
	ans := thief.do(androidtest.Request{Method: http.MethodPost, Path: thief.path("results"), Body: body})
	require.Equal(t, http.StatusOK, ans.Status)
	assert.Contains(t, string(ans.Body), string(a.ID), "acknowledged, so that it does not come again")
	require.Equal(t, lock.StateIssued, w.get(a.ID).State)
	h.polls()
	assert.Equal(t, lock.StateConfirmed, w.get(a.ID).State)
}

func TestEnrolment(t *testing.T) {
	w := newWorld(t, store.NewMemory())
	h := w.handset(androidtest.Config{Serial: "R5C1", Passcode: personal})
	t.Run("a lost answer is given again", func(t *testing.T) {
		require.NoError(t, h.Enroll(t.Context(), w.server.URL, "code-of-R5C1"))
		h.polls()
	})
	t.Run("the code is used up for others", func(t *testing.T) {
		d, err := androidtest.New(androidtest.Config{Serial: "R5C1", Now: w.clock.Now})
		require.NoError(t, err)
		require.ErrorContains(t, d.Enroll(t.Context(), w.server.URL, "code-of-R5C1"), "403")
		assert.Empty(t, d.ID())
	})
	t.Run("an unknown code", func(t *testing.T) {
		d, err := androidtest.New(androidtest.Config{Serial: "R5C3", Now: w.clock.Now})
		require.NoError(t, err)
		require.ErrorContains(t, d.Enroll(t.Context(), w.server.URL, "guessed"), "403")
	})
	t.Run("a clock that is wrong is no obstacle", func(*testing.T) {
		w.handset(androidtest.Config{Serial: "R5C4", ClockSkew: -30 * 24 * time.Hour}).polls()
	})
	t.Run("a factory reset and a new enrolment keep the passcodes", func(t *testing.T) {
		h := ready(t)
		reset := h.carriedOut(lock.KindResetPasscode)
		id := h.ID()
		h.FactoryReset()
		_, err := h.Poll(t.Context(), 0)
		require.ErrorIs(t, err, androidtest.ErrNotEnrolled)
		h.w.renew("code-of-R5C1")
		require.NoError(t, h.Enroll(t.Context(), h.w.server.URL, "code-of-R5C1"))
		assert.Equal(t, id, h.ID())
		candidates, err := h.w.svc.Candidates(t.Context(), admin(), h.known())
		require.NoError(t, err)
		require.Len(t, candidates, 1)
		assert.Equal(t, reset.ID, candidates[0].Action.ID)
		h.carriedOut(lock.KindProvisionToken)
		h.carriedOut(lock.KindResetPasscode)
		h.remembered()
	})
}

// renew makes an enrolment code good again.
func (f *fleet) renew(code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.used, code)
}
