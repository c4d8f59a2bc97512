package ops_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/ops"
)

type ledger struct{ err error }

// Ready implements ops.Store.
func (l ledger) Ready(context.Context) error { return l.err }

// CountActions implements ops.Store.
func (l ledger) CountActions(context.Context) (map[[2]string]int, error) {
	return map[[2]string]int{{"lock", "queued"}: 3}, l.err
}

// SealedBy implements ops.Store.
func (l ledger) SealedBy(context.Context) (map[string]int, error) {
	return map[string]int{"k1": 4}, l.err
}

func serve(l ledger, paths ...string) (last *httptest.ResponseRecorder, logs string) {
	return serveWith(l, nil, paths...)
}

func serveWith(l ledger, keyring error, paths ...string) (last *httptest.ResponseRecorder, logs string) {
	var text strings.Builder
	o := ops.New(l, func(context.Context) error { return keyring }, slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	mux := http.NewServeMux()
	o.Register(mux)
	mux.HandleFunc("GET /devices/{id}", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, path := range paths {
		last = httptest.NewRecorder()
		o.Wrap(mux).ServeHTTP(last, httptest.NewRequest(http.MethodGet, path, nil))
	}
	return last, text.String()
}

func TestHealthAndReadiness(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		err    error
		status int
	}{
		"healthy":              {"/healthz", nil, http.StatusOK},
		"healthy without data": {"/healthz", errors.New("disk full"), http.StatusOK},
		"ready":                {"/readyz", nil, http.StatusOK},
		"not ready":            {"/readyz", errors.New("disk full"), http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			res, _ := serve(ledger{c.err}, c.path)
			assert.Equal(t, c.status, res.Code)
			assert.NotContains(t, res.Body.String(), "disk full")
		})
	}
}

func TestKeyringThatCannotBeUsed(t *testing.T) {
	for path, c := range map[string]struct {
		status int
		says   string
	}{
		"/healthz": {http.StatusOK, "ok"},
		"/readyz":  {http.StatusServiceUnavailable, "the keyring file cannot be used"},
		"/metrics": {http.StatusOK, "latchkey_keyring_usable 0\n"},
	} {
		t.Run(path, func(t *testing.T) {
			res, _ := serveWith(ledger{}, errors.New("/var/keyring is gone"), path)
			assert.Equal(t, c.status, res.Code)
			assert.Contains(t, res.Body.String(), c.says)
			assert.NotContains(t, res.Body.String(), "/var/keyring")
		})
	}
}

func TestMetricsAndLogsHaveRoutesAndNoPaths(t *testing.T) {
	res, logs := serve(ledger{}, "/devices/SECRET?code=SECRET", "/nowhere/SECRET", "/metrics")
	body := res.Body.String()
	assert.Contains(t, body, `latchkey_http_requests_total{code="418",route="GET /devices/{id}"} 1`)
	assert.Contains(t, body, `latchkey_http_requests_total{code="404",route="none"} 1`)
	assert.Contains(t, body, `latchkey_actions{kind="lock",state="queued"} 3`)
	assert.Contains(t, body, `latchkey_sealed_secrets{key_id="k1"} 4`)
	assert.Contains(t, body, "latchkey_keyring_usable 1\n")
	assert.Contains(t, logs, `route="GET /devices/{id}"`)
	assert.NotContains(t, body+logs, "SECRET")
}

func TestMetricsSurviveTheStore(t *testing.T) {
	res, _ := serve(ledger{errors.New("disk full")}, "/healthz", "/metrics")
	assert.Contains(t, res.Body.String(), `latchkey_http_requests_total{code="200",route="GET /healthz"} 1`)
}
