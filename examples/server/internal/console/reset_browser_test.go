package console

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/lock"
)

// TestBrowserReset walks a passcode reset through a real browser: verify, choose, watch it arrive, reveal.
func TestBrowserReset(t *testing.T) {
	b := newPhoneBench(t)
	office := b.mailing()
	b.demo.phone = owned
	tab := newTab(t, b.server.URL)
	tab.open("/devices/" + owned)
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("#security")
	tab.shoot("phone")

	tab.click("#order-lock a.primary")
	tab.wait("#confirm")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "not armed yet")
	tab.shoot("reset-verify")
	tab.enter("#confirm", "81xk")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "the device alone is not enough")
	tab.enter("#holder", "grace hopper")
	assert.False(t, js[bool](tab, "document.getElementById('order').disabled"), "armed by device and user")
	tab.click("#order")
	tab.wait("form.lockform")
	assert.Empty(t, js[string](tab, "location.search"), "nobody's name is in the address")
	assert.True(t, js[bool](tab, "document.querySelector('[name=require_entry]').checked && document.querySelector('[name=lock_now]').checked"))
	tab.shoot("reset-choose")
	tab.click("#own")
	tab.enter("#pin", "12345")
	tab.wait("#pin-says .bad")
	tab.click("input[name=mail_admin]")
	tab.click("input[name=mail_user]")
	tab.enter("#user", "grace@example.com")
	tab.enter("input[name=reason]", "Passcode forgotten, identity checked")
	tab.shoot("reset-own")
	tab.click("input[value=rotate]")
	tab.click("form.lockform button.danger")
	tab.wait(".flash")
	tab.shoot("reset-ordered")
	resetArrives(t, b, tab, office)
	resetTour(b, tab)
}

func resetArrives(t *testing.T, b *bench, tab *tab, office *postOffice) {
	t.Helper()
	order := b.newest(owned, lock.KindResetPasscode)
	b.pass(3 * time.Second)
	code := b.command(owned).Passcode
	b.pass(2 * time.Second)
	b.report(order, lock.Acknowledged, map[string]string{"code": "OK"})
	office.say(delivery.Delivery{Action: order.ID, To: delivery.ToAdmin, By: admin, Address: "ada@example.com", State: delivery.Sent, Sent: b.now()})
	office.say(delivery.Delivery{
		Action: order.ID, To: delivery.ToUser, Address: "grace@example.com", State: delivery.Waiting, Attempts: 1,
		Cause: "the mail server took too long to answer", Next: b.now().Add(2 * time.Minute),
	})
	tab.wait("#status .pill.open") // the page freshens itself
	tab.wait("#security .mails")
	assert.NotContains(t, js[string](tab, "document.documentElement.outerHTML"), code)
	tab.shoot("reset-done")
	tab.open("/actions/" + string(order.ID))
	tab.shoot("reset-action")
	tab.open("/actions/" + string(order.ID) + "/reveal")
	tab.enter("input[name=reason]", "User on the phone, identity checked\n")
	tab.wait("#shown")
	assert.Equal(t, spoken(code), tab.text(".spoken"))
	tab.shoot("reset-reveal")
}

// resetTour takes pictures of what else there is for phones.
func resetTour(b *bench, tab *tab) {
	for name, path := range map[string]string{
		"phone-list": "/", "phone-pending": "/devices/" + pending, "phone-legacy": "/devices/" + legacy, "phone-profile": "/devices/" + profile,
		"lock-phone": "/devices/" + open + "/lock", "phone-actions": "/actions",
	} {
		tab.open(path)
		tab.shoot(name)
	}
	for name, screen := range map[string]Screen{
		"screen-off": {Phone: true, Off: true, Passcode: true, Locked: true}, "screen-home": {Phone: true},
		"screen-note": {Phone: true, Locked: true, Passcode: true, Message: "Property of Analytical Engines. Please call +44 20 7946 0000."},
	} {
		b.demo.shows.Store(&screen)
		tab.open("/devices/" + owned)
		tab.shoot(name)
	}
	b.walksIn(tab, pending)
	tab.shoot("reset-forced")
	b.walksIn(tab, legacy)
	tab.shoot("reset-impossible")
	tab.scheme("dark")
	tab.open("/devices/" + owned)
	tab.shoot("phone-dark")
	b.walksIn(tab, owned)
	tab.shoot("reset-dark")
}

// walksIn goes through the first step.
func (b *bench) walksIn(tab *tab, id string) {
	b.t.Helper()
	tab.open("/devices/" + id + "/reset")
	tab.enter("#confirm", "81XK")
	tab.enter("#holder", b.fleet[id].User)
	tab.click("#order")
	tab.wait(".stepper li.done")
}
