package api

import (
	"context"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
)

// Those implements locked.Inventory.
func (d devices) Those(_ context.Context, ids []string) (map[string]inventory.Device, error) {
	found := map[string]inventory.Device{}
	for _, id := range ids {
		if known, ok := d[id]; ok {
			found[id] = known
		}
	}
	return found, nil
}

func TestLocked(t *testing.T) {
	w := newWorld(t)
	id, _ := w.lock(`{"reason": "lost", "pin": {"mode": "supplied", "value": "048213"}}`).json["id"].(string)
	_, err := w.service.Next(t.Context(), mac("mac", "15.1").Device)
	require.NoError(t, err)
	require.NoError(t, w.service.Report(t.Context(), lock.Report{Scope: "default", Device: "mac", Action: lock.ID(id), Outcome: lock.Acknowledged}))
	w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true, "ticket": "4711"}`)
	w.must(http.StatusOK, goodToken, http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "owner is here"}`)
	all := w.must(http.StatusOK, goodToken, http.MethodGet, "/api/v1/locked", "")
	assert.Equal(t, map[string]any{"held": 0.0, "waiting": 1.0, "sent": 0.0, "locked": 1.0, "probably_deactivated": 0.0}, all.json["totals"])
	assert.EqualValues(t, 2, all.json["matching"])
	require.Len(t, items(all), 2)
	assert.NotContains(t, all.text, "048213")

	one := w.must(http.StatusOK, goodToken, http.MethodGet, "/api/v1/locked?revealed=true&pin_held=true&older_than_hours=0", "")
	require.Len(t, items(one), 1)
	row, _ := items(one)[0].(map[string]any)
	for name, want := range map[string]any{
		"action_id": id, "device_id": "mac", "serial_number": "S-mac", "state": "confirmed", "state_text": "locked", "pin_held": true,
		"reveals": 1.0, "last_revealed_by": "admin", "ordered_by": "admin", "enrolled": true, "last_seen_at": "2026-11-21T09:00:00Z",
	} {
		assert.Equal(t, want, row[name], name)
	}

	page := w.must(http.StatusOK, goodToken, http.MethodGet, "/api/v1/locked?sort=name&limit=1", "")
	rest := w.must(http.StatusOK, goodToken, http.MethodGet, "/api/v1/locked?sort=name&limit=1&cursor="+page.json["next_cursor"].(string), "")
	assert.Equal(t, []any{"mac", "old"}, []any{items(page)[0].(map[string]any)["device_id"], items(rest)[0].(map[string]any)["device_id"]})
	assert.Equal(t, "4711", items(rest)[0].(map[string]any)["ticket"])
	w.must(http.StatusForbidden, blindToken, http.MethodGet, "/api/v1/locked", "")
}

func TestLockedAsCSV(t *testing.T) {
	w := newWorld(t)
	w.lock(`{"reason": "=HYPERLINK(0)", "pin": {"mode": "supplied", "value": "048213"}}`)
	req := httptest.NewRequest(http.MethodGet, "/api/v1/locked?format=csv&state=queued", nil)
	req.Header.Set("Authorization", "Bearer "+goodToken)
	res := httptest.NewRecorder()
	w.web.ServeHTTP(res, req)
	require.Equal(t, http.StatusOK, res.Code, res.Body.String())
	assert.Equal(t, `attachment; filename="latchkey-locked.csv"`, res.Header().Get("Content-Disposition"))
	assert.NotContains(t, res.Body.String(), "048213")
	lines, err := csv.NewReader(res.Body).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 2)
	assert.Contains(t, lines[1], "'=HYPERLINK(0)")
}
