package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tour of README: seven Macs, six Android and three Windows devices enrol, a Mac is locked by the API, and somebody types its PIN. A Windows
// phone makes a new PIN, and the one that is revealed opens it.
func TestDemo(t *testing.T) {
	p := start(t, t.TempDir(), "-demo")
	defer p.end()
	fleet := func(state string) (ids []string) {
		_, page := p.call(http.MethodGet, "/api/v1/devices", "")
		for _, item := range page["items"].([]any) {
			if device := item.(map[string]any); device["state"] == state && device["os_version"] != "" {
				ids = append(ids, device["id"].(string))
			}
		}
		return ids
	}
	within(t, func() bool { return len(fleet("managed")) == 16 })
	_, page := p.call(http.MethodGet, "/api/v1/devices?search=ada", "")
	id := page["items"].([]any)[0].(map[string]any)["id"].(string)
	within(t, func() bool { // until the Mac has said what it is
		_, plan := p.call(http.MethodPost, "/api/v1/devices/"+id+"/lock?dry_run=true", `{}`)
		return plan["blocked"] == false
	})
	status, action := p.call(http.MethodPost, "/api/v1/devices/"+id+"/lock", `{"reason": "tour"}`)
	require.Equal(t, http.StatusAccepted, status, action)
	within(t, func() bool { return len(fleet("locked")) == 1 })
	_, reveal := p.call(http.MethodPost, "/api/v1/actions/"+action["id"].(string)+"/reveal", `{"reason": "tour"}`)
	_, typed := p.call(http.MethodPost, "/demo/devices/"+id+"/type", `{"pin": "`+reveal["pin"].(string)+`"}`)
	assert.Equal(t, true, typed["opened"])
	_, page = p.call(http.MethodGet, "/api/v1/devices?search=lumia", "")
	id = page["items"].([]any)[0].(map[string]any)["id"].(string)
	status, action = p.call(http.MethodPost, "/api/v1/devices/"+id+"/reset-passcode", `{"reason": "tour"}`)
	require.Equal(t, http.StatusAccepted, status, action)
	within(t, func() bool {
		_, now := p.call(http.MethodGet, "/api/v1/actions/"+action["id"].(string), "")
		return now["state"] == "confirmed"
	})
	_, made := p.call(http.MethodPost, "/api/v1/actions/"+action["id"].(string)+"/reveal", `{"reason": "tour"}`)
	_, typed = p.call(http.MethodPost, "/demo/devices/"+id+"/type", `{"pin": "`+made["pin"].(string)+`"}`)
	assert.Equal(t, true, typed["opened"])
	for _, text := range []string{p.stdout.String(), p.stderr.String()} {
		assert.NotContains(t, text, reveal["pin"])
		assert.NotContains(t, text, made["pin"])
	}
}
