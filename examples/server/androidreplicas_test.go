package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/androidtest"
)

// balancer sends every request to another server than the one before, and keeps them.
type balancer struct {
	hosts []string

	mu   sync.Mutex
	sent []*http.Request // each with a body of its own
	text [][]byte        // their bodies
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	b.mu.Lock()
	n := len(b.sent)
	b.sent, b.text = append(b.sent, r.Clone(r.Context())), append(b.text, body)
	b.mu.Unlock()
	return b.send(r, body, n)
}

// send sends a request to the server of a number.
func (b *balancer) send(r *http.Request, body []byte, n int) (*http.Response, error) {
	out := r.Clone(r.Context())
	out.URL.Host, out.Host = b.hosts[n%len(b.hosts)], ""
	out.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultTransport.RoundTrip(out)
}

// Two servers are one to a phone: its keys and codes are good at both, its commands are numbered on, and a request that one has taken the other
// refuses.
func TestAndroidPhoneAtTwoServers(t *testing.T) {
	one, other := twoReplicas(t, nil)
	other.token = one.token
	between := &balancer{hosts: []string{strings.TrimPrefix(one.url, "http://"), strings.TrimPrefix(other.url, "http://")}}
	phone := one.phone(t, androidtest.Config{APILevel: 34, Client: &http.Client{Transport: between}})
	hasToken(t, phone, androidtest.TokenActive)
	assert.True(t, phone.Type(other.reset(t, phone, object{"reason": "forgot it"})))
	assert.True(t, phone.Type(one.reset(t, phone, object{"reason": "and again"})))

	last := int64(0)
	for _, c := range phone.Commands() {
		assert.Greater(t, c.Seq, last, "%s", c.Name)
		last = c.Seq
	}
	between.mu.Lock()
	defer between.mu.Unlock()
	n := len(between.sent) - 1
	require.Contains(t, between.sent[n].URL.Path, "/android/v1/devices/")
	for server := range between.hosts {
		res, err := between.send(between.sent[n], between.text[n], server)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		assert.Equal(t, http.StatusUnauthorized, res.StatusCode)
		assert.Contains(t, string(body), `"replayed"`)
	}
}
