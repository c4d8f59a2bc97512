package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestPhonePage(t *testing.T) {
	b := newPhoneBench(t)
	for id, parts := range map[string][]string{
		owned: {
			"Fully managed (device owner)", "Android 15 (API 35)", "What works on this device", "Reset the passcode", "Rotate the token", "Revoke the token",
			"A passcode reset works at any time", "A passcode is set on the device", "It is its user’s",
		},
		pending: {"Pending", "The user must unlock the device once"},
		legacy:  {"Device administrator (legacy)", "Does not work", "Not possible", "A device administrator cannot set a reset token"},
		open:    {"No passcode is set on the device"},
		profile: {"Work profile", "whole device", "work profile"},
	} {
		page := b.page("/devices/" + id)
		for _, part := range parts {
			has(t, page, part, id)
		}
		hasNot(t, page, "this Mac", id)
	}
	hasNot(t, b.page("/devices/"+legacy), "Give it a token …")
	list := b.page("/")
	has(t, list, "Android 15 (API 35)")
	has(t, list, `href="/devices/phone1/reset"`)
	for _, path := range []string{"/locked", "/actions", "/audit", "/devices/phone1/pins", "/devices/phone1/remove"} {
		assert.Equal(t, http.StatusOK, b.get(path).StatusCode, path)
	}
}

func TestRemovingAPhoneSaysWhatStays(t *testing.T) {
	b := newPhoneBench(t)
	page := b.page("/devices/" + owned + "/remove")
	has(t, page, "No passcode is kept for it.")
	hasNot(t, page, "PIN")
	_, err := b.svc.ResetPasscode(t.Context(), admin, lock.Request{Device: b.device(owned)})
	require.NoError(t, err)
	page = b.page("/devices/" + owned + "/remove")
	has(t, page, "<b>An order waits for it.</b> It stays ordered: when this device enrols again, it is carried out.")
	has(t, page, "<b>Its passcode.</b>")
	_, err = b.svc.Next(t.Context(), b.device(owned))
	require.NoError(t, err)
	has(t, b.page("/devices/"+owned+"/remove"), "<b>An order was sent to it.</b> Nobody here will see what it answers, but its passcode stays.")
}

// What every capability says is what the rules say of this very device.
func TestPhoneCapabilities(t *testing.T) {
	b := newPhoneBench(t)
	for _, id := range []string{owned, pending, legacy, open, profile} {
		verdicts := android.Capabilities(android.FromDevice(b.device(id)))
		shown := capabilities(android.FromDevice(b.device(id)), verdicts)
		require.Len(t, shown, len(verdicts))
		require.NotEmpty(t, shown, id)
		for i, v := range verdicts {
			assert.Equal(t, v.Text, shown[i].Why)
			has := v.Code == android.CodeTokenActive // that it gets no other one is no fault
			assert.Equal(t, v.Effect == android.EffectWorks || has, shown[i].Class == "works", v)
			assert.Equal(t, v.Effect == android.EffectFails && !has, shown[i].Class == "fails", v)
		}
	}
}

func TestPhoneRights(t *testing.T) {
	b := newPhoneBench(t)
	b.rights = &[]lock.Verb{lock.VerbView}
	page := b.page("/devices/" + owned)
	for _, part := range []string{"/reset\"", "/lock\"", "/token\"", "/revoke\"", "/clear\""} {
		hasNot(t, page, part)
	}
	hasNot(t, b.page("/"), "/reset\"")
}

func TestTokenForms(t *testing.T) {
	b := newPhoneBench(t)
	const path = "/devices/" + owned + "/token"
	require.Equal(t, http.StatusSeeOther, b.post(path).StatusCode)
	has(t, b.page("/devices/"+owned), "Nothing was ordered", "it has an active one")
	require.Equal(t, http.StatusSeeOther, b.post(path, "force", "1", "reason", "leaked").StatusCode)
	page := b.page("/devices/" + owned)
	has(t, page, "Reset token ordered")
	has(t, page, "Gets a reset token when it comes online")
	hasNot(t, page, "Revoke the token …", "one order at a time")
	rotated := b.newest(owned, lock.KindProvisionToken)
	require.True(t, b.command(owned).Token)
	b.report(rotated, lock.Acknowledged, map[string]string{"code": "OK"})
	b.facts(owned, map[android.FactName]string{android.FactTokenID: string(rotated.ID)})

	ordered := b.post(path+"/revoke", "token", string(rotated.ID))
	require.Equal(t, http.StatusSeeOther, ordered.StatusCode, ordered.text)
	revoked := b.newest(owned, lock.KindRevokeToken)
	assert.Equal(t, rotated.ID, revoked.Of)
	b.command(owned)
	b.report(revoked, lock.Acknowledged, map[string]string{"code": "OK"})
	page = b.page("/actions/" + string(rotated.ID))
	has(t, page, "Reset token given, and over")
	hasNot(t, page, "/reveal", "a token is shown to nobody")
	has(t, b.page("/actions/"+string(revoked.ID)), "Reset token revoked")
	assert.Equal(t, http.StatusNotFound, b.post("/devices/mac1/token").StatusCode)
}

func TestClearPasscode(t *testing.T) {
	b := newPhoneBench(t)
	hasNot(t, b.page("/devices/"+open), "/clear\"", "its policy wants a passcode")
	b.facts(open, map[android.FactName]string{android.FactQuality: "0", android.FactMinLength: "0"})
	has(t, b.page("/devices/"+open), "/clear\"")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+open+"/clear", "reason", "handed back").StatusCode)
	a := b.newest(open, lock.KindClearPasscode)
	b.command(open)
	b.report(a, lock.Refused, map[string]string{"code": "TOKEN_NOT_ACTIVE", "detail": "pending"})
	page := b.page("/devices/" + open)
	has(t, page, "Not done, says the device")
	has(t, page, "somebody has to unlock the device once")
}

func TestLockDialogOfAPhone(t *testing.T) {
	b := newPhoneBench(t)
	page := b.page("/devices/" + open + "/lock")
	hasNot(t, page, `name="pin_mode"`)
	has(t, page, "reset the passcode")
	has(t, page, "Lock this device")
	a := b.post("/devices/"+open+"/lock", "key", b.key(open), "confirm", "81XK", "reason", "left on a train")
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	order := b.newest(open, lock.KindLock)
	b.command(open)
	b.report(order, lock.Acknowledged, map[string]string{"code": "NO_SECURE_LOCK"})
	page = b.page("/devices/" + open)
	has(t, page, "Only its screen went off")
	has(t, page, `href="/devices/phone4/lock"`, "a phone is not held: it may be locked again")
	hasNot(t, b.page("/locked"), "Scanner 12")
}

func TestPhoneStatus(t *testing.T) {
	reset := func(s lock.State, change func(*lock.Action)) lock.Action {
		a := lock.Action{Kind: lock.KindResetPasscode, State: s, Device: lock.Device{Platform: androidPlatform}, Deliveries: 1}
		if change != nil {
			change(&a)
		}
		return a
	}
	code := func(c, broken string) func(*lock.Action) {
		return func(a *lock.Action) { a.Facts = map[string]string{"code": c, "validation": broken} }
	}
	for name, c := range map[string]struct {
		class, text, detail string
		action              lock.Action
	}{
		"queued":            {"waiting", "Gets its new passcode when it comes online", "Nothing has reached", reset(lock.StateQueued, nil)},
		"issued":            {"sent", "Sent, no answer yet", "try it first", reset(lock.StateIssued, nil)},
		"interrupted":       {"doubt", "The device does not know what came of it", "sent again", reset(lock.StateIssued, code("UNKNOWN", ""))},
		"unverified":        {"doubt", "Not taken yet; will be sent again", "signature", reset(lock.StateIssued, code("BAD_SIGNATURE", ""))},
		"confirmed":         {"open", "New passcode set", "opens nothing any more", reset(lock.StateConfirmed, code("OK", ""))},
		"token not active":  {"failed", "Not done, says the device", "somebody has to unlock the device once", reset(lock.StateRefused, code("TOKEN_NOT_ACTIVE", ""))},
		"value":             {"failed", "Not done, says the device", "It is too short; it has a run", reset(lock.StateRefused, code("INVALID_VALUE", "TOO_SHORT,CONTAINS_SEQUENCE"))},
		"unheard of":        {"failed", "Not done, says the device", "Its answer was NEW_CODE.", reset(lock.StateRefused, code("NEW_CODE", ""))},
		"cleared since":     {"none", "New passcode set, and over", "removed since", reset(lock.StateReleased, func(a *lock.Action) { a.Evidence = lock.EvidenceRemoved })},
		"enrolled anew":     {"doubt", "New passcode set, before it was enrolled anew", "if it was wiped", reset(lock.StateConfirmed, func(a *lock.Action) { a.Reenrolled = began })},
		"no answer":         {"doubt", "No answer came", "The command had left", reset(lock.StateUnconfirmed, nil)},
		"expired":           {"none", "Expired before it was sent", "nothing has changed", reset(lock.StateExpired, func(a *lock.Action) { a.Deliveries = 0 })},
		"waits for another": {"waiting", "Waits for a second person", "somebody else", reset(lock.StateHeld, func(a *lock.Action) { a.HeldBy = "policy" })},
	} {
		t.Run(name, func(t *testing.T) {
			s := statusOf(c.action, false, began)
			assert.Equal(t, c.text, s.Text)
			assert.Equal(t, c.class, s.Class)
			assert.Contains(t, s.Detail, c.detail)
			assert.NotContains(t, s.Text+s.Detail, "Mac")
		})
	}
}

// Every code of the contract has words, so that nobody has to look one up.
func TestResultCodesHaveWords(t *testing.T) {
	for code := range results {
		text := resultWords(lock.Action{Facts: map[string]string{"code": code}})
		assert.NotContains(t, text, code)
		assert.NotContains(t, text, "_")
	}
}

func TestMailsInWords(t *testing.T) {
	for _, s := range []delivery.State{delivery.Waiting, delivery.Sent, delivery.Opened, delivery.Expired, delivery.Failed, delivery.Void} {
		for _, mode := range []delivery.Mode{delivery.PasscodeLink, delivery.PasscodeClear} {
			said := sentWords(delivery.Delivery{State: s, Mode: mode, Cause: "the mail server said no", Ordered: began, Sent: began.Add(time.Minute)})
			assert.NotEmpty(t, said.Text, s)
			assert.NotEmpty(t, said.Detail, s)
		}
	}
	assert.Equal(t, "Not mailed", sentWords(delivery.Delivery{State: delivery.Failed}).Text)
	assert.Equal(t, "Link ended", sentWords(delivery.Delivery{State: delivery.Failed, Sent: began}).Text)
}

func TestPasscodesAreReadOut(t *testing.T) {
	assert.Equal(t, "a capital B seven — hyphen zero", spoken("aB7-0"))
}

// agents are an Enrolment that lets agents in too.
type agents struct{ challenges }

// NewAndroidCode implements Agents.
func (agents) NewAndroidCode(context.Context, lock.Actor) (string, error) {
	return "CODE-OF-AN-AGENT", nil
}

func TestEnrolmentOfAnAgent(t *testing.T) {
	b := newBench(t).signIn()
	hasNot(t, b.page("/enrolment"), "Android", "none enrol here")
	b.server = httptest.NewServer(b.handler(func(c *Config) { c.Enrolment = agents{} }))
	t.Cleanup(b.server.Close)
	b.signIn()
	has(t, b.page("/enrolment"), "Make a code for an Android device")
	made := b.post("/enrolment", "platform", "android")
	assert.Equal(t, http.StatusOK, made.StatusCode)
	has(t, made.text, "CODE-OF-AN-AGENT")
	has(t, made.text, b.server.URL)
	has(t, b.post("/enrolment").text, "ONE%26TIME", "a Mac as before")
}

// What a person says of a passcode is told in the words of its device.
func TestFeedbackOfAPasscode(t *testing.T) {
	b := newPhoneBench(t)
	a, err := b.svc.ResetPasscode(t.Context(), admin, lock.Request{Device: b.device(owned)})
	require.NoError(t, err)
	b.command(owned)
	b.report(a, lock.Acknowledged, nil)
	for _, said := range []string{"worked", "wrong-pin"} {
		b.post("/actions/"+string(a.ID)+"/feedback", "feedback", said)
		page := b.page("/actions/" + string(a.ID) + "/feedback")
		hasNot(t, page, " Mac", said)
	}
	has(t, b.page("/devices/"+owned), "Passcode that was wrong")
}
