package console

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

// mailing gives the console a post office.
func (b *bench) mailing() *postOffice {
	office := &postOffice{}
	b.server = httptest.NewServer(b.handler(func(c *Config) { c.Deliveries = office }))
	b.t.Cleanup(b.server.Close)
	b.signIn()
	return office
}

// verified is what has to be typed of a phone.
func (b *bench) verified(id string) []string {
	return []string{"confirm", "81XK", "holder", b.fleet[id].User}
}

// chooses is the second step.
func (b *bench) chooses(id string) string {
	b.t.Helper()
	a := b.post("/devices/"+id+"/reset", append(b.verified(id), "step", "verify")...)
	require.Equal(b.t, http.StatusOK, a.StatusCode, a.text)
	return a.text
}

// resetKey opens the second step and returns the idempotency key of its form.
func (b *bench) resetKey(id string) string {
	b.t.Helper()
	match := hiddenKey.FindStringSubmatch(b.chooses(id))
	require.NotNil(b.t, match)
	return match[1]
}

// reset orders a reset by the form.
func (b *bench) reset(id string, fields ...string) answer {
	b.t.Helper()
	return b.post("/devices/"+id+"/reset", slices.Concat(b.verified(id),
		[]string{"key", b.resetKey(id), "require_entry", "1", "lock_now", "1", "reason", "forgotten"}, fields)...)
}

func TestResetVerifies(t *testing.T) {
	b := newPhoneBench(t)
	const path = "/devices/" + owned + "/reset"
	first := b.page(path)
	for _, part := range []string{
		"Grace’s Pixel", "R5CT10A81XK", "Grace Hopper", "Pixel 9", "Fully managed (device owner)", "Android 15 (API 35)", `data-arm="81XK"`, `method="post"`,
	} {
		has(t, first, part)
	}
	hasNot(t, first, `name="key"`, "nothing to order yet")
	hasNot(t, b.page(path+"?step=verify&confirm=81XK&holder=Grace+Hopper"), `name="key"`, "no name belongs into an address")
	key := b.resetKey(owned)
	for name, c := range map[string]struct{ confirm, holder, says string }{
		"nothing":           {"", "", "These are not the last four characters"},
		"another number":    {"0000", "Grace Hopper", "These are not the last four characters"},
		"the whole number":  {"R5CT10A81XK", "Grace Hopper", "These are not the last four characters"},
		"the device alone":  {"81XK", "", "This is not the user"},
		"the user alone":    {"", "Grace Hopper", "These are not the last four characters"},
		"the user in place": {"Grace Hopper", "Grace Hopper", "These are not the last four characters"},
		"half a name":       {"81XK", "Grace", "This is not the user"},
	} {
		for _, step := range []string{"verify", ""} {
			a := b.post(path, "step", step, "confirm", c.confirm, "holder", c.holder, "key", key)
			assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode, name)
			has(t, a.text, c.says, name)
			hasNot(t, a.text, `name="key"`, name)
		}
	}
	assert.Empty(t, b.events(lock.EventOrdered)[4:], "the tokens of the fleet, and nothing else")
	for _, right := range [][]string{{"81xk", "grace hopper"}, {" 81XK ", "  Grace   HOPPER "}} {
		second := b.post(path, "step", "verify", "confirm", right[0], "holder", right[1])
		assert.Equal(t, http.StatusOK, second.StatusCode)
		has(t, second.text, `name="key"`)
	}
	assert.Equal(t, http.StatusNotFound, b.get("/devices/mac1/reset").StatusCode, "a Mac has no passcode to reset")
}

func TestResetVerifiesADeviceThatNobodyHas(t *testing.T) {
	b := newPhoneBench(t)
	d := b.fleet[owned]
	d.User = ""
	b.fleet[owned] = d
	hasNot(t, b.page("/devices/"+owned+"/reset"), `name="holder"`)
	has(t, b.chooses(owned), `name="key"`)
	require.Equal(t, http.StatusSeeOther, b.reset(owned).StatusCode)
}

func TestResetOrders(t *testing.T) {
	b := newPhoneBench(t)
	second := b.chooses(owned)
	for _, part := range []string{"8 digits", `name="require_entry" value="1" checked`, `name="lock_now" value="1" checked`, "What works on this device"} {
		has(t, second, part)
	}
	hasNot(t, second, `name="mail_admin"`, "there is no mail")
	a := b.reset(owned)
	require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	order := b.newest(owned, lock.KindResetPasscode)
	assert.Equal(t, map[string]string{"require_entry": "true", "lock_now": "true"}, order.Options)
	assert.NotEmpty(t, order.Uses, "the token")
	page := b.page("/devices/" + owned)
	has(t, page, "Gets its new passcode when it comes online")
	has(t, page, "Reset ordered, and the new passcode is kept")

	code := b.command(owned).Passcode
	require.Len(t, code, 8)
	has(t, b.page("/devices/"+owned), "Sent, no answer yet")
	b.report(order, lock.Acknowledged, map[string]string{"code": "OK"})
	page = b.page("/devices/" + owned)
	has(t, page, "New passcode set")
	has(t, page, "Confirmed by the device")
	hasNot(t, page, code)
	has(t, b.page("/actions/"+string(order.ID)), "the new passcode has to be typed")
	shown := b.post("/actions/"+string(order.ID)+"/reveal", "reason", "user on the phone")
	assert.Equal(t, http.StatusOK, shown.StatusCode)
	has(t, shown.text, "<span>"+code[:3]+"</span> <span>"+code[3:6]+"</span>")
	has(t, shown.text, "At the device")
	has(t, b.page("/"), "New passcode set", "the list says so too")
	has(t, b.page("/actions"), "Passcode reset")
}

// A form that is sent again orders nothing anew, and a second one waits for the first.
func TestResetIsOneAtATime(t *testing.T) {
	b := newPhoneBench(t)
	key := b.resetKey(owned)
	for range 2 {
		a := b.post("/devices/"+owned+"/reset", append(b.verified(owned), "key", key)...)
		require.Equal(t, http.StatusSeeOther, a.StatusCode, a.text)
	}
	assert.Empty(t, b.newest(owned, lock.KindResetPasscode).Options, "cleared checkboxes are none")
	page := b.chooses(owned)
	has(t, page, "There is one order for the passcode at a time")
	hasNot(t, page, `name="key"`)
	busy := b.post("/devices/"+owned+"/clear", "reason", "x")
	require.Equal(t, http.StatusSeeOther, busy.StatusCode)
	has(t, b.page("/devices/"+owned), "Nothing was ordered: a passcode reset is under way")
}

func TestResetWithAPasscodeOfOnesOwn(t *testing.T) {
	b := newPhoneBench(t)
	judged := b.post("/devices/"+owned+"/reset/pin", "confirm", "81XK", "pin_mode", "supplied", "pin", "1234")
	assert.Equal(t, http.StatusOK, judged.StatusCode)
	assert.Contains(t, judged.text, "This device does not take it")
	assert.NotContains(t, judged.text, "1234")
	good := b.post("/devices/"+owned+"/reset/pin", "confirm", "81XK", "pin_mode", "supplied", "pin", "73918264")
	assert.Contains(t, good.text, "The policy of this device takes it")

	refused := b.reset(owned, "pin_mode", "supplied", "pin", "1234")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	hasNot(t, refused.text, "1234")
	said := b.reset(owned, "pin_mode", "supplied", "pin", "73918264", "ticket", "code 7391 8264")
	assert.Equal(t, http.StatusUnprocessableEntity, said.StatusCode)
	hasNot(t, said.text, "8264")
	require.Equal(t, http.StatusSeeOther, b.reset(owned, "pin_mode", "supplied", "pin", "73918264").StatusCode)
	assert.Equal(t, "73918264", b.command(owned).Passcode)
}

// What cannot work is said in the rules' own words, before anything can be ordered.
func TestResetThatCannotWork(t *testing.T) {
	b := newPhoneBench(t)
	page := b.chooses(legacy)
	has(t, page, "A reset does not work on this device now")
	hasNot(t, page, `name="key"`)
	later := b.chooses(pending)
	has(t, later, `name="force" value="1" required`, "somebody may unlock it before the command comes")
	refused := b.reset(pending)
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	require.Equal(t, http.StatusSeeOther, b.reset(pending, "force", "1").StatusCode)
	has(t, b.page("/actions/"+string(b.newest(pending, lock.KindResetPasscode).ID)), "ordered over a finding that blocks")
	hasNot(t, b.chooses(open), "does not work on this device now")
}

// A policy is spoken of where one is known.
func TestResetSpeaksOfAPolicy(t *testing.T) {
	b := newPhoneBench(t)
	const wanted, none = "8 digits</b>, as the policy of this device wants it", "No password policy is known of this device"
	page := b.chooses(owned)
	has(t, page, wanted)
	hasNot(t, page, none)
	b.facts(owned, map[android.FactName]string{android.FactQuality: "0", android.FactMinLength: "0"})
	page = b.chooses(owned)
	has(t, page, "8 digits</b></span>")
	has(t, page, none)
}

func TestResetMails(t *testing.T) {
	b := newPhoneBench(t)
	office := b.mailing()
	has(t, b.chooses(owned), "Also send it to the user, Grace Hopper")
	bad := b.reset(owned, "mail_user", "1", "user", "grace")
	assert.Equal(t, http.StatusUnprocessableEntity, bad.StatusCode)
	has(t, bad.text, "Enter a mail address")
	assert.Empty(t, office.orders)
	require.Equal(t, http.StatusSeeOther, b.reset(owned, "mail_admin", "1", "admin", "else@example.com", "mail_user", "1", "user",
		"grace@example.com").StatusCode)
	order := b.newest(owned, lock.KindResetPasscode)
	require.Len(t, office.orders, 1)
	assert.Equal(t, order.ID, office.orders[0].Action)
	assert.Equal(t, "ada@example.com", office.orders[0].Admin, "the account's, whatever the form says")
	assert.Equal(t, "grace@example.com", office.orders[0].User)
	assert.Equal(t, "admin", office.orders[0].By.ID)

	at := b.now()
	office.said = []delivery.Delivery{
		{Action: order.ID, To: delivery.ToAdmin, Address: "ada@example.com", By: admin, State: delivery.Opened, Opened: at},
		{Action: order.ID, To: delivery.ToUser, Address: "grace@example.com", State: delivery.Waiting, Attempts: 2, Next: at.Add(time.Minute), Cause: "the mail server did not answer"},
	}
	page := b.page("/devices/" + owned)
	has(t, page, "The link was used, and is used up.")
	has(t, page, "Will be tried again")
	has(t, page, "The mail server did not answer.")
}

func TestResetStandsWithoutItsMail(t *testing.T) {
	b := newPhoneBench(t)
	b.mailing().err = errors.New("disk full")
	require.Equal(t, http.StatusSeeOther, b.reset(owned, "mail_admin", "1").StatusCode)
	has(t, b.page("/devices/"+owned), "The reset is ordered, and its mail is not")
}

// A mail is a reveal: who may not reveal cannot order one.
func TestResetMailsOnlyForWhoMayReveal(t *testing.T) {
	b := newPhoneBench(t)
	office := b.mailing()
	b.rights = &[]lock.Verb{lock.VerbView, lock.VerbReset}
	hasNot(t, b.chooses(owned), `name="mail_user"`)
	require.Equal(t, http.StatusSeeOther, b.reset(owned, "mail_user", "1", "user", "grace@example.com").StatusCode)
	assert.Empty(t, office.orders)
}

// Who approves reads what is asked for, in words of its own.
func TestResetWaitsForASecondPerson(t *testing.T) {
	b := newPhoneBench(t)
	b.verbs = []lock.Verb{lock.VerbLock}
	has(t, b.chooses(owned), "A reset takes a second person")
	require.Equal(t, http.StatusSeeOther, b.reset(owned).StatusCode)
	has(t, b.page("/devices/"+owned), "A passcode reset always takes a second person.")
	require.Equal(t, http.StatusSeeOther, b.post("/signin", "name", "grace", "password", "correct horse").StatusCode)
	inbox := b.page("/approvals")
	has(t, inbox, "Reset the passcode of Grace’s Pixel")
	has(t, inbox, "A passcode reset always takes a second person.")
	order := b.newest(owned, lock.KindResetPasscode)
	held := b.events(lock.EventOrdered)
	approved := b.post("/actions/"+string(order.ID)+"/approve", "request", string(held[len(held)-1].ID), "from", "inbox")
	require.Equal(t, http.StatusSeeOther, approved.StatusCode, approved.text)
	has(t, b.page("/approvals"), "The device gets it when it comes online")
	assert.Len(t, b.command(owned).Passcode, 8)
}

// What stayed unanswered is told until the device confirms something after it, and no longer.
func TestUnansweredResetIsOvertaken(t *testing.T) {
	b := newPhoneBench(t)
	order := func() lock.Action {
		b.pass(time.Minute)
		a, err := b.svc.ResetPasscode(t.Context(), admin, lock.Request{Device: b.device(owned)})
		require.NoError(t, err)
		b.command(owned)
		b.pass(time.Minute)
		return a
	}
	says := func(want string) {
		t.Helper()
		for _, path := range []string{"/", "/devices/" + owned} {
			page := b.page(path)
			if path != "/" {
				page = page[strings.Index(page, `id="status"`):strings.Index(page, `id="cancel"`)]
			}
			assert.Contains(t, page, want, path)
		}
	}
	first := order()
	b.report(first, lock.Acknowledged, map[string]string{"code": "OK"})
	silent := order()
	_, err := b.svc.Cancel(t.Context(), admin, silent.ID, "the user called back")
	require.NoError(t, err)
	says("Cancelled after it was sent")
	last := order()
	says("Sent, no answer yet")
	b.report(last, lock.Acknowledged, map[string]string{"code": "OK"})
	says("New passcode set")
}

// After a factory reset nobody is told that the passcode of before is on the device: what it says of itself stands beside.
func TestResetOfAWipedPhone(t *testing.T) {
	b := newPhoneBench(t)
	a, err := b.svc.ResetPasscode(t.Context(), admin, lock.Request{Device: b.device(owned)})
	require.NoError(t, err)
	b.command(owned)
	b.report(a, lock.Acknowledged, map[string]string{"code": "OK"})
	page := b.page("/devices/" + owned)
	has(t, page, "A passcode is set on the device")
	has(t, page, "acknowledged this reset")
	b.pass(24 * time.Hour)
	require.NoError(t, b.svc.Seen(t.Context(), b.device(owned), lock.EvidenceReenrolled))
	b.facts(owned, map[android.FactName]string{android.FactSecureLock: "false", android.FactTokenState: "none", android.FactTokenID: ""})
	page = b.page("/devices/" + owned)
	has(t, page, "No passcode is set on the device")
	has(t, page, "New passcode set, before it was enrolled anew")
	has(t, page, "it opens the device if that was not wiped")
	hasNot(t, page, "The device confirmed it.")
}

// A token that the ledger does not have resets nothing; the page says so, and offers another one.
func TestTokenOfAnotherServer(t *testing.T) {
	b := newPhoneBench(t)
	works := func() bool {
		page := b.page("/devices/" + owned)
		return strings.Contains(page, "Revoke the token …") && !strings.Contains(page, "The device has a token that this server cannot use")
	}
	require.True(t, works())
	b.facts(owned, map[android.FactName]string{android.FactTokenID: "01a02d9f-0000-7000-8000-000000000000"})
	require.False(t, works())
	page := b.page("/devices/" + owned)
	has(t, page, "The device has a token that this server cannot use: rotate it.", "beside what works")
	has(t, page, "Not of this server")
	has(t, page, "Rotate the token …")
	hasNot(t, page, "Revoke the token …", "nobody here can")
	has(t, b.chooses(owned), "A reset does not work on this device now")
	refused := b.post("/devices/"+owned+"/token/revoke", "token", "01a02d9f-0000-7000-8000-000000000000")
	assert.Equal(t, http.StatusUnprocessableEntity, refused.StatusCode)
	require.Equal(t, http.StatusSeeOther, b.post("/devices/"+owned+"/token", "force", "1").StatusCode)
	assert.Equal(t, lock.StateQueued, b.newest(owned, lock.KindProvisionToken).State)
}
