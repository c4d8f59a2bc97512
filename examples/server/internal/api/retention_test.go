package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/retention"
	"github.com/latchkey-mdm/latchkey/lock"
)

// cancelled is a lock that never left. It is about a year old when the test goes on.
func (w *world) cancelled(serial string) lock.ID {
	w.t.Helper()
	d := mac("mac-"+serial, "15.1").Device
	d.Serial = serial
	admin := lock.Actor{ID: "admin"}
	a, err := w.service.Lock(w.t.Context(), admin, lock.Request{Device: d})
	require.NoError(w.t, err)
	_, err = w.service.Cancel(w.t.Context(), admin, a.ID, "")
	require.NoError(w.t, err)
	return a.ID
}

func (w *world) purge(body string) answer {
	w.t.Helper()
	res := w.do(http.MethodPost, "/api/v1/purge", body)
	require.Equal(w.t, http.StatusOK, res.StatusCode, res.text)
	return res
}

const year = 365 * 24 * time.Hour

func TestPurge(t *testing.T) {
	w := newWorld(t)
	old := w.cancelled("S-1")
	kept := w.lock(`{"reason": "stolen"}`).json["id"]
	w.now = w.now.Add(year)
	young := w.cancelled("S-2")

	const order = `{"older_than_days": 100, "reason": "kept for 100 days"`
	dry := w.purge(order + `}`)
	assert.Equal(t, false, dry.json["applied"])
	counts := map[string]any{"purged": 1.0, "live": 1.0, "too_young": 1.0}
	assert.Equal(t, counts, dry.json["counts"])
	assert.Len(t, dry.json["items"], 3)
	first, _ := items(dry)[0].(map[string]any)
	assert.Equal(t, string(old), first["action_id"], "what would go comes first")
	assert.Equal(t, "S-1", first["serial_number"])
	assert.Equal(t, "cancelled", first["state"])
	assert.Equal(t, http.StatusOK, w.do(http.MethodPost, "/api/v1/actions/"+string(old)+"/reveal", `{"reason": "x"}`).StatusCode)
	w.now = w.now.Add(year)

	done := w.purge(order + `, "devices": ["mac-S-1", "mac"], "apply": true}`)
	assert.Equal(t, map[string]any{"purged": 1.0, "live": 1.0}, done.json["counts"])
	assert.Equal(t, true, done.json["applied"])
	gone := w.do(http.MethodPost, "/api/v1/actions/"+string(old)+"/reveal", `{"reason": "x"}`)
	assert.Equal(t, http.StatusGone, gone.StatusCode)
	assert.Equal(t, "purged", gone.json["code"])
	assert.Contains(t, gone.text, "by admin")
	assert.Equal(t, true, w.do(http.MethodGet, "/api/v1/actions/"+string(old), "").json["purged"])
	for _, id := range []any{kept, young} {
		assert.Equal(t, http.StatusOK, w.do(http.MethodPost, fmt.Sprintf("/api/v1/actions/%s/reveal", id), `{"reason": "x"}`).StatusCode)
	}

	pins := w.do(http.MethodGet, "/api/v1/devices/mac-S-1/pins", "")
	assert.Empty(t, items(pins), "it opens nothing any more")
	require.Len(t, pins.json["purged"], 1, "and stays in the history")
	history, _ := pins.json["purged"].([]any)
	was, _ := history[0].(map[string]any)
	assert.Equal(t, string(old), was["action_id"])
	assert.Equal(t, "admin", was["purged_by"])
	assert.Equal(t, "kept for 100 days", was["purge_reason"])
	assert.NotEmpty(t, was["purged_at"])
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=purge", "")), 2, "the run that applied, at its begin and at its end")
}

func TestPurgeItemsAreTheFirst(t *testing.T) {
	groups := []retention.Group{
		{Code: "purged", Count: 7, Items: []lock.Action{{ID: "1"}, {ID: "2"}}}, {Code: "live", Count: 2, Items: []lock.Action{{ID: "3"}, {ID: "4"}}},
		{Code: "held", Count: 1, Items: []lock.Action{{ID: "5"}}},
	}
	var ids []lock.ID
	for _, item := range purgeItems(groups, 3) {
		ids = append(ids, item.ActionID)
	}
	assert.Equal(t, []lock.ID{"1", "2", "3"}, ids)
}

func TestBadPurges(t *testing.T) {
	const path = "/api/v1/purge"
	for name, c := range map[string]badCase{
		"no age":         {http.MethodPost, path, `{"reason": "x"}`, nil, 422, "invalid", "older_than_days"},
		"age of ages":    {http.MethodPost, path, `{"older_than_days": 36501, "reason": "x"}`, nil, 422, "invalid", "older_than_days"},
		"age as text":    {http.MethodPost, path, `{"older_than_days": "365", "reason": "x"}`, nil, 422, "invalid", "older_than_days"},
		"no reason":      {http.MethodPost, path, `{"older_than_days": 1}`, nil, 422, "invalid", "reason"},
		"devices: none":  {http.MethodPost, path, `{"older_than_days": 1, "reason": "x", "devices": []}`, nil, 422, "invalid", "devices"},
		"devices: one":   {http.MethodPost, path, `{"older_than_days": 1, "reason": "x", "devices": "mac"}`, nil, 422, "invalid", "devices"},
		"device: no ID":  {http.MethodPost, path, `{"older_than_days": 1, "reason": "x", "devices": [""]}`, nil, 422, "invalid", "devices"},
		"misspelt":       {http.MethodPost, path, `{"older_than_days": 1, "reason": "x", "aply": true}`, nil, 422, "invalid", "aply"},
		"serial missing": {http.MethodGet, "/api/v1/pins", "", nil, 422, "invalid", "serial_number"},
		"serial as sn":   {http.MethodGet, "/api/v1/pins?sn=1", "", nil, 422, "invalid", ""},
		"hold: reason":   {http.MethodPut, "/api/v1/devices/mac/hold", `{}`, nil, 422, "invalid", "reason"},
		"hold: device":   {http.MethodPut, "/api/v1/devices/x/hold", `{"reason": "x"}`, nil, 404, "not_found", ""},
		"lift: none":     {http.MethodDelete, "/api/v1/devices/mac/hold", `{"reason": "x"}`, nil, 404, "not_found", ""},
		"remove: device": {http.MethodDelete, "/api/v1/devices/x", "", nil, 404, "not_found", ""},
	} {
		t.Run(name, c.check)
	}
}

func TestRemovedDeviceIsFoundBySerialNumber(t *testing.T) {
	w := newWorld(t)
	id := w.confirmed("048213")
	again := mac("mac-anew", "15.1").Device
	again.Serial = "S-mac"
	_, err := w.service.Lock(t.Context(), lock.Actor{ID: "admin"}, lock.Request{Device: again})
	require.NoError(t, err)

	require.Equal(t, http.StatusNoContent, w.do(http.MethodDelete, "/api/v1/devices/mac", "").StatusCode)
	require.Equal(t, http.StatusNotFound, w.do(http.MethodGet, "/api/v1/devices/mac", "").StatusCode)
	require.Len(t, items(w.do(http.MethodGet, "/api/v1/devices", "")), 1)
	for _, path := range []string{"/api/v1/pins?serial_number=S-mac", "/api/v1/devices/mac/pins"} {
		found := items(w.do(http.MethodGet, path, ""))
		require.Len(t, found, 2, path)
		first, _ := found[0].(map[string]any)
		assert.Equal(t, id, first["action_id"], path)
	}
	assert.Equal(t, "048213", w.do(http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "found in a drawer"}`).json["pin"])
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/pins?serial_number=never", "")))
}

func TestHolds(t *testing.T) {
	w := newWorld(t)
	id := w.cancelled("S-mac") // of an earlier enrolment of mac
	put := func(reason string) []any {
		res := w.do(http.MethodPut, "/api/v1/devices/mac/hold", `{"reason": "`+reason+`"}`)
		require.Equal(t, http.StatusOK, res.StatusCode, res.text)
		return items(res)
	}
	require.Len(t, put("case 4711"), 1)
	require.Len(t, put("case 4711"), 1, "it is there already")
	require.Len(t, put("case 4712"), 2)
	all := items(w.do(http.MethodGet, "/api/v1/holds", ""))
	require.Len(t, all, 2)
	first, _ := all[0].(map[string]any)
	delete(first, "id")
	delete(first, "placed_at")
	assert.Equal(t, map[string]any{"device_id": "mac", "serial_number": "S-mac", "placed_by": "admin", "reason": "case 4711"}, first)
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/devices/mac-S-mac/hold", "")), 2, "it is the same hardware")
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/devices/old/hold", "")))

	w.now = w.now.Add(year)
	const order = `{"older_than_days": 100, "reason": "x", "apply": true}`
	assert.Equal(t, map[string]any{"legal_hold": 1.0}, w.purge(order).json["counts"])
	lifted := w.do(http.MethodDelete, "/api/v1/devices/mac-S-mac/hold", `{"reason": "cases closed"}`)
	require.Equal(t, http.StatusOK, lifted.StatusCode, lifted.text)
	assert.Empty(t, items(lifted))
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/holds", "")))
	assert.Equal(t, map[string]any{"purged": 1.0}, w.purge(order).json["counts"])
	assert.Equal(t, http.StatusGone, w.do(http.MethodPost, "/api/v1/actions/"+string(id)+"/reveal", `{"reason": "x"}`).StatusCode)
}

// An earlier enrolment may have been put on hold by an ID under which nobody looks any more.
func TestHoldByAnEarlierName(t *testing.T) {
	w := newWorld(t)
	w.cancelled("S-mac")
	earlier := lock.Device{Scope: "default", ID: "mac-S-mac"}
	require.NoError(t, w.service.Hold(t.Context(), lock.Actor{ID: "admin"}, earlier, "case 4711"))
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/devices/mac/hold", "")), 1)
	lifted := w.do(http.MethodDelete, "/api/v1/devices/mac/hold", `{"reason": "case closed"}`)
	require.Equal(t, http.StatusOK, lifted.StatusCode, lifted.text)
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/holds", "")))
}

func TestOpenAPINamesTheFieldsOfRetention(t *testing.T) {
	w := newWorld(t)
	w.cancelled("S-mac")
	w.do(http.MethodPut, "/api/v1/devices/old/hold", `{"reason": "x"}`)
	w.now = w.now.Add(year)
	report := w.purge(`{"older_than_days": 100, "reason": "x", "apply": true}`)
	pins := w.do(http.MethodGet, "/api/v1/pins?serial_number=S-mac", "")
	purged, _ := pins.json["purged"].([]any)
	require.Len(t, purged, 1)
	for schema, object := range map[string]any{
		"PurgeReport": report.json, "PurgeItem": items(report)[0], "PINs": pins.json, "PurgedPIN": purged[0],
		"Hold": items(w.do(http.MethodGet, "/api/v1/holds", ""))[0],
	} {
		fields, ok := object.(map[string]any)
		require.True(t, ok, schema)
		_, described, _ := strings.Cut(string(openAPI), fmt.Sprintf("\n      %q: {", schema))
		described, _, _ = strings.Cut(described, "\n      }")
		for name := range fields {
			assert.Contains(t, described, fmt.Sprintf("%q: {", name), schema)
		}
	}
}

func TestRemovalNeedsItsRight(t *testing.T) {
	w := newWorld(t)
	res := w.do(http.MethodDelete, "/api/v1/devices/mac", "", "Authorization", "Bearer "+blindToken)
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	assert.Equal(t, http.StatusOK, w.do(http.MethodGet, "/api/v1/devices/mac", "").StatusCode)
}

// An order may have been made before the serial number was known. It is of the same hardware all the same.
func TestHistoryBeforeTheSerialNumberWasKnown(t *testing.T) {
	w := newWorld(t)
	for _, serial := range []string{"", "S-late"} {
		d := mac("mac-late", "15.1").Device
		d.Serial = serial
		a, err := w.service.Lock(t.Context(), lock.Actor{ID: "admin"}, lock.Request{Device: d})
		require.NoError(t, err)
		_, err = w.service.Cancel(t.Context(), lock.Actor{ID: "admin"}, a.ID, "")
		require.NoError(t, err)
	}
	require.Len(t, items(w.do(http.MethodGet, "/api/v1/pins?serial_number=S-late", "")), 2)
	w.now = w.now.Add(year)
	w.purge(`{"older_than_days": 100, "reason": "x", "apply": true}`)
	assert.Len(t, w.do(http.MethodGet, "/api/v1/pins?serial_number=S-late", "").json["purged"], 2)
}
