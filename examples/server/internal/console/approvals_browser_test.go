package console

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// enterAs signs a browser in, and goes on to a page.
func (b *tab) enterAs(name, next string) {
	b.t.Helper()
	b.open("/signin?next=" + url.QueryEscape(next))
	b.enter("input[name=name]", name)
	b.enter("input[name=password]", "correct horse\n")
	b.wait("nav")
}

// TestBrowserTwoPeople is a reveal that takes two: one asks, the other approves in a browser of their own, the first reads the PIN.
func TestBrowserTwoPeople(t *testing.T) {
	b, action, digits := careful(t, lock.VerbReveal, lock.VerbLock)
	ada, other := newTab(t, b.server.URL), newTab(t, b.server.URL)
	ada.enterAs("admin", action+"/reveal")
	ada.wait("input[name=ticket]")
	ada.shoot("reveal-second")
	ada.enter("input[name=ticket]", "INC-4711")
	ada.enter("input[name=reason]", "Owner on the phone, identity checked\n")
	ada.wait("#asked .pill.waiting")
	assert.NotContains(t, js[string](ada, "document.documentElement.outerHTML"), digits)
	ada.shoot("reveal-waits")

	other.enterAs("grace", "/")
	assert.Contains(t, other.text("nav .inbox"), "1")
	other.open("/approvals")
	other.wait("#requests .request")
	assert.Contains(t, other.text("#requests"), "Owner on the phone, identity checked")
	other.shoot("approvals-reveal")
	other.enter("#requests textarea", "Called her back")
	other.click("#requests button.primary")
	other.wait(".flash")
	assert.Contains(t, other.text("#requests"), "Nothing waits")

	ada.wait("#asked .pill.open") // the page freshens itself
	ada.gone("#glass")
	ada.shoot("reveal-approved")
	ada.click("#asked button.primary")
	ada.wait("#shown")
	assert.Equal(t, digits[:3]+" "+digits[3:], ada.text("#digits"))
	revealed := b.events(lock.EventRevealed)
	require.Len(t, revealed, 1)
	assert.Equal(t, "INC-4711", revealed[0].Ticket)
	heldPages(t, b, ada, other)
}

// heldPages takes pictures of what waits, and of a broken glass.
func heldPages(t *testing.T, b *bench, ada, other *tab) {
	t.Helper()
	held := b.order("mac5")
	b.pass(40 * time.Minute)
	b.order("mac2")
	ada.open("/devices/mac3/lock")
	ada.shoot("lock-second")
	ada.open("/actions/" + string(held.ID))
	ada.click("#glass summary")
	ada.shoot("action-held")
	ada.open("/devices/mac5")
	ada.shoot("device-held")
	ada.open("/approvals")
	ada.shoot("approvals-own")
	ada.open("/actions/" + string(held.ID))
	ada.click("#glass summary")
	ada.enter("#glass textarea", "Thief on the train, nobody reachable")
	ada.click("#glass button")
	ada.wait(".flash")
	ada.shoot("action-glass")
	require.Len(t, b.events(lock.EventBreakGlass), 1)
	other.open("/approvals")
	other.wait("#reviews .glass")
	other.shoot("approvals")
	other.scheme("dark")
	other.shoot("approvals-dark")
	other.scheme("light")
	other.enter("#reviews textarea", "Spoke to both")
	other.click("#reviews button")
	other.wait(".flash")
	require.Len(t, b.events(lock.EventReviewed), 1)
}

// TestBrowserLocked takes pictures of what is locked now.
func TestBrowserLocked(t *testing.T) {
	b := newBench(t)
	furnish(b)
	sent := b.order("mac1")
	b.deliver("mac1")
	b.pass(26 * time.Hour)
	b.verbs = []lock.Verb{lock.VerbLock}
	b.order("mac5")
	b.pass(20 * time.Minute)
	tab := newTab(t, b.server.URL)
	tab.enterAs("admin", "/locked")
	tab.wait("#list .locks")
	assert.Contains(t, tab.text("#counts"), "4 in all")
	tab.shoot("locked")
	b.report(sent, lock.Acknowledged, nil)
	tab.wait("#list tr:nth-child(1) .pill.locked") // it is the newest in its state
	tab.scheme("dark")
	tab.open("/locked?state=queued")
	tab.wait("#list .locks")
	tab.shoot("locked-dark")
}
