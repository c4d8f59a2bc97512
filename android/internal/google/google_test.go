package google

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckHost(t *testing.T) {
	for host, good := range map[string]bool{
		"https://fcm.googleapis.com": true, "https://x/": true, "http://127.0.0.1:80": true, "http://localhost": true, "http://[::1]:1": true,
		"": false, "http://example.org": false, "ftp://x": false, "https://": false, "https://a:b@x": false, "https://x?a": false,
		"https://x#a": false, "http://localhost.example.org": false, "://": false,
	} {
		assert.Equal(t, good, CheckHost(host) == nil, host)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, "-1": 0, "soon": 0, "1.5": 0, "99999999999999999999": 0, "9999999999": 24 * time.Hour,
		now.Add(time.Minute).Format(http.TimeFormat):  time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
		now.AddDate(1, 0, 0).Format(http.TimeFormat):  24 * time.Hour,
	} {
		assert.Equal(t, want, retryAfter(header, now), header)
	}
}

// TestRefused: words alone are kept of what an answer says.
func TestRefused(t *testing.T) {
	e := refused(&http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}}, []byte(`{"error":{"code":400,"message":"48291573","status":"INVALID_ARGUMENT",
		"details":[{"errorCode":"UNREGISTERED"},{"reason":"a sentence 48291573"},{"fieldViolations":[{"field":"message.token"}]}]}}`), time.Now())
	assert.Equal(t, "INVALID_ARGUMENT", e.Word)
	assert.Equal(t, []string{"UNREGISTERED"}, e.Reasons)
	assert.Equal(t, []string{"message.token"}, e.Fields)
	assert.Equal(t, "answered 400 INVALID_ARGUMENT UNREGISTERED", e.Error())
	many := strings.Repeat(`{"errorCode":"X"},`, 100)
	e = refused(&http.Response{StatusCode: http.StatusBadRequest}, []byte(`{"error":{"status":"`+strings.Repeat("X", 65)+`","details":[`+many+`{}]}}`), time.Now())
	assert.Empty(t, e.Word)
	assert.Len(t, e.Reasons, 8)
}

// TestDepth: brackets in texts count for nothing.
func TestDepth(t *testing.T) {
	var v any
	require.NoError(t, Decode([]byte(`{"a":"`+strings.Repeat(`[{\"\\`, 100)+`"}`), &v))
	require.NoError(t, Decode([]byte(strings.Repeat("[", maxDepth)+strings.Repeat("]", maxDepth)), &v))
	require.ErrorContains(t, Decode([]byte(strings.Repeat("[", maxDepth+1)+strings.Repeat("]", maxDepth+1)), &v), "nested")
	require.NoError(t, Decode([]byte("["+strings.Repeat("[],", 100)+"[]]"), &v))
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\"["}]}`, `"\\"`, `[[[`, `{}{}`, ``, `null`, strings.Repeat("[", 20)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v any
		if Decode(body, &v) != nil {
			return
		}
		require.True(t, json.Valid(body))
		assert.LessOrEqual(t, depth(v), maxDepth)
	})
}

// depth is how deep a value is nested.
func depth(v any) (deepest int) {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			deepest = max(deepest, depth(inner))
		}
		return deepest + 1
	case []any:
		for _, inner := range v {
			deepest = max(deepest, depth(inner))
		}
		return deepest + 1
	}
	return 0
}

func FuzzRefused(f *testing.F) {
	f.Add([]byte(`{"error":{"status":"NOT_FOUND","details":[{"errorCode":"UNREGISTERED","fieldViolations":[{"field":"x"}]}]}}`))
	f.Add([]byte(`{"error":{"status":7}}`))
	f.Add([]byte(`{"error":{"details":[{"errorCode":"0"}]}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := refused(&http.Response{StatusCode: http.StatusNotFound}, body, time.Time{})
		assert.Regexp(t, `^answered 404( [A-Z0-9_]{1,64}){0,9}$`, e.Error())
	})
}
