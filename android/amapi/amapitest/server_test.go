package amapitest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
)

const phone = "enterprises/LC01/devices/3a5f"

func start(t *testing.T, c amapitest.Config) *amapitest.Server {
	t.Helper()
	s, err := amapitest.Start(c)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// ask sends a request with an access token that a test cannot have: the stand-in gives them to its service account alone.
func ask(t *testing.T, s *amapitest.Server, method, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer ya29.forged")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	all, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(all)
}

// TestForged: neither a forged access token nor a forged assertion opens anything.
func TestForged(t *testing.T) {
	s := start(t, amapitest.Config{})
	s.Enroll(phone, amapitest.Device{})
	status, text := ask(t, s, http.MethodPost, "/v1/"+phone+":issueCommand", `{"type":"LOCK"}`)
	assert.Equal(t, 401, status)
	assert.Contains(t, text, `"status":"UNAUTHENTICATED"`)
	for _, form := range []string{
		"", "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b.c",
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=x", "grant_type=password",
	} {
		status, text = ask(t, s, http.MethodPost, "/token", form)
		assert.Equal(t, 400, status)
		assert.NotContains(t, text, "ya29")
	}
	assert.Empty(t, s.Operations(phone))
}

// TestScript: answers are given in turn, and then it is as usual.
func TestScript(t *testing.T) {
	s := start(t, amapitest.Config{})
	s.Script(amapitest.CallGet, amapitest.Answer{Status: 503, Word: "UNAVAILABLE", Header: map[string]string{"X": "y"}}, amapitest.Answer{Status: 200, Body: "{}"})
	path := "/v1/" + phone + "/operations/1"
	for _, want := range []int{503, 200, 401} {
		status, _ := ask(t, s, http.MethodGet, path, "")
		assert.Equal(t, want, status)
	}
	assert.Len(t, s.Requests(amapitest.CallGet), 3)
	assert.Empty(t, s.Requests(amapitest.CallIssue))
	assert.Len(t, s.Requests(), 3)
}

// TestConcurrent: it may be used by many at once; the race detector looks.
func TestConcurrent(t *testing.T) {
	s := start(t, amapitest.Config{Now: time.Now})
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			s.Enroll(phone, amapitest.Device{})
			_, _ = ask(t, s, http.MethodGet, "/v1/"+phone+"/operations", "")
			s.Script(amapitest.CallGet)
			s.Sync(phone)
			_, _, _, _ = s.Requests(), s.Pushes(), s.Device(phone), s.Messages()
			s.Unregister("x")
			s.Revoke()
		})
	}
	work.Wait()
	s.Remove(phone)
	assert.Zero(t, s.Device(phone))
}

// TestPush: a push request is as Pub/Sub makes it.
func TestPush(t *testing.T) {
	var got map[string]any
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&got)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer web.Close()
	push := amapitest.NewPush("COMMAND", "7", time.Date(2026, 8, 6, 20, 38, 43, 0, time.UTC), []byte(`{"done":true}`))
	statuses, err := amapitest.Deliver(t.Context(), web.Client(), web.URL, push)
	require.NoError(t, err)
	assert.Equal(t, []int{204}, statuses)
	assert.Equal(t, map[string]any{
		"attributes": map[string]any{"notificationType": "COMMAND"}, "data": "eyJkb25lIjp0cnVlfQ==", "messageId": "7", "message_id": "7",
		"publishTime": "2026-08-06T20:38:43Z", "publish_time": "2026-08-06T20:38:43Z",
	}, got["message"])
}
