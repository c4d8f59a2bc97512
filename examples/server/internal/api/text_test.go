package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A text that PostgreSQL cannot keep is refused where it comes in, whatever the database is.
func TestBodiesAreText(t *testing.T) {
	w := newWorld(t)
	for field, c := range map[string]struct{ method, path, body string }{
		"devices":          {http.MethodPost, "/api/v1/purge", `{"older_than_days": 1, "reason": "x", "devices": ["a", "a\u0000b"]}`},
		"device_id":        {http.MethodPost, "/api/v1/enrollments", `{"device_id": "a\u0000"}`},
		"reason":           {http.MethodPut, "/api/v1/devices/mac/hold", `{"reason": "a\u0000"}`},
		"pin.reuse_reason": {http.MethodPost, "/api/v1/devices/mac/lock", `{"pin": {"mode": "keep", "reuse_reason": "a\u0000"}}`},
	} {
		res := w.do(c.method, c.path, c.body)
		assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode, res.text)
		assert.Equal(t, "invalid", res.json["code"])
		assert.Equal(t, field, res.json["field"])
		assert.Contains(t, res.text, "NUL")
	}
}
