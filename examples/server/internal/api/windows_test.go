package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/windows"
)

// computers is a world with a Windows phone ("lumia") and a desktop ("desk").
func computers(t *testing.T, edits ...func(*lock.Config)) *world {
	t.Helper()
	sealer, err := pin.NewKeyring(pin.Key{ID: "k1", Secret: mustBytes(t)})
	require.NoError(t, err)
	w := newWorldWith(t, sealer, append(edits, func(c *lock.Config) {
		c.Platforms = []lock.Platform{mdmproto.Platform(nil), windows.Platform(nil)}
	})...)
	for id, class := range map[string]windows.Class{"lumia": windows.ClassPhone, "desk": windows.ClassDesktop} {
		facts := map[string]lock.Fact{}
		for name, value := range map[windows.FactName]string{
			windows.FactClass: string(class), windows.FactEdition: "48", windows.FactBuild: "10.0.22631.4460",
		} {
			facts[string(name)] = lock.Fact{Value: value, At: w.now}
		}
		w.api.Devices.(devices)[id] = inventory.Device{
			Device: lock.Device{Scope: "default", ID: id, Platform: windows.PlatformName, Serial: "S-" + id, Name: id, Facts: facts},
			Class:  string(class), Edition: "48", Build: "10.0.22631.4460", Enrolled: true, LastSeen: w.now,
		}
	}
	return w
}

// placed is the ID of an order that was made.
func (w *world) placed(path, body string) lock.ID {
	w.t.Helper()
	made := w.do(http.MethodPost, "/api/v1/devices/"+path, body)
	require.Equal(w.t, http.StatusAccepted, made.StatusCode, made.text)
	return lock.ID(made.json["id"].(string))
}

// says lets a device fetch its command, and say what came of it.
func (w *world) says(id lock.ID, r lock.Report) {
	w.t.Helper()
	act, err := w.service.Get(w.t.Context(), lock.Actor{ID: "ada"}, id)
	require.NoError(w.t, err)
	d, err := w.api.Devices.FindFor(w.t.Context(), lock.Actor{}, act.Device.ID)
	require.NoError(w.t, err)
	_, err = w.service.Next(w.t.Context(), d.Device)
	require.NoError(w.t, err)
	r.Scope, r.Device, r.Action = "default", act.Device.ID, id
	require.NoError(w.t, w.service.Report(w.t.Context(), r))
}

// findings are the codes of the findings of an action or a preflight.
func findings(a answer) (codes []string) {
	for _, f := range a.json["findings"].([]any) {
		codes = append(codes, f.(map[string]any)["code"].(string))
	}
	return codes
}

func TestWindowsDevice(t *testing.T) {
	w := computers(t)
	desk := w.do(http.MethodGet, "/api/v1/devices/desk", "").json
	assert.Equal(t, []any{"desktop", "48", "10.0.22631.4460"}, []any{desk["class"], desk["edition"], desk["build"]})
	effects := map[string]any{}
	for _, c := range desk["capabilities"].([]any) {
		one := c.(map[string]any)
		effects[one["act"].(string)] = one["effect"]
		assert.NotEmpty(t, one["text"])
	}
	assert.Equal(t, map[string]any{"lock": "fails", "reset": "fails", "recover": "fails", "sign_in_lockout": "unproven", "unlock": "unproven"}, effects)
	for _, item := range w.do(http.MethodGet, "/api/v1/devices", "").json["items"].([]any) {
		assert.NotContains(t, item, "capabilities", "a list has none")
	}
}

func TestWindowsLockOutAndUnlock(t *testing.T) {
	w := computers(t)
	dry := w.do(http.MethodPost, "/api/v1/devices/desk/lock?dry_run=true", `{"reason": "stolen"}`)
	assert.Equal(t, true, dry.json["blocked"])
	assert.Contains(t, findings(dry), "sign_in_lockout_unproven")
	assert.Equal(t, http.StatusUnprocessableEntity, w.do(http.MethodPost, "/api/v1/devices/desk/lock", `{"reason": "stolen"}`).StatusCode)
	none := w.do(http.MethodPost, "/api/v1/devices/desk/unlock", `{"reason": "found"}`)
	assert.Equal(t, []any{http.StatusUnprocessableEntity, "action_id"}, []any{none.StatusCode, none.json["field"]}, none.text)

	id := w.placed("desk/lock", `{"reason": "stolen", "force": true, "options": {"method": "sign_in"}}`)
	w.says(id, lock.Report{Outcome: lock.Acknowledged, Facts: map[string]string{
		"step": "denied", "before_deny": "absent", "before_title": "absent", "before_text": "absent",
	}})
	locked := w.do(http.MethodGet, "/api/v1/actions/"+string(id), "").json
	assert.Equal(t, []any{true, true, false}, []any{locked["holds"], locked["talks"], locked["has_pin"]})
	assert.Equal(t, map[string]any{"method": "sign_in"}, locked["options"])
	assert.Equal(t, "locked", w.do(http.MethodGet, "/api/v1/devices/desk", "").json["state"])
	assert.Equal(t, false, w.do(http.MethodPost, "/api/v1/devices/desk/unlock?dry_run=true", `{}`).json["blocked"])

	unlock := w.placed("desk/unlock", `{"reason": "found"}`)
	assert.Equal(t, string(id), w.do(http.MethodGet, "/api/v1/actions/"+string(unlock), "").json["of"])
	w.says(unlock, lock.Report{Outcome: lock.Acknowledged})
	assert.Equal(t, "released", w.do(http.MethodGet, "/api/v1/actions/"+string(id), "").json["state"])
	assert.Equal(t, "managed", w.do(http.MethodGet, "/api/v1/devices/desk", "").json["state"])
}

func TestUnlockNamesItsAction(t *testing.T) {
	w := computers(t)
	mac := w.placed("mac/lock", `{"reason": "stolen"}`)
	for name, id := range map[string]string{"of another device": string(mac), "that is none": "01990000-0000-7000-8000-000000000000"} {
		t.Run(name, func(t *testing.T) {
			refused := w.do(http.MethodPost, "/api/v1/devices/desk/unlock", `{"action_id": "`+id+`"}`)
			assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode, refused.text)
		})
	}
}

func TestWindowsReset(t *testing.T) {
	w := computers(t)
	own := w.do(http.MethodPost, "/api/v1/devices/lumia/reset-passcode?dry_run=true", `{"pin": {"mode": "supplied", "value": "730194"}}`)
	assert.Contains(t, findings(own), "device_makes_pin")
	assert.NotContains(t, own.text, "730194")
	android := w.do(http.MethodPost, "/api/v1/devices/lumia/reset-passcode?dry_run=true", `{"options": {"lock_now": true}}`)
	assert.Contains(t, findings(android), "option_unknown", "what is of Android alone is not dropped in silence")

	id := w.placed("lumia/reset-passcode", `{"reason": "forgotten"}`)
	before := w.do(http.MethodGet, "/api/v1/actions/"+string(id), "").json
	assert.Equal(t, []any{true, false}, []any{before["returns"], before["has_pin"]})
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodPost, "/api/v1/actions/"+string(id)+"/reveal", because).StatusCode)
	code, err := pin.Parse("730194")
	require.NoError(t, err)
	w.says(id, lock.Report{Outcome: lock.Acknowledged, Secret: code})
	assert.Equal(t, true, w.do(http.MethodGet, "/api/v1/actions/"+string(id), "").json["has_pin"])
	assert.Equal(t, "730194", w.do(http.MethodPost, "/api/v1/actions/"+string(id)+"/reveal", because).json["pin"])

	recovered := w.do(http.MethodPost, "/api/v1/devices/lumia/reset-passcode", `{"reason": "again", "options": {"recover": true}}`)
	assert.Equal(t, map[string]any{"recover": "true"}, recovered.json["options"], recovered.text)
}

const because = `{"reason": "the PIN was not read", "ticket": "4711"}`

func TestRevealOfWhatTheDeviceAnswered(t *testing.T) {
	w := computers(t)
	id := w.placed("lumia/reset-passcode", `{"reason": "forgotten"}`)
	path := "/api/v1/actions/" + string(id)
	assert.Equal(t, http.StatusNotFound, w.do(http.MethodPost, path+"/reveal-answer", because).StatusCode, "nothing is kept yet")
	d, err := w.api.Devices.FindFor(t.Context(), lock.Actor{}, "lumia")
	require.NoError(t, err)
	_, err = w.service.Next(t.Context(), d.Device)
	require.NoError(t, err)
	kept, err := w.service.Keep(t.Context(), d.Device, []byte("<SyncML>\xff 730194"))
	require.NoError(t, err)
	require.Equal(t, id, kept)
	w.says(id, lock.Report{Outcome: lock.Acknowledged})
	lost := w.do(http.MethodGet, path, "")
	assert.Contains(t, findings(lost), "pin_lost")
	assert.Equal(t, []any{true, false}, []any{lost.json["answer_kept"], lost.json["has_pin"]})
	assert.NotContains(t, lost.text, "730194")

	assert.Equal(t, http.StatusUnprocessableEntity, w.do(http.MethodPost, path+"/reveal-answer", `{}`).StatusCode, "a reason is required")
	shown := w.do(http.MethodPost, path+"/reveal-answer", because)
	assert.Equal(t, "<SyncML>\ufffd 730194", shown.json["answer"], shown.text)
	assert.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
	events := w.do(http.MethodGet, "/api/v1/events?type=revealed&action_id="+string(id), "").json["items"].([]any)
	require.Len(t, events, 1)
	assert.NotContains(t, w.logs.String(), "730194")
}

func TestRevealOfAnAnswerThatNoOrderWaitsFor(t *testing.T) {
	w := computers(t)
	d, err := w.api.Devices.FindFor(t.Context(), lock.Actor{}, "lumia")
	require.NoError(t, err)
	require.NoError(t, w.service.KeepStray(t.Context(), d.Device, []byte("<SyncML>730194"), pin.PIN{}))
	alarms := w.do(http.MethodGet, "/api/v1/events?type=alarm", "").json["items"].([]any)
	require.Len(t, alarms, 1)
	path := "/api/v1/actions/" + alarms[0].(map[string]any)["other_action_id"].(string)
	kept := w.do(http.MethodGet, path, "")
	assert.Equal(t, []any{"escrow", true, false}, []any{kept.json["kind"], kept.json["answer_kept"], kept.json["has_pin"]}, kept.text)
	assert.NotContains(t, kept.text, "730194")
	assert.Equal(t, "<SyncML>730194", w.do(http.MethodPost, path+"/reveal-answer", because).json["answer"])
}

func TestApprovalOfALockOut(t *testing.T) {
	w := computers(t, func(c *lock.Config) {
		c.Patience = patience
		c.SecondPerson = func(_ lock.Actor, v lock.Verb, _ lock.Target) bool { return v == lock.VerbLock }
	})
	w.placed("desk/lock", `{"reason": "stolen", "force": true}`)
	items := w.do(http.MethodGet, "/api/v1/approvals", "").json["items"].([]any)
	require.Len(t, items, 1)
	held := items[0].(map[string]any)
	assert.Equal(t, []any{"lock", true, true}, []any{held["kind"], held["talks"], held["forced"]})
	levels := map[string]any{}
	for _, f := range held["findings"].([]any) {
		levels[f.(map[string]any)["code"].(string)] = f.(map[string]any)["level"]
	}
	assert.Equal(t, "block", levels["sign_in_lockout_unproven"])
	assert.Equal(t, "warn", levels["denies_everybody"])
	assert.NotContains(t, levels, "info")
}
