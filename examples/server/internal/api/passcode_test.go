package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

// phoneCodec has the preflight of Android; its commands are plain.
type phoneCodec struct{}

// Plan implements lock.Codec.
func (phoneCodec) Plan(d lock.Device, r lock.Request) lock.Plan { return android.Plan(d, r) }

// Encode implements lock.Codec.
func (phoneCodec) Encode(o lock.Order) ([]byte, error) {
	return json.Marshal(map[string]bool{"pin": !o.PIN.IsZero(), "secret": !o.Secret.IsZero()})
}

// office are Deliveries, and Accounts.
type office struct {
	orders []delivery.Order
	email  string
	err    error
	sent   []delivery.Delivery
}

// Of implements Deliveries.
func (o *office) Of(_ context.Context, action lock.ID) (all []delivery.Delivery, err error) {
	for _, d := range o.sent {
		if d.Action == action {
			all = append(all, d)
		}
	}
	return all, o.err
}

// Order implements Deliveries.
func (o *office) Order(_ context.Context, d delivery.Order) error {
	o.orders = append(o.orders, d)
	return o.err
}

// Account implements Accounts.
func (o *office) Account(_ context.Context, name string) (account.Account, error) {
	return account.Account{Name: name, Email: o.email}, nil
}

// NewAndroidCode implements AndroidCodes.
func (*office) NewAndroidCode(_ context.Context, a lock.Actor) (string, error) {
	return "agent-of-" + a.ID, nil
}

// phones is a world with a phone that is fully managed and has an active token.
func phones(t *testing.T, edits ...func(*lock.Config)) (*world, *office) {
	t.Helper()
	sealer, err := pin.NewKeyring(pin.Key{ID: "k1", Secret: mustBytes(t)})
	require.NoError(t, err)
	w := newWorldWith(t, sealer, append(edits, func(c *lock.Config) {
		c.Platforms = []lock.Platform{mdmproto.Platform(nil), {Name: inventory.AgentPlatform, Codec: phoneCodec{}}}
	})...)
	o := &office{email: "ada@example.com"}
	cfg := w.api.Config
	cfg.Deliveries, cfg.Accounts, cfg.AndroidCodes = o, o, o
	w.api, w.web = &api{cfg}, New(cfg)
	at := w.now
	d := inventory.Device{
		Device:    lock.Device{Scope: "default", ID: "phone", Platform: inventory.AgentPlatform, Serial: "S-phone", Name: "Phone", Facts: map[string]lock.Fact{}},
		OSVersion: "Android 14 (API 34)", APILevel: 34, Mode: string(android.ModeDeviceOwner), Enrolled: true, LastSeen: at,
	}
	cfg.Devices.(devices)["phone"] = d
	for name, value := range map[android.FactName]string{
		android.FactAPILevel: "34", android.FactMode: "device_owner", android.FactSecureLock: "true", android.FactUserUnlocked: "true",
		android.FactSecureLockFeature: "true", android.FactManagedProfile: "false", android.FactTargetSDK: "34", android.FactQuality: "131072",
		android.FactMinLength: "6", android.FactAgreementKey: "{}", android.FactTokenState: "none",
	} {
		d.Facts[string(name)] = lock.Fact{Value: value, At: at}
	}
	given := w.do(http.MethodPost, "/api/v1/devices/phone/provision-token", `{"reason": "enrolled"}`)
	require.Equal(t, http.StatusAccepted, given.StatusCode, given.text)
	w.answer(lock.ID(given.json["id"].(string)))
	d.Facts[string(android.FactTokenState)] = lock.Fact{Value: "active", At: at}
	d.Facts[string(android.FactTokenID)] = lock.Fact{Value: given.json["id"].(string), At: at}
	return w, o
}

func mustBytes(t *testing.T) pin.PIN {
	t.Helper()
	secret, err := pin.Bytes([]byte(strings.Repeat("k", 32)))
	require.NoError(t, err)
	return secret
}

// answer lets the phone take its command, and acknowledges it.
func (w *world) answer(id lock.ID) {
	w.t.Helper()
	d, err := w.api.Devices.FindFor(w.t.Context(), lock.Actor{}, "phone")
	require.NoError(w.t, err)
	cmd, err := w.service.Next(w.t.Context(), d.Device)
	require.NoError(w.t, err)
	require.Equal(w.t, id, cmd.ID)
	require.NoError(w.t, w.service.Report(w.t.Context(), lock.Report{Scope: "default", Device: "phone", Action: id, Outcome: lock.Acknowledged}))
}

func (w *world) reset(body string, headers ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, "/api/v1/devices/phone/reset-passcode", body, headers...)
}

func TestResetPasscode(t *testing.T) {
	w, _ := phones(t)
	first := w.reset(`{"reason": "forgotten", "options": {"lock_now": false}}`, "Idempotency-Key", "k1")
	require.Equal(t, http.StatusAccepted, first.StatusCode, first.text)
	assert.Equal(t, "reset-passcode", first.json["kind"])
	assert.Equal(t, map[string]any{"require_entry": "true"}, first.json["options"])
	assert.NotEmpty(t, first.json["uses"], "the token")
	assert.Equal(t, "/api/v1/actions/"+first.json["id"].(string), first.Header.Get("Location"))
	again := w.reset(`{"reason": "forgotten"}`)
	assert.Equal(t, http.StatusOK, again.StatusCode)
	assert.Equal(t, first.json["id"], again.json["id"])
	busy := w.reset(`{"pin": {"mode": "supplied", "value": "73918264"}}`)
	assert.Equal(t, http.StatusConflict, busy.StatusCode)
	assert.NotContains(t, busy.text, "73918264")
	cleared := w.do(http.MethodPost, "/api/v1/devices/phone/clear-passcode", `{"force": true}`)
	assert.Contains(t, []int{http.StatusConflict, http.StatusUnprocessableEntity}, cleared.StatusCode)

	w.answer(lock.ID(first.json["id"].(string)))
	shown := w.do(http.MethodPost, "/api/v1/actions/"+first.json["id"].(string)+"/reveal", `{"reason": "user on the phone"}`)
	assert.Regexp(t, `^[0-9]{8}$`, shown.json["pin"])
}

// A dry run says what an order would meet: what blocks it, and what it would join.
func TestResetDryRun(t *testing.T) {
	const path = "/api/v1/devices/phone/"
	w, _ := phones(t)
	before := len(items(w.do(http.MethodGet, "/api/v1/actions", "")))
	dry := w.do(http.MethodPost, path+"reset-passcode?dry_run=true", `{}`)
	require.Equal(t, http.StatusOK, dry.StatusCode, dry.text)
	assert.Equal(t, false, dry.json["blocked"])
	short := w.do(http.MethodPost, path+"reset-passcode?dry_run=true", `{"pin": {"mode": "supplied", "value": "1234"}}`)
	assert.Equal(t, true, short.json["blocked"], short.text)
	assert.NotContains(t, short.text, "1234")
	rotate := w.do(http.MethodPost, path+"provision-token?dry_run=true", `{}`)
	assert.Equal(t, true, rotate.json["blocked"])
	assert.Contains(t, rotate.text, "token_active")
	forced := w.do(http.MethodPost, path+"provision-token?dry_run=true", `{"force": true}`)
	assert.Equal(t, false, forced.json["blocked"])
	mac := w.do(http.MethodPost, "/api/v1/devices/mac/reset-passcode?dry_run=true", `{}`)
	assert.Equal(t, true, mac.json["blocked"], "a Mac has no such command")
	assert.Len(t, items(w.do(http.MethodGet, "/api/v1/actions", "")), before, "nothing was ordered")

	require.Equal(t, http.StatusAccepted, w.reset(`{}`).StatusCode)
	assert.Contains(t, w.do(http.MethodPost, path+"reset-passcode?dry_run=true", `{}`).text, "live_order")
	assert.Contains(t, w.do(http.MethodPost, path+"clear-passcode?dry_run=true", `{}`).text, "busy")
	assert.NotContains(t, w.do(http.MethodPost, path+"lock?dry_run=true", `{}`).text, "busy", "a lock has a lane of its own")
}

func TestResetDelivers(t *testing.T) {
	w, o := phones(t)
	for name, c := range map[string]struct{ body, field string }{
		"no address":     {`{"deliver": {"to_user": "grace"}}`, "deliver.to_user"},
		"name and all":   {`{"deliver": {"to_user": "Grace <grace@example.com>"}}`, "deliver.to_user"},
		"unknown field":  {`{"deliver": {"to": "x"}}`, "to"},
		"no such option": {`{"options": {"wipe": true}}`, "wipe"},
		"to keep":        {`{"pin": {"mode": "keep"}}`, "pin.mode"},
	} {
		refused := w.reset(c.body)
		assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode, name)
		assert.Equal(t, c.field, refused.json["field"], name)
	}
	assert.Empty(t, o.orders)
	ordered := w.reset(`{"deliver": {"to_admin": true, "to_user": "grace@example.com"}}`)
	require.Equal(t, http.StatusAccepted, ordered.StatusCode, ordered.text)
	require.Len(t, o.orders, 1)
	assert.Equal(t, delivery.Order{
		Action: lock.ID(ordered.json["id"].(string)), By: o.orders[0].By, Admin: "ada@example.com", User: "grace@example.com",
	}, o.orders[0])
	assert.Equal(t, "admin", o.orders[0].By.ID)

	o.email = ""
	assert.Equal(t, "deliver.to_admin", w.reset(`{"deliver": {"to_admin": true}}`).json["field"])
	o.err = errors.New("disk full")
	failed := w.reset(`{"deliver": {"to_user": "grace@example.com"}}`)
	assert.Equal(t, http.StatusServiceUnavailable, failed.StatusCode, "to be repeated: the order joins itself")
	w.api.Deliveries = nil
	w.web = New(w.api.Config)
	assert.Equal(t, "deliver", w.reset(`{"deliver": {"to_user": "grace@example.com"}}`).json["field"])
}

// rights are all that an account may do.
type rights []lock.Verb

// Authorize implements lock.Authorizer.
func (r *rights) Authorize(_ context.Context, _ lock.Actor, v lock.Verb, _ lock.Target) error {
	if !slices.Contains(*r, v) {
		return errors.New("no")
	}
	return nil
}

// Visible implements lock.Authorizer.
func (r *rights) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	return f, nil
}

// A mail is a reveal: who may not reveal orders nothing with one, and the dry run says so.
func TestDeliveryNeedsTheRightToReveal(t *testing.T) {
	may := &rights{lock.VerbView, lock.VerbProvision}
	w, o := phones(t, func(c *lock.Config) { c.Authorize = may })
	*may = rights{lock.VerbView, lock.VerbReset}
	before := items(w.do(http.MethodGet, "/api/v1/actions", ""))
	for _, deliver := range []string{`{"to_admin": true}`, `{"to_user": "grace@example.com"}`} {
		for _, query := range []string{"", "?dry_run=true"} {
			refused := w.do(http.MethodPost, "/api/v1/devices/phone/reset-passcode"+query, `{"deliver": `+deliver+`}`)
			assert.Equal(t, http.StatusForbidden, refused.StatusCode, query+refused.text)
			assert.Equal(t, "denied", refused.json["code"])
		}
	}
	assert.Equal(t, before, items(w.do(http.MethodGet, "/api/v1/actions", "")), "nothing was ordered")
	assert.Empty(t, o.orders)
	assert.Equal(t, http.StatusAccepted, w.reset(`{"deliver": {}}`).StatusCode, "without a mail it takes no more than the reset")
}

func TestTokens(t *testing.T) {
	const path = "/api/v1/devices/phone/"
	w, _ := phones(t)
	one := w.do(http.MethodGet, "/api/v1/devices/phone", "")
	assert.Equal(t, "device_owner", one.json["mode"], one.text)
	assert.InDelta(t, 34, one.json["api_level"], 0)
	token, _ := one.json["token"].(map[string]any)
	assert.Equal(t, "active", token["state"])
	assert.NotEmpty(t, token["at"])
	assert.NotEmpty(t, one.json["capabilities"])
	mac := w.do(http.MethodGet, "/api/v1/devices/mac", "")
	for _, field := range []string{"mode", "api_level", "token", "capabilities"} {
		assert.NotContains(t, mac.json, field)
	}
	revoked := w.do(http.MethodPost, path+"revoke-token", `{"reason": "handed back"}`)
	require.Equal(t, http.StatusAccepted, revoked.StatusCode, revoked.text)
	assert.Equal(t, token["id"], revoked.json["of"])
	assert.Equal(t, http.StatusConflict, w.do(http.MethodPost, path+"provision-token", `{"force": true}`).StatusCode)
	none := w.do(http.MethodPost, "/api/v1/devices/mac/revoke-token", `{}`)
	assert.Equal(t, "token_id", none.json["field"])
	foreign := w.do(http.MethodPost, "/api/v1/devices/mac/revoke-token", `{"token_id": "`+token["id"].(string)+`"}`)
	assert.GreaterOrEqual(t, foreign.StatusCode, 400)
	past := w.do(http.MethodPost, path+"clear-passcode", `{"not_after": "`+w.now.Add(-time.Hour).Format(time.RFC3339)+`"}`)
	assert.Equal(t, "not_after", past.json["field"])
}

func TestAndroidEnrollment(t *testing.T) {
	w, _ := phones(t)
	made := w.do(http.MethodPost, "/api/v1/enrollments", `{"platform": "android"}`)
	require.Equal(t, http.StatusCreated, made.StatusCode, made.text)
	assert.Equal(t, map[string]any{"url": "https://mdm.example.com", "code": "agent-of-admin"}, made.json)
	assert.Equal(t, "device_id", w.do(http.MethodPost, "/api/v1/enrollments", `{"platform": "android", "device_id": "mac"}`).json["field"])
	assert.Equal(t, "platform", w.do(http.MethodPost, "/api/v1/enrollments", `{"platform": "windows"}`).json["field"])
	w.api.AndroidCodes = nil
	w.web = New(w.api.Config)
	assert.Equal(t, "platform", w.do(http.MethodPost, "/api/v1/enrollments", `{"platform": "android"}`).json["field"])
}

func FuzzResetRequest(f *testing.F) {
	f.Add([]byte(`{"reason": "x", "pin": {"mode": "supplied", "value": "73918264"}, "options": {"lock_now": false}, "deliver": {"to_user": "a@b.c"}}`))
	f.Add([]byte(`{"options": null, "deliver": {"to_admin": 1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(string(body)))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		var order resetRequest
		if err := read(req, &order); err == nil {
			assert.LessOrEqual(t, len(order.Options.wanted("android")), 2)
		} else {
			var p *problem
			require.ErrorAs(t, err, &p)
		}
	})
}

// A token that the ledger does not have, as after a database was restored, resets nothing; it can be replaced, and not revoked.
func TestTokenOfAnotherServer(t *testing.T) {
	w, _ := phones(t)
	const path, unknown = "/api/v1/devices/phone", "01a02d9f-0000-7000-8000-000000000000"
	reset := func() (effect, code, text any) {
		for _, c := range w.do(http.MethodGet, path, "").json["capabilities"].([]any) {
			if c := c.(map[string]any); c["act"] == "reset" {
				effect, code, text = c["effect"], c["code"], c["text"]
			}
		}
		return effect, code, text
	}
	effect, _, _ := reset()
	require.Equal(t, "works", effect)
	w.api.Devices.(devices)["phone"].Facts[string(android.FactTokenID)] = lock.Fact{Value: unknown, At: w.now}
	effect, code, text := reset()
	assert.Equal(t, "fails", effect)
	assert.Equal(t, "token_foreign", code)
	assert.Equal(t, "The device has a token that this server cannot use: rotate it.", text)
	for _, body := range []string{`{}`, `{"token_id": "` + unknown + `"}`, `{"token_id": "garbage"}`} {
		for _, query := range []string{"", "?dry_run=true"} {
			refused := w.do(http.MethodPost, path+"/revoke-token"+query, body)
			assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode, refused.text)
			assert.Equal(t, "token_id", refused.json["field"])
		}
	}
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodPost, "/api/v1/devices/nobody/revoke-token", `{"token_id": "`+unknown+`"}`).StatusCode)
	rotated := w.do(http.MethodPost, path+"/provision-token", `{"force": true}`)
	assert.Equal(t, http.StatusAccepted, rotated.StatusCode, rotated.text)
}

// A preflight promises no revocation that is refused.
func TestDryRevocation(t *testing.T) {
	w, _ := phones(t)
	other := w.reset(`{"reason": "x"}`).json["id"].(string)
	for name, body := range map[string]string{"its token": `{}`, "no token": `{"token_id": "` + other + `"}`} {
		t.Run(name, func(t *testing.T) {
			dry := w.do(http.MethodPost, "/api/v1/devices/phone/revoke-token?dry_run=true", body)
			require.Equal(t, http.StatusOK, dry.StatusCode, dry.text)
			done := w.do(http.MethodPost, "/api/v1/devices/phone/revoke-token", body)
			assert.Equal(t, done.StatusCode != http.StatusAccepted, dry.json["blocked"], dry.text)
			if dry.json["blocked"] == true {
				assert.Contains(t, dry.text, `"field":"token_id"`)
				assert.Equal(t, "token_id", done.json["field"])
			}
		})
	}
}
