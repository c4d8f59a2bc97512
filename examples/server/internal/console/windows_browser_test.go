package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

func (b *bench) enters(path string) *tab {
	b.t.Helper()
	tab := newTab(b.t, b.server.URL)
	tab.open(path)
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("main h1")
	return tab
}

// TestBrowserLockOut locks everybody out of a desktop, and lets them in again.
func TestBrowserLockOut(t *testing.T) {
	b := newWindowsBench(t)
	tab := b.enters("/devices/" + desktop)
	tab.wait("#works")
	tab.shoot("win-desktop")
	tab.click("#order-lock a")
	tab.wait("#will")
	tab.shoot("win-lockout")
	tab.click("input[name=with_message]")
	tab.enter("#message", "This computer is locked. Please call us.")
	tab.enter("#confirm", "1XKJ")
	tab.click("input[name=force]")
	tab.enter("input[name=reason]", "Stolen from the car")
	assert.False(t, js[bool](tab, "document.getElementById('order').disabled"))
	tab.click("#order")
	tab.wait(".flash")
	tab.shoot("win-lockout-ordered")
	order := b.newest(desktop, lock.KindLock)
	b.fetch(desktop)
	b.report(order, lock.Progress, before())
	tab.wait("#status .pill.sent")
	tab.open("/devices/" + desktop)
	tab.shoot("win-lockout-read")
	b.report(order, lock.Acknowledged, map[string]string{"step": "denied", "code": "202"})
	b.demo.phone = desktop
	b.demo.shows.Store(&Screen{Computer: true, Denied: true, Title: "Locked by your administrator", Message: "This computer is locked. Please call us."})
	tab.open("/devices/" + desktop)
	tab.wait("#status .pill.locked")
	tab.shoot("win-locked-out")
	tab.click("#order-lock a.primary")
	tab.wait("#will .before-values")
	tab.shoot("win-unlock")
	tab.enter("input[name=reason]", "Found again")
	tab.click("form.lockform button.primary")
	tab.wait(".flash")
	tab.shoot("win-unlock-ordered")
	b.pass(5 * time.Minute)
	b.fetch(desktop)
	unlock := b.newest(desktop, lock.KindUnlock)
	b.report(unlock, lock.Acknowledged, map[string]string{"step": "restored", "code": "200"})
	b.demo.shows.Store(&Screen{Computer: true, SignedIn: "Katherine Johnson"})
	tab.wait("#status .pill.open")
	tab.open("/devices/" + desktop)
	tab.shoot("win-unlocked")
	tab.open("/actions/" + string(order.ID))
	tab.shoot("win-lockout-action")
}

// TestBrowserDeviceMadePIN resets the PIN of a phone, loses it, and resets it again.
func TestBrowserDeviceMadePIN(t *testing.T) {
	b := newWindowsBench(t)
	office := b.mailing()
	tab := b.enters("/devices/" + lumia)
	tab.wait("#security")
	tab.shoot("win-phone")
	tab.click("#order-lock a.primary")
	tab.wait("#confirm")
	tab.shoot("win-reset-verify")
	tab.enter("#confirm", "1XKJ")
	tab.enter("#holder", "Hedy Lamarr")
	tab.click("#order")
	tab.wait("form.lockform")
	tab.click("input[name=mail_admin]")
	tab.enter("input[name=reason]", "PIN forgotten, identity checked")
	tab.shoot("win-reset-choose")
	tab.click("form.lockform button.danger")
	tab.wait(".flash")
	tab.shoot("win-reset-ordered")
	order := b.newest(lumia, lock.KindResetPasscode)
	b.fetch(lumia)
	_, err := b.svc.Keep(t.Context(), b.device(lumia), []byte(cutAnswer))
	require.NoError(t, err)
	b.report(order, lock.Acknowledged, map[string]string{"code": "200"})
	office.say(delivery.Delivery{Action: order.ID, To: delivery.ToAdmin, By: admin, Address: "ada@example.com", State: delivery.Waiting, Ordered: b.now(),
		Cause: "The device has made a new PIN, and the answer with it was lost: nobody knows it. Reset the PIN again, and have that one mailed."})
	tab.wait("#lost .lost")
	tab.open("/devices/" + lumia)
	tab.shoot("win-lost")
	tab.click("#lost a[href$='/answer']")
	tab.wait("input[name=reason]")
	tab.shoot("win-answer-ask")
	tab.enter("input[name=reason]", "The PIN was not read\n")
	tab.wait("#shown")
	assert.Contains(t, tab.text("#digits"), "NewPINValue")
	tab.shoot("win-answer")
	tab.open("/actions/" + string(order.ID))
	tab.shoot("win-lost-action")
	b.pass(time.Minute)
	again := b.resetOf(lumia)
	b.returns(again, lock.Acknowledged, "730194")
	tab.open("/devices/" + lumia)
	assert.False(t, js[bool](tab, "document.querySelector('#lost .lost') !== null"))
	tab.shoot("win-reset-done")
	tab.open("/actions/" + string(again.ID) + "/reveal")
	tab.enter("input[name=reason]", "User on the phone, identity checked\n")
	tab.wait("#shown")
	assert.Equal(t, "seven three zero — one nine four", tab.text(".spoken"))
	tab.shoot("win-reveal")
	windowsTour(b, tab)
}

// cutAnswer is what a device said, as far as it came.
const cutAnswer = `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><SessionID>A1</SessionID><MsgID>3</MsgID></SyncHdr><SyncBody>` +
	`<Status><CmdID>2</CmdID><Cmd>Exec</Cmd><Data>200</Data></Status><Results><CmdID>4</CmdID><Item><Source><LocURI>` +
	`./Vendor/MSFT/RemoteLock/NewPINValue</LocURI></Source><Data>551`

// byName verifies a device that has neither serial number nor user.
func byName(tab *tab) {
	tab.open("/devices/" + bare + "/reset")
	tab.shoot("win-reset-bare")
	disabled := func() bool { return js[bool](tab, "document.getElementById('order').disabled") }
	assert.True(tab.t, disabled())
	tab.enter("#confirm", "desktop-7qx")
	assert.False(tab.t, disabled(), "its name is typed")
	tab.click("#order")
	tab.wait("form.lockform")
	tab.shoot("win-reset-bare-choose")
}

// windowsTour takes pictures of what else there is for Windows devices.
func windowsTour(b *bench, tab *tab) {
	for name, path := range map[string]string{
		"win-list": "/", "win-lock-hololens": "/devices/" + lens + "/lock", "win-hololens": "/devices/" + lens, "win-home": "/devices/" + home,
		"win-lock-home": "/devices/" + home + "/lock", "win-lock-listed": "/devices/" + listed + "/lock",
		"win-lock-listed-signin": "/devices/" + listed + "/lock?method=sign_in", "win-reset-desktop": "/devices/" + desktop + "/reset",
		"win-actions": "/actions", "win-pins": "/devices/" + lumia + "/pins",
		"win-bare": "/devices/" + bare, "win-lock-bare": "/devices/" + bare + "/lock",
	} {
		tab.open(path)
		tab.shoot(name)
	}
	byName(tab)
	stray := b.stray(bare, cutAnswer)
	for name, path := range map[string]string{"win-stray": "/devices/" + bare, "win-stray-action": "/actions/" + string(stray.ID), "win-stray-audit": "/audit?show=denials"} {
		tab.open(path)
		tab.shoot(name)
	}
	b.verbs = []lock.Verb{lock.VerbLock}
	_, err := b.svc.Lock(b.t.Context(), grace, lock.Request{Device: b.device(desktop), Reason: "stolen", Force: true})
	require.NoError(b.t, err)
	tab.open("/approvals")
	tab.shoot("win-approvals")
	b.verbs = nil
	b.lostReset(lumia)
	tab.scheme("dark")
	tab.open("/devices/" + lumia)
	tab.shoot("win-lost-dark")
	tab.open("/devices/" + desktop + "/lock")
	tab.shoot("win-lockout-dark")
}
