package wns_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

// network takes the place of the Internet: tokens come from the stand-in, and what is sent elsewhere is only noted.
type network struct {
	server *wnstest.Server
	sent   []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == n.server.Host() {
		return n.server.Transport().RoundTrip(r)
	}
	n.sent = append(n.sent, r.URL.Host)
	return nil, errors.New("noted")
}

// TestHosts: the address comes from the device, and must lead nowhere but to WNS.
func TestHosts(t *testing.T) {
	const path = "/?token=FACEFF5"
	for address, fine := range map[string]bool{
		"https://db5p.notify.windows.com" + path:                true,
		"https://a.b-1.notify.windows.com" + path:               true,
		"HTTPS://DB5P.Notify.Windows.com" + path:                true,
		"http://db5p.notify.windows.com" + path:                 false,
		"//db5p.notify.windows.com" + path:                      false,
		"https:db5p.notify.windows.com" + path:                  false,
		"https:///db5p.notify.windows.com" + path:               false,
		"https://notify.windows.com" + path:                     false,
		"https://.notify.windows.com" + path:                    false,
		"https://a..notify.windows.com" + path:                  false,
		"https://evilnotify.windows.com" + path:                 false,
		"https://db5p.notify.windows.com.example.org" + path:    false,
		"https://db5p.notify.windows.com." + path:               false,
		"https://db5p.notify.windows.com:443" + path:            false,
		"https://db5p.notify.windows.com:8443" + path:           false,
		"https://db5p.notify.windows.com:" + path:               false,
		"https://u@db5p.notify.windows.com" + path:              false,
		"https://@db5p.notify.windows.com" + path:               false,
		"https://example.org@db5p.notify.windows.com" + path:    false,
		"https://db5p.notify.windows.com@example.org" + path:    false,
		"https://example.org/.notify.windows.com" + path:        false,
		"https://example.org?.notify.windows.com" + path:        false,
		"https://example.org#.notify.windows.com" + path:        false,
		"https://db5p.notify.windows.com/#FACEFF5":              false,
		`https://example.org\.notify.windows.com` + path:        false,
		"https://example.org%2f.notify.windows.com" + path:      false,
		"https://a_b.notify.windows.com" + path:                 false,
		"https://-a.notify.windows.com" + path:                  false,
		"https://dB5p.notify.wind\u043ews.com" + path:           false,
		"https://x\u3002notify.windows.com" + path:              false,
		"https://127.0.0.1" + path:                              false,
		"https://[::1]" + path:                                  false,
		"https://[fe80::1%25.notify.windows.com]" + path:        false,
		"https://db5p.notify.windows.com/\r\nX: FACEFF5":        false,
		" https://db5p.notify.windows.com" + path:               false,
		"https://db5p.notify.windows.com/" + long:               false,
		"https://" + long[:64] + ".notify.windows.com" + path:   false,
		"ftp://db5p.notify.windows.com" + path:                  false,
		"javascript:alert('db5p.notify.windows.com')//FACEFF5":  false,
		"https://db5p.notify.windows.com" + path + "%zz FACEFF": false,
	} {
		t.Run(address[:min(len(address), 60)], func(t *testing.T) {
			leadsToWNS(t, address, fine)
		})
	}
}

func leadsToWNS(t *testing.T, address string, fine bool) {
	t.Helper()
	n := &network{}
	h := newHarness(t, func(c *wns.Config) { c.Host, c.Transport = "", n })
	n.server, h.channels.of["pc"] = h.server, address
	e := h.fail(t.Context())
	if fine {
		assert.Equal(t, wns.ClassUnreachable, e.Class)
		require.Len(t, n.sent, 1)
		assert.True(t, strings.HasSuffix(strings.ToLower(n.sent[0]), ".notify.windows.com"), n.sent)
		return
	}
	assert.Equal(t, wns.ClassBadChannel, e.Class)
	assert.Empty(t, n.sent)
	assert.Zero(t, h.server.Calls(wnstest.CallToken), "nobody was asked")
	assert.Equal(t, says{}, said(e))
	assert.Empty(t, h.channels.expired)
}

var long = strings.Repeat("a", 4096)

// TestInjectedHost: with a host of its own, a Waker knows no other.
func TestInjectedHost(t *testing.T) {
	h := newHarness(t)
	h.channels.of["pc"] = "https://db5p.notify.windows.com/?token=FACEFF5"
	assert.Equal(t, wns.ClassBadChannel, h.fail(t.Context()).Class)
}
