package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestActionShowsItsMails(t *testing.T) {
	w, o := phones(t)
	ordered := w.reset(`{}`)
	require.Equal(t, http.StatusAccepted, ordered.StatusCode, ordered.text)
	id := ordered.json["id"].(string)
	path := "/api/v1/actions/" + id
	assert.NotContains(t, w.do(http.MethodGet, path, "").json, "mails")
	at := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	o.sent = []delivery.Delivery{
		{Action: lock.ID(id), To: delivery.ToUser, Address: "grace@example.org", State: delivery.Waiting, Attempts: 2,
			Cause: "The mail server cannot be reached.", Next: at},
		{Action: lock.ID(id), To: delivery.ToAdmin, Address: "ada@example.com", State: delivery.Opened, Attempts: 1, Next: at, Sent: at, Opened: at},
		{Action: "another", To: delivery.ToAdmin, Address: "eve@example.com", State: delivery.Sent},
	}
	shown := w.do(http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, shown.StatusCode)
	const when = "2026-11-03T08:00:00Z"
	assert.Equal(t, []any{
		map[string]any{"recipient": "user", "address": "grace@example.org", "state": "waiting", "attempts": 2.0,
			"last_error": "The mail server cannot be reached.", "next_at": when},
		map[string]any{"recipient": "admin", "address": "ada@example.com", "state": "opened", "attempts": 1.0, "sent_at": when, "opened_at": when},
	}, shown.json["mails"])
	o.err = errors.New("disk full")
	assert.Equal(t, http.StatusServiceUnavailable, w.do(http.MethodGet, path, "").StatusCode)

	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Enum []string } `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(openAPI, &doc))
	schemas := doc.Components.Schemas
	assert.Contains(t, schemas["Action"].Properties, "mails")
	for _, m := range shown.json["mails"].([]any) {
		for name := range m.(map[string]any) {
			assert.Contains(t, schemas["Mail"].Properties, name)
		}
	}
	states := []delivery.State{delivery.Waiting, delivery.Sent, delivery.Opened, delivery.Expired, delivery.Failed, delivery.Void}
	for _, s := range states {
		assert.True(t, slices.Contains(schemas["Mail"].Properties["state"].Enum, string(s)), s)
	}
}
