package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/audit"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/locked"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/store/auditlog"
)

// The tokens of the accounts.
const (
	goodToken    = "good-token"
	otherToken   = "other-token"
	curiousToken = "curious-token" // may not audit
	blindToken   = "blind-token"   // may see nothing
)

// world is the API with a ledger in memory and two Macs: one, and one which a lock would deactivate.
type world struct {
	t       *testing.T
	api     *api
	web     http.Handler
	service *lock.Service
	ledger  *ledger
	log     *auditlog.Log
	logs    strings.Builder
	now     time.Time
}

// ledger fails to commit when it is told to.
type ledger struct {
	lock.Store
	broken bool
}

// Commit implements lock.Store.
func (l *ledger) Commit(ctx context.Context, changes []lock.Change) ([]error, error) {
	if l.broken {
		return nil, errors.New("disk full")
	}
	return l.Store.Commit(ctx, changes)
}

type devices map[string]inventory.Device

// Devices implements Devices.
func (d devices) Devices(_ context.Context, _ lock.Actor, _, after string, limit int) ([]inventory.Device, error) {
	var found []inventory.Device
	for _, id := range []string{"mac", "old"} {
		if known, ok := d[id]; ok && id > after && len(found) < limit {
			found = append(found, known)
		}
	}
	return found, nil
}

// FindFor implements Devices.
func (d devices) FindFor(_ context.Context, _ lock.Actor, id string) (inventory.Device, error) {
	found, ok := d[id]
	if !ok {
		return found, lock.ErrNotFound
	}
	return found, nil
}

// Remove implements Devices.
func (d devices) Remove(ctx context.Context, a lock.Actor, id string) error {
	_, err := d.FindFor(ctx, a, id)
	delete(d, id)
	return err
}

type tokens struct{}

// CheckToken implements Tokens.
func (tokens) CheckToken(_ context.Context, token string) (lock.Actor, error) {
	switch token {
	case goodToken:
		return lock.Actor{ID: "admin"}, nil
	case otherToken:
		return lock.Actor{ID: "other"}, nil
	case blindToken:
		return lock.Actor{ID: "blind"}, nil
	case curiousToken:
		return lock.Actor{ID: "curious"}, nil
	}
	return lock.Actor{}, lock.ErrDenied
}

type codes struct{}

// NewCode implements Codes.
func (codes) NewCode(_ context.Context, a lock.Actor, renews string) (string, error) {
	if renews == "" {
		return "new+code", nil
	}
	return "renew-" + renews + "-for-" + a.ID, nil
}

// everything may be done by everyone, but for reveals of the old Mac.
type everything struct{}

// Authorize implements lock.Authorizer.
func (everything) Authorize(_ context.Context, a lock.Actor, v lock.Verb, t lock.Target) error {
	if v == lock.VerbReveal && t.Device.ID == "old" || a.ID == "blind" {
		return errors.New("no")
	}
	return nil
}

// Visible implements lock.Authorizer.
func (everything) Visible(_ context.Context, a lock.Actor, v lock.Verb, f lock.Filter) (lock.Filter, error) {
	if v == lock.VerbAudit && a.ID == "curious" || a.ID == "blind" {
		return f, errors.New("no")
	}
	return f, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	keyring, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "keyring"))
	require.NoError(t, err)
	return newWorldWith(t, keyring)
}

func newWorldWith(t *testing.T, sealer pin.Sealer, edits ...func(*lock.Config)) *world {
	t.Helper()
	memory := store.NewMemory()
	w := &world{t: t, ledger: &ledger{Store: memory}, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)}
	logger := slog.New(slog.NewTextHandler(&w.logs, nil))
	rules := lock.Config{
		Store: w.ledger, Sealer: sealer, Platforms: []lock.Platform{mdmproto.Platform(nil)}, Authorize: everything{}, Logger: logger,
		Now: func() time.Time { w.now = w.now.Add(time.Second); return w.now }, // IDs of one millisecond have no order
	}
	for _, edit := range edits {
		edit(&rules)
	}
	var err error
	w.service, err = lock.New(rules)
	require.NoError(t, err)
	signer, public, err := auditlog.NewKey("mdm.example.com/ledger")
	require.NoError(t, err)
	w.log, err = auditlog.New(auditlog.Config{Store: w.ledger, Storage: memory, Key: signer, Logger: logger})
	require.NoError(t, err)
	trail := audit.New(audit.Config{
		Service: w.service, Ledger: w.ledger, Storage: memory, Log: w.log, Key: public, Scope: "default", Logger: logger,
	})
	fleet := devices{"mac": mac("mac", "15.1"), "old": mac("old", "11.4")}
	cfg := Config{
		Service: w.service, Audit: trail, Devices: fleet, Tokens: tokens{}, Codes: codes{}, Scope: "default",
		BaseURL: "https://mdm.example.com", Now: func() time.Time { return w.now }, Logger: logger,
		Locked: &locked.Report{Service: w.service, Devices: fleet, Scope: "default"}, Approvals: w.inbox(rules),
	}
	w.api, w.web = &api{cfg}, New(cfg)
	return w
}

func mac(id, version string) inventory.Device {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	facts := map[string]lock.Fact{}
	for name, value := range map[string]string{
		"OSVersion": version, "IsAppleSilicon": "true", "ProductName": "Mac14,2", "ManagementStatus.IsUserEnrollment": "false",
	} {
		facts[name] = lock.Fact{Value: value, At: at}
	}
	return inventory.Device{
		Device:    lock.Device{Scope: "default", ID: id, Platform: "apple", Serial: "S-" + id, Name: "Mac " + id, Facts: facts},
		OSVersion: version, ProductName: "Mac14,2", Enrolled: true, LastSeen: at, Expires: at.AddDate(5, 0, 0),
	}
}

// answer is what came back.
type answer struct {
	*http.Response
	text string
	json map[string]any
}

// do sends a request with the good token. Headers come in pairs.
func (w *world) do(method, path, body string, headers ...string) answer {
	w.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+goodToken)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res := httptest.NewRecorder()
	w.web.ServeHTTP(res, req)
	a := answer{Response: res.Result()}
	text, err := io.ReadAll(a.Body)
	require.NoError(w.t, err)
	a.text = string(text)
	if a.StatusCode != http.StatusNoContent {
		require.NoError(w.t, json.Unmarshal(text, &a.json), a.text)
	}
	return a
}

// lock orders a lock of the Mac and returns its action.
func (w *world) lock(body string, headers ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, "/api/v1/devices/mac/lock", body, headers...)
}

func items(a answer) []any {
	list, _ := a.json["items"].([]any)
	return list
}

func TestLockJoinBusy(t *testing.T) {
	w := newWorld(t)
	first := w.lock(`{"reason": "stolen", "pin": {"mode": "supplied", "value": "048213"}}`, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusAccepted, first.StatusCode, first.text)
	assert.Equal(t, "queued", first.json["state"])
	assert.Equal(t, false, first.json["joined"])
	assert.Equal(t, "/api/v1/actions/"+first.json["id"].(string), first.Header.Get("Location"))
	assert.NotContains(t, first.text, "048213")

	again := w.lock(`{"reason": "stolen"}`)
	assert.Equal(t, http.StatusOK, again.StatusCode, again.text)
	assert.Equal(t, first.json["id"], again.json["id"])
	assert.Equal(t, true, again.json["joined"])

	busy := w.lock(`{"pin": {"mode": "supplied", "value": "731946"}}`)
	assert.Equal(t, http.StatusConflict, busy.StatusCode)
	assert.Equal(t, "busy", busy.json["code"])
	assert.Equal(t, first.json["id"], busy.json["action"].(map[string]any)["id"])
	assert.NotContains(t, busy.text, "731946")

	reused := w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`, "Idempotency-Key", "k1")
	assert.Equal(t, http.StatusConflict, reused.StatusCode)
	assert.Equal(t, "key_reused", reused.json["code"])
}

func TestBlockedAndForced(t *testing.T) {
	w := newWorld(t)
	blocked := w.do(http.MethodPost, "/api/v1/devices/old/lock", `{}`)
	assert.Equal(t, http.StatusUnprocessableEntity, blocked.StatusCode)
	assert.Equal(t, "blocked", blocked.json["code"])
	assert.Contains(t, blocked.text, "apple_silicon_before_11_5")
	forced := w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`)
	assert.Equal(t, http.StatusAccepted, forced.StatusCode, forced.text)
	assert.Equal(t, true, forced.json["forced"])
}

func TestDryRunOrdersNothing(t *testing.T) {
	w := newWorld(t)
	for device, blocked := range map[string]bool{"mac": false, "old": true} {
		res := w.do(http.MethodPost, "/api/v1/devices/"+device+"/lock?dry_run=true", `{}`)
		require.Equal(t, http.StatusOK, res.StatusCode, res.text)
		assert.Equal(t, blocked, res.json["blocked"], device)
	}
	assert.Empty(t, items(w.do(http.MethodGet, "/api/v1/actions", "")))
}

// A dry run says what a live lock makes of the order, and what it says is what the order then meets.
func TestDryRunBesideALiveLock(t *testing.T) {
	const drawn, supplied = `{"reason": "x"}`, `{"pin": {"mode": "supplied", "value": "048213"}}`
	for name, c := range map[string]struct {
		live, order, token string
		code               string
		status             int
	}{
		"new PIN":                   {drawn, drawn, goodToken, "live_lock", http.StatusOK},
		"own PIN":                   {drawn, supplied, goodToken, "busy", http.StatusConflict},
		"own PIN once more":         {supplied, supplied, goodToken, "live_lock", http.StatusOK},
		"own PIN, another's before": {supplied, supplied, otherToken, "busy", http.StatusConflict},
		"new PIN, another's before": {supplied, drawn, otherToken, "live_lock", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.Equal(t, http.StatusAccepted, w.lock(c.live).StatusCode)
			dry := w.do(http.MethodPost, "/api/v1/devices/mac/lock?dry_run=true", c.order, "Authorization", "Bearer "+c.token)
			require.Equal(t, http.StatusOK, dry.StatusCode, dry.text)
			found, _ := dry.json["findings"].([]any)
			last, _ := found[len(found)-1].(map[string]any)
			assert.Equal(t, c.code, last["code"])
			assert.Equal(t, c.code == "busy", dry.json["blocked"])
			order := w.lock(c.order, "Authorization", "Bearer "+c.token)
			assert.Equal(t, c.status, order.StatusCode, order.text)
		})
	}
	w := newWorld(t)
	assert.NotContains(t, w.do(http.MethodPost, "/api/v1/devices/mac/lock?dry_run=true", drawn).text, "live_lock")
}

func TestRevealAndCancel(t *testing.T) {
	w := newWorld(t)
	id := w.lock(`{"pin": {"mode": "supplied", "value": "048213"}}`).json["id"].(string)
	res := w.do(http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "owner is here"}`)
	assert.Equal(t, http.StatusOK, res.StatusCode, res.text)
	assert.Equal(t, map[string]any{"pin": "048213"}, res.json)
	assert.Equal(t, "no-store", res.Header.Get("Cache-Control"))

	silent := w.do(http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": ""}`)
	assert.Equal(t, http.StatusUnprocessableEntity, silent.StatusCode)
	assert.Equal(t, "reason", silent.json["field"])

	cancelled := w.do(http.MethodPost, "/api/v1/actions/"+id+"/cancel", "")
	assert.Equal(t, "cancelled", cancelled.json["state"], cancelled.text)

	pins := w.do(http.MethodGet, "/api/v1/devices/mac/pins", "")
	require.Len(t, items(pins), 1)
	assert.Equal(t, id, items(pins)[0].(map[string]any)["action_id"])
	assert.NotContains(t, pins.text, "048213")
	events := w.do(http.MethodGet, "/api/v1/events?action_id="+id, "")
	assert.Len(t, items(events), 3)
	assert.Contains(t, events.text, `"revealed"`)
	assert.NotContains(t, events.text, "048213")
}

func TestDeniedIsRecorded(t *testing.T) {
	w := newWorld(t)
	id := w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`).json["id"].(string)
	res := w.do(http.MethodPost, "/api/v1/actions/"+id+"/reveal", `{"reason": "please"}`)
	assert.Equal(t, http.StatusForbidden, res.StatusCode)
	assert.Equal(t, "denied", res.json["code"])
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/events?type=denied", "")), 1)
}

func TestDevices(t *testing.T) {
	w := newWorld(t)
	one := w.do(http.MethodGet, "/api/v1/devices/mac", "")
	assert.Equal(t, "managed", one.json["state"], one.text)
	assert.Equal(t, "2026-11-21T09:00:00Z", one.json["last_seen_at"])
	assert.Equal(t, "2031-11-21T09:00:00Z", one.json["certificate_expires_at"])
	assert.Contains(t, one.text, `"learnt_at":"2026-11-21T09:00:00Z"`)
	id := w.lock(`{}`).json["id"]
	page := w.do(http.MethodGet, "/api/v1/devices?limit=1", "")
	require.Len(t, items(page), 1)
	assert.Equal(t, "lock-pending", items(page)[0].(map[string]any)["state"])
	assert.Equal(t, id, items(page)[0].(map[string]any)["action_id"])
	assert.Equal(t, "mac", page.json["next_cursor"])
	rest := w.do(http.MethodGet, "/api/v1/devices?cursor=mac", "")
	require.Len(t, items(rest), 1)
	assert.Empty(t, rest.json["next_cursor"])
}

func TestActionsAndEventsHavePages(t *testing.T) {
	w := newWorld(t)
	first := w.lock(`{}`).json["id"]
	second := w.do(http.MethodPost, "/api/v1/devices/old/lock", `{"force": true}`).json["id"]
	page := w.do(http.MethodGet, "/api/v1/actions?limit=1", "")
	assert.Equal(t, second, items(page)[0].(map[string]any)["id"])
	rest := w.do(http.MethodGet, "/api/v1/actions?cursor="+page.json["next_cursor"].(string), "")
	require.Len(t, items(rest), 1)
	assert.Equal(t, first, items(rest)[0].(map[string]any)["id"])
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/actions?device_id=old&live=true&state=queued", "")), 1)

	events := w.do(http.MethodGet, "/api/v1/events?limit=1", "")
	assert.Equal(t, "1", events.json["next_cursor"])
	next := w.do(http.MethodGet, "/api/v1/events?cursor=1", "")
	assert.Equal(t, second, items(next)[0].(map[string]any)["action_id"])
	assert.Contains(t, next.text, `"audit-read"`, "reading is recorded")
}

func TestEnrollments(t *testing.T) {
	w := newWorld(t)
	res := w.do(http.MethodPost, "/api/v1/enrollments", "")
	assert.Equal(t, http.StatusCreated, res.StatusCode)
	assert.Equal(t, "https://mdm.example.com/enroll?code=new%2Bcode", res.json["url"])
	res = w.do(http.MethodPost, "/api/v1/enrollments", `{"device_id": "mac"}`)
	assert.Equal(t, "https://mdm.example.com/enroll?code=renew-mac-for-admin", res.json["url"])
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodPost, "/api/v1/enrollments", `{"device_id": "nobody"}`).StatusCode)
}
