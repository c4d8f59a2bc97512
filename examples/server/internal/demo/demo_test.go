package demo_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/demo"
	"github.com/latchkey-mdm/latchkey/lock"
)

func newFleet(t *testing.T) (*demo.Fleet, http.Handler) {
	t.Helper()
	fleet, err := demo.New(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	mux := http.NewServeMux()
	fleet.Register(mux)
	return fleet, mux
}

func TestTypeNeedsALockedMac(t *testing.T) {
	fleet, _ := newFleet(t)
	_, err := fleet.Type("nobody", "123456")
	require.ErrorIs(t, err, lock.ErrNotFound)
	_, ok := fleet.Screen("nobody")
	assert.False(t, ok)
	id := fleet.Devices()[0]
	screen, ok := fleet.Screen(id)
	assert.True(t, ok)
	assert.False(t, screen.Locked)
	_, err = fleet.Type(id, "123456")
	var input *lock.InputError
	require.ErrorAs(t, err, &input)
	assert.NotContains(t, err.Error(), "123456")
}

func TestTypeEndpointRefuses(t *testing.T) {
	fleet, web := newFleet(t)
	for name, c := range map[string]struct {
		device, kind, body string
		status             int
	}{
		"form of another site": {fleet.Devices()[0], "application/x-www-form-urlencoded", "pin=123456", http.StatusUnsupportedMediaType},
		"number":               {fleet.Devices()[0], "application/json", `{"pin": 123456}`, http.StatusBadRequest},
		"oversize":             {fleet.Devices()[0], "application/json", `{"pin": "` + strings.Repeat("1", 2000) + `"}`, http.StatusBadRequest},
		"unknown":              {"nobody", "application/json", `{"pin": "123456"}`, http.StatusNotFound},
		"not locked":           {fleet.Devices()[0], "application/json", `{"pin": "123456"}`, http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			req := httptest.NewRequest(http.MethodPost, "/demo/devices/"+c.device+"/type", strings.NewReader(c.body))
			req.Header.Set("Content-Type", c.kind)
			res := httptest.NewRecorder()
			web.ServeHTTP(res, req)
			assert.Equal(t, c.status, res.Code, res.Body.String())
		})
	}
}
