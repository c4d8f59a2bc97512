package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// badCase is a request, and how it is refused.
type badCase struct {
	method, path, body string
	headers            []string
	status             int
	code, field        string
}

// check refuses, as a problem document that repeats nothing, and orders nothing.
func (c badCase) check(t *testing.T) {
	w := newWorld(t)
	res := w.do(c.method, c.path, c.body, c.headers...)
	assert.Equal(t, c.status, res.StatusCode, res.text)
	assert.Equal(t, c.code, res.json["code"], res.text)
	field, _ := res.json["field"].(string)
	assert.Equal(t, c.field, field)
	assert.Equal(t, "application/problem+json", res.Header.Get("Content-Type"))
	assert.NotEmpty(t, res.json["detail"])
	for _, secret := range []string{"048213", "148213", "04821", "111111"} {
		assert.NotContains(t, res.text, secret)
		assert.NotContains(t, w.logs.String(), secret)
	}
	assert.Equal(t, c.status == 401, res.Header.Get("WWW-Authenticate") != "")
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/actions", "")), "nothing was ordered")
}

func TestBadOrders(t *testing.T) {
	const path = "/api/v1/devices/mac/lock"
	for name, c := range map[string]badCase{
		"no body":             {http.MethodPost, path, "", []string{"Content-Type", "application/json"}, 400, "malformed", ""},
		"no content type":     {http.MethodPost, path, "{}", []string{"Content-Type", ""}, 415, "content_type", ""},
		"wrong content type":  {http.MethodPost, path, "{}", []string{"Content-Type", "text/plain"}, 415, "content_type", ""},
		"truncated":           {http.MethodPost, path, `{"reason": "x`, nil, 400, "malformed", ""},
		"two values":          {http.MethodPost, path, `{}{}`, nil, 400, "malformed", ""},
		"not an object":       {http.MethodPost, path, `[]`, nil, 422, "invalid", ""},
		"oversize":            {http.MethodPost, path, `{"reason": "` + strings.Repeat("x", 64<<10) + `"}`, nil, 413, "too_large", ""},
		"nesting bomb":        {http.MethodPost, path, strings.Repeat(`[`, 60<<10), nil, 400, "malformed", ""},
		"unknown field":       {http.MethodPost, path, `{"resaon": "x"}`, nil, 422, "invalid", "resaon"},
		"secret as a field":   {http.MethodPost, path, `{"048213": "x"}`, nil, 422, "invalid", ""},
		"wrong type":          {http.MethodPost, path, `{"reason": 48213}`, nil, 422, "invalid", "reason"},
		"wrong type of force": {http.MethodPost, path, `{"force": "048213"}`, nil, 422, "invalid", "force"},
		"pin as a number":     {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": 148213}}`, nil, 422, "invalid", "pin.value"},
		"pin as a text":       {http.MethodPost, path, `{"pin": "048213"}`, nil, 422, "invalid", "pin"},
		"pin too short":       {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": "04821"}}`, nil, 422, "invalid", "pin.value"},
		"pin with letters":    {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": "04821x"}}`, nil, 422, "invalid", "pin.value"},
		"pin trivial":         {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": "111111"}}`, nil, 422, "invalid", "pin.value"},
		"pin empty":           {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": ""}}`, nil, 422, "invalid", "pin.value"},
		"pin null":            {http.MethodPost, path, `{"pin": {"mode": "supplied", "value": null}}`, nil, 422, "invalid", "pin.value"},
		"pin missing":         {http.MethodPost, path, `{"pin": {"mode": "supplied"}}`, nil, 422, "invalid", "pin.value"},
		"pin with rotate":     {http.MethodPost, path, `{"pin": {"mode": "rotate", "value": "048213"}}`, nil, 422, "invalid", "pin.value"},
		"pin without mode":    {http.MethodPost, path, `{"pin": {"value": "048213"}}`, nil, 422, "invalid", "pin.value"},
		"pin with keep":       {http.MethodPost, path, `{"pin": {"mode": "keep", "value": "048213"}}`, nil, 422, "invalid", "pin.value"},
		"nothing to keep":     {http.MethodPost, path, `{"pin": {"mode": "keep"}}`, nil, 422, "blocked", ""},
		"reuse of a new pin":  {http.MethodPost, path, `{"pin": {"reuse_reason": "it is 048213"}}`, nil, 422, "invalid", "pin.reuse_reason"},
		"reuse says the pin": {
			http.MethodPost, path, `{"pin": {"mode": "supplied", "value": "048213", "reuse_reason": "048213"}}`, nil, 422, "invalid", "pin.reuse_reason",
		},
		"pin mode unknown":          {http.MethodPost, path, `{"pin": {"mode": "048213"}}`, nil, 422, "invalid", "pin.mode"},
		"pin in the message":        {http.MethodPost, path, `{"message": "try 048213", "pin": {"mode": "supplied", "value": "048213"}}`, nil, 422, "invalid", "message"},
		"message with a line break": {http.MethodPost, path, `{"message": "a\nb"}`, nil, 422, "invalid", "message"},
		"message too long":          {http.MethodPost, path, `{"message": "` + strings.Repeat("x", 2049) + `"}`, nil, 422, "invalid", "message"},
		"not_after no time":         {http.MethodPost, path, `{"not_after": "048213"}`, nil, 422, "invalid", "not_after"},
		"not_after past":            {http.MethodPost, path, `{"not_after": "2020-01-01T00:00:00Z"}`, nil, 422, "invalid", "not_after"},
		"key too long":              {http.MethodPost, path, `{}`, []string{"Idempotency-Key", strings.Repeat("k", 129)}, 422, "invalid", "Idempotency-Key"},
		"misspelt dry run":          {http.MethodPost, path + "?dryrun=true", `{}`, nil, 422, "invalid", ""},
		"doubtful dry run":          {http.MethodPost, path + "?dry_run=048213", `{}`, nil, 422, "invalid", "dry_run"},
		"empty dry run":             {http.MethodPost, path + "?dry_run=", `{}`, nil, 422, "invalid", "dry_run"},
		"dry run twice":             {http.MethodPost, path + "?dry_run=true&dry_run=false", `{}`, nil, 422, "invalid", ""},
	} {
		t.Run(name, c.check)
	}
}

func TestBadRequests(t *testing.T) {
	for name, c := range map[string]badCase{
		"unknown device":         {http.MethodPost, "/api/v1/devices/nobody/lock", `{}`, nil, 404, "not_found", ""},
		"unknown action":         {http.MethodPost, "/api/v1/actions/x/reveal", `{"reason": "x"}`, nil, 404, "not_found", ""},
		"feedback for no action": {http.MethodPost, "/api/v1/actions/x/feedback", `{"outcome": "worked"}`, nil, 404, "not_found", ""},
		"no outcome":             {http.MethodPost, "/api/v1/actions/x/feedback", `{}`, nil, 422, "invalid", "outcome"},
		"no such outcome":        {http.MethodPost, "/api/v1/actions/x/feedback", `{"outcome": "048213"}`, nil, 422, "invalid", "outcome"},
		"pins of nobody":         {http.MethodGet, "/api/v1/devices/nobody/pins", "", nil, 404, "not_found", ""},
		"limit 0":                {http.MethodGet, "/api/v1/actions?limit=0", "", nil, 422, "invalid", "limit"},
		"limit too large":        {http.MethodGet, "/api/v1/devices?limit=1001", "", nil, 422, "invalid", "limit"},
		"cursor":                 {http.MethodGet, "/api/v1/events?cursor=-1", "", nil, 422, "invalid", "cursor"},
		"unknown path":           {http.MethodGet, "/api/v2/devices", "", nil, 404, "no_route", ""},
		"wrong method":           {http.MethodDelete, "/api/v1/actions", "", nil, 404, "no_route", ""},
		"no token":               {http.MethodGet, "/api/v1/devices", "", []string{"Authorization", ""}, 401, "unauthenticated", ""},
		"wrong token":            {http.MethodGet, "/api/v1/devices", "", []string{"Authorization", "Bearer 048213"}, 401, "unauthenticated", ""},
		"basic":                  {http.MethodGet, "/api/v1/devices", "", []string{"Authorization", "Basic " + goodToken}, 401, "unauthenticated", ""},
	} {
		t.Run(name, c.check)
	}
}

func TestFailedCommitIsUnavailable(t *testing.T) {
	w := newWorld(t)
	id := w.lock(`{}`).json["id"].(string)
	w.ledger.broken = true
	for path, body := range map[string]string{
		"/api/v1/devices/old/lock":            `{"force": true}`,
		"/api/v1/actions/" + id + "/reveal":   `{"reason": "x"}`,
		"/api/v1/actions/" + id + "/cancel":   `{}`,
		"/api/v1/actions/" + id + "/feedback": `{"outcome": "worked"}`,
	} {
		res := w.do(http.MethodPost, path, body)
		assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode, path)
		assert.Equal(t, "5", res.Header.Get("Retry-After"))
		assert.NotContains(t, res.json, "pin")
	}
	assert.Contains(t, w.logs.String(), "disk full")
}

// sealedNowhere is a Sealer whose keyring file cannot be used.
type sealedNowhere struct{ pin.Sealer }

// Seal implements pin.Sealer.
func (sealedNowhere) Seal(context.Context, pin.PIN, pin.Binding) (pin.Box, error) {
	return nil, &pin.Error{Reason: pin.ReasonKeyring, Rule: "/var/keyring is gone"}
}

func TestKeyringThatCannotBeUsed(t *testing.T) {
	w := newWorldWith(t, sealedNowhere{})
	res := w.lock(`{}`)
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.Equal(t, "keyring", res.json["code"])
	assert.Equal(t, "5", res.Header.Get("Retry-After"))
	assert.NotContains(t, res.text, "/var/keyring")
	assert.Contains(t, w.logs.String(), "/var/keyring")
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/actions", "")), "nothing was ordered")
}

func TestOpenAPINamesEveryRefusal(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(openAPI, &doc))
	for path, methods := range doc.Paths {
		for method, operation := range methods {
			for _, status := range []string{"401", "403", "503"} {
				if strings.HasPrefix(path, "/api/") {
					assert.Contains(t, operation.Responses, status, "%s %s", method, path)
				}
			}
		}
	}
}

func TestOpenAPINamesEveryRoute(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	require.NoError(t, json.Unmarshal(openAPI, &doc))
	var documented []string
	for path, methods := range doc.Paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	served := []string{"GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json"}
	for route := range w.api.routes() {
		served = append(served, route)
	}
	assert.ElementsMatch(t, served, documented)
	assert.Equal(t, "3.1.0", w.do(http.MethodGet, "/openapi.json", "", "Authorization", "").json["openapi"])
}

func FuzzLockRequest(f *testing.F) {
	f.Add([]byte(`{"reason": "x", "pin": {"mode": "supplied", "value": "048213"}, "force": true}`))
	f.Add([]byte(`{"pin": {"mode": "keep", "reuse_reason": "x"}}`))
	f.Add([]byte(`{"pin": {"value": 1}}`))
	f.Add([]byte(`{"PIN": null, "not_after": ""}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		var order lockRequest
		if err := read(req, &order); err == nil {
			_ = order.PIN.choose(&lock.Request{})
		} else {
			var p *problem
			require.ErrorAs(t, err, &p)
		}
	})
}
