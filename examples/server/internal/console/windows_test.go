package console

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestPageSaysWhatWorksOnThisWindowsDevice(t *testing.T) {
	b := newWindowsBench(t)
	for id, c := range map[string]struct{ has, hasNot []string }{
		lumia:   {[]string{"/reset\">", "/lock\">", "Windows phone"}, []string{"/unlock"}},
		lens:    {[]string{"/lock\">", "A HoloLens can be locked, but its PIN cannot be reset."}, []string{"/reset"}},
		desktop: {[]string{"/lock\">", "No Windows desktop is known to carry out a remote lock"}, []string{"/reset", "/unlock"}},
		home:    {[]string{"Windows Home does not have the policy"}, []string{"/lock\">", "/reset"}},
	} {
		t.Run(id, func(t *testing.T) {
			page := content(b.page("/devices/" + id))
			for _, part := range c.has {
				has(t, page, part)
			}
			for _, part := range c.hasNot {
				hasNot(t, page, part)
			}
		})
	}
}

func TestLockOutIsSaidPlainlyAndTicked(t *testing.T) {
	b := newWindowsBench(t)
	path := "/devices/" + desktop + "/lock"
	page := b.page(path)
	for _, part := range []string{
		"that of administrators too", "It restarts within five minutes", "It has to be online to be unlocked", "What it has now is read and kept",
		`name="force" value="1" required`, "never proven on real hardware", "Lock out every sign-in",
	} {
		has(t, page, part)
	}
	refused := b.post(path, "confirm", "1XKJ", "reason", "stolen")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	assert.Empty(t, b.actions(), "it was not ticked")
	assert.Equal(t, http.StatusSeeOther, b.post(path, "confirm", "1XKJ", "reason", "stolen", "force", "1").StatusCode)
	order := b.newest(desktop, lock.KindLock)
	assert.True(t, order.Talks)
	assert.True(t, order.Forced)
}

func TestScreenLockPromisesNothingMore(t *testing.T) {
	b := newWindowsBench(t)
	page := b.page("/devices/" + lens + "/lock")
	has(t, page, "The PIN of its owner opens it.")
	hasNot(t, page, `name="with_message"`, "nothing shows it")
	hasNot(t, page, `name="force"`)
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+lens+"/lock", "confirm", "1XKJ").StatusCode)
	order := b.newest(lens, lock.KindLock)
	b.fetch(lens)
	b.report(order, lock.Acknowledged, map[string]string{"code": "200"})
	page = content(b.page("/devices/" + lens))
	has(t, page, "Screen locked")
	has(t, page, "/lock\">", "it can be locked again")
	hasNot(t, page, "/unlock")
	assert.Equal(t, http.StatusNotFound, b.get("/devices/"+lens+"/unlock").StatusCode, "there is nothing to unlock from here")
}

func TestMethodIsChosenWhereThereAreTwo(t *testing.T) {
	b := newWindowsBench(t)
	path := "/devices/" + listed + "/lock"
	has(t, b.page(path), path+"?method=sign_in")
	has(t, b.page(path+"?method=sign_in"), `name="method" value="sign_in"`)
	require.Equal(t, http.StatusSeeOther, b.post(path, "confirm", "1XKJ", "method", "sign_in", "force", "1").StatusCode)
	order := b.newest(listed, lock.KindLock)
	assert.Equal(t, map[string]string{"method": "sign_in"}, order.Options)
	assert.True(t, order.Talks)
	hasNot(t, b.page("/devices/"+desktop+"/lock"), "?method=")
}

func TestUnlockShowsWhatItPutsBack(t *testing.T) {
	b := newWindowsBench(t)
	out := b.lockOut(desktop, true)
	page := b.page("/devices/" + desktop)
	has(t, page, "Nobody can sign in")
	has(t, page, "Guests", "who could not sign in before, by name")
	page = b.page("/devices/" + desktop + "/unlock")
	for _, part := range []string{"Guests", "Property of Analytical Engines.\nAuthorised use only.", "not set: what the lock-out set is taken away"} {
		has(t, page, part)
	}
	stale := b.post("/devices/"+desktop+"/unlock", "of", "01990000-0000-7000-8000-000000000000")
	assert.Equal(t, http.StatusConflict, stale.StatusCode, "the page showed the values of another lock")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+desktop+"/unlock", "of", string(out.ID), "reason", "found").StatusCode)
	unlock := b.newest(desktop, lock.KindUnlock)
	assert.Equal(t, out.ID, unlock.Of)
	has(t, b.page("/devices/"+desktop), "Unlock ordered")
	has(t, b.page("/devices/"+desktop+"/unlock"), "An unlock is under way already.")
	b.fetch(desktop)
	b.report(unlock, lock.Acknowledged, map[string]string{"step": "restored"})
	page = content(b.page("/devices/" + desktop))
	has(t, page, "people can sign in again")
	hasNot(t, page, "/unlock\">")
}

func TestLockOutThatDidNotRestart(t *testing.T) {
	b := newWindowsBench(t)
	out := b.lockOut(desktop, false)
	has(t, b.page("/devices/"+desktop), "What it has now is kept here")
	require.NoError(t, b.svc.Report(t.Context(), lock.Report{
		Scope: scope, Device: desktop, Action: out.ID, Outcome: lock.Acknowledged, Facts: map[string]string{"step": "denied"},
		Findings: []lock.Finding{{Code: "not_restarted", Level: lock.LevelWarn, Text: "It refused to restart."}},
	}))
	has(t, b.page("/devices/"+desktop), "it has not restarted")
}

func TestLockOutOfWhichNoAnswerCameCanBeEnded(t *testing.T) {
	b := newWindowsBench(t)
	out := b.lockOut(desktop, false)
	_, err := b.svc.Cancel(t.Context(), admin, out.ID, "mistake")
	require.NoError(t, err)
	page := content(b.page("/devices/" + desktop))
	has(t, page, "/unlock\">", "the device may have it")
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+desktop+"/unlock", "of", string(out.ID)).StatusCode)
}

func TestWindowsResetHasNothingToChoose(t *testing.T) {
	b := newWindowsBench(t)
	page := b.post("/devices/"+lumia+"/reset", "confirm", "1XKJ", "holder", "Hedy Lamarr", "step", "verify").text
	has(t, page, "Neither you nor this server can choose it.")
	has(t, page, "It appears here once the device has answered")
	hasNot(t, page, `name="pin"`)
	hasNot(t, page, `name="require_entry"`)
	require.Equal(t, http.StatusSeeOther,
		b.post("/devices/"+lumia+"/reset", "confirm", "1XKJ", "holder", "Hedy Lamarr", "keep_hello", "1", "reason", "forgotten").StatusCode)
	order := b.newest(lumia, lock.KindResetPasscode)
	assert.Equal(t, map[string]string{"recover": "true"}, order.Options)
	has(t, b.page("/devices/"+lumia), "The PIN appears here once the device has answered.")
	assert.Equal(t, http.StatusNotFound, b.get("/actions/"+string(order.ID)+"/reveal").StatusCode)
	b.fetch(lumia)
	b.returns(order, lock.Acknowledged, "730194")
	page = b.page("/devices/" + lumia)
	has(t, page, "it returned its PIN, which is kept")
	hasNot(t, page, "730194")
	shown := b.post("/actions/"+string(order.ID)+"/reveal", "reason", "user on the phone")
	has(t, shown.text, "seven three zero — one nine four")
}

func TestLostPINIsRedWithANextStep(t *testing.T) {
	b := newWindowsBench(t)
	lost := b.lostReset(lumia)
	page := b.page("/devices/" + lumia)
	has(t, page, "The new PIN is lost")
	has(t, page, "Reset the PIN again")
	hasNot(t, page, "/answer", "none is kept")
	assert.Equal(t, http.StatusNotFound, b.get("/actions/"+string(lost.ID)+"/answer").StatusCode)
	has(t, b.page("/actions/"+string(lost.ID)), "The new PIN is lost")
	b.returns(lost, lock.Acknowledged, "730194")
	hasNot(t, b.page("/devices/"+lumia), "The new PIN is lost", "it came late")
}

func TestPINThatMayBeLost(t *testing.T) {
	b := newWindowsBench(t)
	a := b.resetOf(lumia)
	b.pass(time.Hour)
	_, err := b.svc.Next(t.Context(), b.device(lumia)) // its time is up
	require.NoError(t, err)
	a, err = b.svc.Get(t.Context(), admin, a.ID)
	require.NoError(t, err)
	require.Equal(t, lock.StateUnconfirmed, a.State)
	page := b.page("/devices/" + lumia)
	has(t, page, "The new PIN may be lost")
	has(t, page, "No answer; its PIN may be lost")
}

func TestAnswerOfTheDeviceIsRevealedOnRecord(t *testing.T) {
	b := newWindowsBench(t)
	a := b.resetOf(lumia)
	kept, err := b.svc.Keep(t.Context(), b.device(lumia), []byte(cutAnswer+`730194</Data><x>&lt;script&gt;`))
	require.NoError(t, err)
	require.Equal(t, a.ID, kept)
	b.report(a, lock.Acknowledged, nil)
	has(t, b.page("/devices/"+lumia), "Show the device’s answer")
	path := "/actions/" + string(a.ID) + "/answer"
	hasNot(t, b.page(path), "730194")
	refused := b.post(path, "reason", "")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	hasNot(t, refused.text, "730194")
	shown := b.post(path, "reason", "the PIN was not read")
	assert.Equal(t, "no-store", shown.Header.Get("Cache-Control"))
	has(t, shown.text, "<mark>&lt;Data&gt;551730194&lt;/Data&gt;</mark>")
	hasNot(t, shown.text, "<script>")
	assert.Len(t, b.events(lock.EventRevealed), 1)

	b.rights = &[]lock.Verb{lock.VerbView, lock.VerbReset}
	hasNot(t, b.page("/devices/"+lumia), "Show the device’s answer", "to who may not reveal")
	b.deny.Store(true)
	assert.Equal(t, http.StatusForbidden, b.post(path, "reason", "curious").StatusCode)
}

func TestRefusalsOfWindowsInWords(t *testing.T) {
	for reason, words := range map[string]string{
		"no_pin": "No PIN is set on it", "unsupported": "It has no such command", "already_denied": "nothing was changed", "not_restored": "Order the unlock again",
	} {
		t.Run(reason, func(t *testing.T) {
			b := newWindowsBench(t)
			a, err := b.svc.Lock(t.Context(), admin, lock.Request{Device: b.device(lens), Reason: "stolen"})
			require.NoError(t, err)
			b.fetch(lens)
			b.report(a, lock.Refused, map[string]string{"reason": reason, "code": "405"})
			page := b.page("/actions/" + string(a.ID))
			has(t, page, words)
			has(t, page, "Its answer was 405.")
		})
	}
}

func TestValuesOfBeforeComeBackExactly(t *testing.T) {
	a := lock.Action{Facts: map[string]string{
		"before_deny": "absent", "before_title": `=Wait \"here\"`, "before_text": "#2", "before_text.1": `first\uf000se`, "before_text.2": `cond`,
	}}
	assert.Equal(t, []was{
		{"Who may not sign in", "", true}, {"Title of the message at the sign-in", `Wait "here"`, false}, {"Text of the message at the sign-in", "first\nsecond", false},
	}, beforeOf(a))
	for _, missing := range slices.Sorted(slices.Values([]string{"before_deny", "before_title", "before_text"})) {
		b := lock.Action{Facts: map[string]string{"before_deny": "absent", "before_title": "absent", "before_text": "absent"}}
		delete(b.Facts, missing)
		assert.Nil(t, beforeOf(b), "what is not whole is not shown")
	}
}
