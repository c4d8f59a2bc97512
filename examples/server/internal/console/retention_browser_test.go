package console

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

// TestBrowserRetention removes a Mac, finds its PINs by the serial number, places a legal hold, and purges what is old.
func TestBrowserRetention(t *testing.T) {
	b, _ := aged(t)
	tab := newTab(t, b.server.URL)
	tab.open("/signin?next=" + url.QueryEscape("/devices/mac5"))
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("#hold")
	tab.click("#hold summary")
	tab.enter("#hold input[name=reason]", "Case 4711, asked for by Legal\n")
	tab.wait(".badge.held")
	tab.click("#hold summary")
	tab.shoot("device-hold")

	tab.open("/retention")
	tab.click("#holds summary")
	tab.enter("input[name=reason]", "PINs are kept for a year (policy 12)")
	tab.shoot("retention")
	tab.click(".purgeform button")
	tab.wait("#preview")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "not armed yet")
	tab.click(".group summary")
	tab.enter("#confirm", "purge 2")
	assert.False(t, js[bool](tab, "document.getElementById('order').disabled"), "armed")
	tab.shoot("retention-preview")
	tab.scheme("dark")
	tab.shoot("retention-preview-dark")
	tab.scheme("light")
	tab.click("#order")
	tab.wait(".flash")
	assert.Contains(t, tab.text(".flash"), "Purged: 2 PINs.")
	tab.shoot("retention-purged")
	tab.open("/devices/mac1/pins")
	tab.shoot("pins-purged")
	tab.open("/actions/" + string(b.events(lock.EventPurged)[0].Action) + "/reveal")
	tab.shoot("reveal-purged")

	locked := b.order("mac1")
	b.deliver("mac1")
	b.report(locked, lock.Acknowledged, nil)
	tab.open("/devices/mac1/remove")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "not armed yet")
	tab.shoot("remove")
	tab.enter("#confirm", "17qx")
	tab.click("button.danger")
	tab.wait("#purged")
	assert.Contains(t, tab.text(".flash"), "Ada’s MacBook Pro is removed.")
	tab.shoot("pins-removed")
	tab.open("/?q=" + "C02MAC17QX")
	tab.shoot("devices-past")
	tab.click("#past .button")
	tab.wait("#names")
	tab.shoot("hardware")
	tab.open("/audit?show=retention")
	tab.shoot("audit-retention")
}
