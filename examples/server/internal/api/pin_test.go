package api

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// confirmed locks the Mac with a PIN, lets it confirm and open again, and returns the action.
func (w *world) confirmed(code string) string {
	w.t.Helper()
	ordered := w.lock(`{"reason": "lost", "pin": {"mode": "supplied", "value": "` + code + `"}}`)
	require.Equal(w.t, http.StatusAccepted, ordered.StatusCode, ordered.text)
	id := ordered.json["id"].(string)
	w.confirm(id)
	return id
}

func (w *world) confirm(id string) {
	w.t.Helper()
	d := mac("mac", "15.1").Device
	command, err := w.service.Next(w.t.Context(), d)
	require.NoError(w.t, err)
	require.Equal(w.t, lock.ID(id), command.ID)
	require.NoError(w.t, w.service.Report(w.t.Context(), lock.Report{
		Scope: d.Scope, Device: d.ID, Action: command.ID, Outcome: lock.Acknowledged,
	}))
	w.now = w.now.Add(2 * time.Minute)
	require.NoError(w.t, w.service.Seen(w.t.Context(), d, lock.EvidencePoll))
}

func (w *world) post(path, body string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, body)
}

func TestKeep(t *testing.T) {
	w := newWorld(t)
	first := w.confirmed("048213")
	for _, path := range []string{"/api/v1/devices/mac/lock?dry_run=true", "/api/v1/devices/mac/lock"} {
		kept := w.post(path, `{"reason": "again", "pin": {"mode": "keep"}}`)
		assert.Less(t, kept.StatusCode, 300, kept.text)
		assert.Equal(t, map[string]string{"pin_kept": "pin.mode"}, fields(kept), "in the words of the API")
		assert.NotContains(t, kept.text, "048213")
		if kept.StatusCode == http.StatusAccepted {
			assert.Equal(t, first, kept.json["kept_from"])
			assert.Equal(t, false, kept.json["disclosed"])
			assert.Equal(t, "048213", w.post("/api/v1/actions/"+kept.json["id"].(string)+"/reveal", `{"reason": "x"}`).json["pin"])
		}
	}
}

// fields are the fields that findings speak of, by code.
func fields(a answer) map[string]string {
	list, _ := a.json["findings"].([]any)
	found := map[string]string{}
	for _, f := range list {
		finding, _ := f.(map[string]any)
		if field, ok := finding["field"].(string); ok {
			found[finding["code"].(string)] = field
		}
	}
	return found
}

func TestKeepAfterAReveal(t *testing.T) {
	w := newWorld(t)
	first := w.confirmed("048213")
	require.Equal(t, http.StatusOK, w.post("/api/v1/actions/"+first+"/reveal", `{"reason": "owner is here"}`).StatusCode)
	assert.Equal(t, true, w.do(http.MethodGet, "/api/v1/actions/"+first, "").json["disclosed"])

	refused := w.lock(`{"pin": {"mode": "keep"}}`)
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	assert.Equal(t, "blocked", refused.json["code"])
	assert.Equal(t, map[string]string{"pin_disclosed": "pin.mode"}, fields(refused))
	dry := w.post("/api/v1/devices/mac/lock?dry_run=true", `{"pin": {"mode": "keep"}}`)
	assert.Equal(t, true, dry.json["blocked"], dry.text)

	allowed := w.lock(`{"pin": {"mode": "keep", "reuse_reason": "the note on the lid has it"}}`)
	require.Equal(t, http.StatusAccepted, allowed.StatusCode, allowed.text)
	assert.Equal(t, "the note on the lid has it", allowed.json["reuse_reason"])
	pins := items(w.do(http.MethodGet, "/api/v1/devices/mac/pins", ""))
	again := pins[1].(map[string]any)
	assert.Equal(t, first, again["kept_from"])
	assert.Equal(t, "the note on the lid has it", again["reuse_reason"])
	assert.NotContains(t, again, "last_used_at", "it has not left yet")
	assert.Equal(t, true, pins[0].(map[string]any)["disclosed"])
}

func TestSuppliedPINBreaksARule(t *testing.T) {
	w := newWorld(t)
	first := w.confirmed("048213")
	require.Equal(t, http.StatusOK, w.post("/api/v1/actions/"+w.confirmed("731946")+"/reveal", `{"reason": "x"}`).StatusCode)
	for name, c := range map[string]struct{ value, reason string }{
		"too short":         {"04821", "length"},
		"letters":           {"04821x", "alphabet"},
		"white space":       {"04821 ", "space"},
		"one of the last":   {"048213", "history"},
		"shown to somebody": {"731946", "disclosed"},
	} {
		t.Run(name, func(t *testing.T) {
			res := w.lock(`{"pin": {"mode": "supplied", "value": "` + c.value + `"}}`)
			assert.Equal(t, http.StatusUnprocessableEntity, res.StatusCode)
			assert.Equal(t, "invalid", res.json["code"])
			assert.Equal(t, "pin.value", res.json["field"])
			assert.Equal(t, c.reason, res.json["reason"])
			assert.NotContains(t, res.text, c.value)
		})
	}
	again := w.lock(`{"pin": {"mode": "supplied", "value": "048213", "reuse_reason": "printed already"}}`)
	require.Equal(t, http.StatusAccepted, again.StatusCode, again.text)
	assert.Equal(t, map[string]string{"pin_reused": "pin.value"}, fields(again))
	assert.NotEqual(t, first, again.json["id"])
}

func TestDryRunJudgesThePIN(t *testing.T) {
	w := newWorld(t)
	w.confirmed("048213")
	const path = "/api/v1/devices/mac/lock?dry_run=true"
	bad := w.post(path, `{"pin": {"mode": "supplied", "value": "111111"}}`)
	assert.Equal(t, true, bad.json["blocked"], bad.text)
	assert.Equal(t, "pin.value", fields(bad)["pin_repeat"])
	used := w.post(path, `{"pin": {"mode": "supplied", "value": "048213"}}`)
	assert.Equal(t, false, used.json["blocked"], "only an order tells that a PIN was used before: it is on record")
}

func TestFeedback(t *testing.T) {
	w := newWorld(t)
	first := w.confirmed("048213")
	second := w.confirmed("731946")
	order := func() (ids []string) {
		for _, item := range items(w.do(http.MethodGet, "/api/v1/devices/mac/pins", "")) {
			ids = append(ids, item.(map[string]any)["action_id"].(string))
		}
		return ids
	}
	require.Equal(t, []string{second, first}, order())
	for _, outcome := range []string{"other", "wrong_pin", "worked"} {
		want := []string{second, first}
		if outcome == "wrong_pin" {
			want = []string{first, second}
		}
		res := w.post("/api/v1/actions/"+second+"/feedback", `{"outcome": "`+outcome+`", "note": "typed 731946 twice"}`)
		require.Equal(t, http.StatusOK, res.StatusCode, res.text)
		assert.Equal(t, outcome, res.json["feedback"])
		assert.NotEmpty(t, res.json["feedback_at"])
		assert.Equal(t, want, order(), outcome)
	}
	pins := w.do(http.MethodGet, "/api/v1/devices/mac/pins", "")
	for _, item := range items(pins) {
		c := item.(map[string]any)
		assert.Equal(t, c["confirmed_at"], c["last_used_at"])
		assert.Equal(t, c["action_id"] == second, c["feedback_at"] != nil)
	}
	events := w.do(http.MethodGet, "/api/v1/events?action_id="+second, "")
	assert.NotContains(t, events.text, "731946", "a run of digits is not kept")
	assert.Contains(t, events.text, "twice")
}

func TestValueThatIsNullIsNone(t *testing.T) {
	for _, choice := range []string{`{"value": null}`, `{"mode": "rotate", "value": null}`} {
		ordered := newWorld(t).lock(`{"pin": ` + choice + `}`)
		assert.Equal(t, http.StatusAccepted, ordered.StatusCode, ordered.text)
		assert.Equal(t, false, ordered.json["supplied"])
	}
}

// TestOpenAPINamesEveryField holds the document and the answers together.
func TestOpenAPINamesEveryField(t *testing.T) {
	w := newWorld(t)
	id := w.confirmed("048213")
	require.Equal(t, http.StatusOK, w.post("/api/v1/actions/"+id+"/feedback", `{"outcome": "other"}`).StatusCode)
	w.post("/api/v1/actions/"+id+"/reveal", `{"reason": "x"}`)
	kept := w.lock(`{"pin": {"mode": "keep", "reuse_reason": "y"}}`)
	require.Equal(t, http.StatusAccepted, kept.StatusCode, kept.text)
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(openAPI, &doc))
	check := func(schema string, object any) {
		fields, ok := object.(map[string]any)
		require.True(t, ok, "%v", object)
		for name := range fields {
			assert.Contains(t, doc.Components.Schemas[schema].Properties, name, schema)
		}
	}
	check("Action", kept.json)
	check("Problem", w.lock(`{"pin": {"mode": "supplied", "value": "1"}}`).json)
	for path, schema := range map[string]string{
		"/api/v1/actions": "Action", "/api/v1/devices": "Device", "/api/v1/devices/mac/pins": "Candidate", "/api/v1/events": "Event",
	} {
		for _, item := range items(w.do(http.MethodGet, path, "")) {
			check(schema, item)
		}
	}
}
