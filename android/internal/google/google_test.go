package google

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestCheckHost(t *testing.T) {
	for host, good := range map[string]bool{
		"https://fcm.googleapis.com": true, "https://x/": true, "http://127.0.0.1:80": true, "http://localhost": true, "http://[::1]:1": true,
		"": false, "http://example.org": false, "ftp://x": false, "https://": false, "https://a:b@x": false, "https://x?a": false,
		"https://x#a": false, "http://localhost.example.org": false, "http://127.evil.example": false, "http://127.0.0.1.evil.example": false,
		"http://127.1": false, "http://10.0.0.1": false, "http://127.8.9.1": true, "http://[::2]": false, "://": false,
	} {
		assert.Equal(t, good, CheckHost(host) == nil, host)
	}
}

// answering is a transport that does as it is told, and honours no httptrace.
type answering func(*http.Request) error

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return nil, a(r) }

// TestSent: a request was sent unless its error proves that it was not.
func TestSent(t *testing.T) {
	drained := func(r *http.Request) error {
		_, err := io.Copy(io.Discard, r.Body)
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	for name, c := range map[string]struct {
		do   answering
		sent bool
	}{
		"read, and no answer": {drained, true},
		"reset":               {func(*http.Request) error { return &net.OpError{Op: "read", Err: io.EOF} }, true},
		"time is up":          {func(*http.Request) error { return context.DeadlineExceeded }, true},
		"sent by one connection, refused by the next": {func(r *http.Request) error {
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{})
			return refused
		}, true},
		"refused":           {func(*http.Request) error { return refused }, false},
		"refused, wrapped":  {func(*http.Request) error { return fmt.Errorf("proxy: %w", refused) }, false},
		"proxy refused":     {func(*http.Request) error { return &net.OpError{Op: "proxyconnect", Err: refused} }, false},
		"no such name":      {func(*http.Request) error { return &net.DNSError{Err: "no such host"} }, false},
		"wrong certificate": {func(*http.Request) error { return &tls.CertificateVerificationError{Err: io.EOF} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
			client := NewClient("https://x", source, HTTP(c.do), time.Now)
			var e *Error
			require.ErrorAs(t, client.Do(t.Context(), http.MethodPost, "/", nil, []byte("{}"), nil), &e)
			assert.Equal(t, c.sent, e.Sent)
		})
	}
}

// TestNotSentWhileItIsDialled: a firewall drops what would open the connection.
func TestNotSentWhileItIsDialled(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	hangs := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		stop()
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	client := NewClient("https://x", oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"}), HTTP(hangs), time.Now)
	var e *Error
	require.ErrorAs(t, client.Do(ctx, http.MethodPost, "/", nil, []byte("{}"), nil), &e)
	assert.False(t, e.Sent)
}

// ending is a source of tokens in whose time the context ends.
type ending func()

func (e ending) Token() (*oauth2.Token, error) {
	e()
	return &oauth2.Token{AccessToken: "x"}, nil
}

// TestNothingIsSentTooLate: when the context is over before, the transport is not asked.
func TestNothingIsSentTooLate(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	asked := answering(func(*http.Request) error { t.Error("asked"); return io.EOF })
	client := NewClient("https://x", ending(stop), HTTP(asked), time.Now)
	var e *Error
	require.ErrorAs(t, client.Do(ctx, http.MethodPost, "/", nil, []byte("{}"), nil), &e)
	assert.False(t, e.Sent)
	require.ErrorIs(t, e, context.Canceled)
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
