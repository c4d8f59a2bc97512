package pushtest_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

const topic = "com.apple.mgmt.External.test"

// client is net/http's own, with a push certificate for a topic.
func client(t *testing.T, s *pushtest.Server, topic string, expires time.Time) *http.Client {
	t.Helper()
	text, err := s.Certificate(topic, expires)
	require.NoError(t, err)
	pair, err := tls.X509KeyPair(text, text)
	require.NoError(t, err)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
		RootCAs: s.Roots(), Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12,
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestChecks(t *testing.T) {
	s, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	for _, c := range []struct {
		name   string
		edit   func(*http.Request)
		status int
		reason string
	}{
		{"good", func(*http.Request) {}, 200, ""},
		{"no expiration, no priority", func(r *http.Request) { r.Header.Del("Apns-Expiration"); r.Header.Del("Apns-Priority") }, 200, ""},
		{"method", func(r *http.Request) { r.Method = http.MethodPut }, 405, "MethodNotAllowed"},
		{"path", func(r *http.Request) { r.URL.Path = "/4/device/beef" }, 404, "BadPath"},
		{"no token", func(r *http.Request) { r.URL.Path = "/3/device/" }, 400, "MissingDeviceToken"},
		{"token", func(r *http.Request) { r.URL.Path = "/3/device/token" }, 400, "BadDeviceToken"},
		{"header twice", func(r *http.Request) { r.Header.Add("Apns-Topic", topic) }, 400, "DuplicateHeaders"},
		{"no topic", func(r *http.Request) { r.Header.Del("Apns-Topic") }, 400, "MissingTopic"},
		{"topic", func(r *http.Request) { r.Header.Set("Apns-Topic", "com.apple.mgmt.External.other") }, 400, "TopicDisallowed"},
		{"push type", func(r *http.Request) { r.Header.Set("Apns-Push-Type", "alert") }, 400, "InvalidPushType"},
		{"expiration", func(r *http.Request) { r.Header.Set("Apns-Expiration", "soon") }, 400, "BadExpirationDate"},
		{"priority", func(r *http.Request) { r.Header.Set("Apns-Priority", "11") }, 400, "BadPriority"},
		{"no payload", func(r *http.Request) { r.Body = http.NoBody }, 400, "PayloadEmpty"},
		{"payload without magic", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"aps":{}}`)) }, 400, "PayloadEmpty"},
		{"payload", func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"mdm":"` + strings.Repeat("m", 5000) + `"}`))
		}, 413, "PayloadTooLarge"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := send(t, client(t, s, topic, time.Now().AddDate(1, 0, 0)), s, c.edit)
			assert.Equal(t, c.status, status)
			if c.reason == "" {
				assert.Empty(t, body)
			} else {
				assert.JSONEq(t, `{"reason":"`+c.reason+`"}`, body)
			}
		})
	}
	t.Run("token of another topic", func(t *testing.T) {
		other := "com.apple.mgmt.External.other"
		status, body := send(t, client(t, s, other, time.Now().AddDate(1, 0, 0)), s, func(r *http.Request) { r.Header.Set("Apns-Topic", other) })
		assert.Equal(t, 400, status)
		assert.JSONEq(t, `{"reason":"DeviceTokenNotForTopic"}`, body)
	})
}

func TestDemandsCertificate(t *testing.T) {
	s, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	other, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(other.Close)
	strange := client(t, other, topic, time.Now().AddDate(1, 0, 0))
	strange.Transport.(*http.Transport).TLSClientConfig.RootCAs = s.Roots()
	bare := client(t, s, topic, time.Now().AddDate(1, 0, 0))
	bare.Transport.(*http.Transport).TLSClientConfig.Certificates = nil
	for name, c := range map[string]*http.Client{
		"none": bare, "of another authority": strange, "expired": client(t, s, topic, time.Now().Add(-time.Hour)),
	} {
		t.Run(name, func(t *testing.T) {
			res, err := c.Do(request(t, s))
			if err == nil {
				_ = res.Body.Close()
			}
			assert.Error(t, err)
		})
	}
	assert.Empty(t, s.Pushes())
}

func TestScripts(t *testing.T) {
	s, err := pushtest.Start(topic)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c := client(t, s, topic, time.Now().AddDate(1, 0, 0))
	at := time.UnixMilli(1712345678901)
	s.Script([]byte{0xbe, 0xef}, pushtest.Answer{Status: 410, Reason: "Unregistered", Timestamp: at}, pushtest.Answer{})
	s.Script(nil, pushtest.Answer{Status: 503, Body: "later", Header: http.Header{"Retry-After": {"7"}}})
	status, body := send(t, c, s, func(*http.Request) {})
	assert.Equal(t, 410, status)
	assert.JSONEq(t, `{"reason":"Unregistered","timestamp":1712345678901}`, body)
	for range 2 {
		status, _ = send(t, c, s, func(*http.Request) {})
		assert.Equal(t, 200, status, "the last answer stays")
	}
	status, body = send(t, c, s, func(r *http.Request) { r.URL.Path = "/3/device/00" })
	assert.Equal(t, 503, status)
	assert.Equal(t, "later", body)
	assert.Len(t, s.Pushes(), 4)
	accepted, open := s.Connections()
	assert.Equal(t, 1, accepted)
	assert.Equal(t, 1, open)
}

func request(t *testing.T, s *pushtest.Server) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/3/device/beef", bytes.NewReader([]byte(`{"mdm":"magic"}`)))
	require.NoError(t, err)
	for name, value := range map[string]string{
		"Apns-Topic": topic, "Apns-Push-Type": "mdm", "Apns-Priority": "10", "Apns-Expiration": "1800000000",
	} {
		r.Header.Set(name, value)
	}
	return r
}

// send returns the answer to a good push that was edited.
func send(t *testing.T, c *http.Client, s *pushtest.Server, edit func(*http.Request)) (status int, body string) {
	t.Helper()
	r := request(t, s)
	edit(r)
	r.ContentLength, r.GetBody = -1, nil
	res, err := c.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode, string(text)
}
