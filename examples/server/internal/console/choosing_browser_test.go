package console

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// past gives a Mac two PINs that were used: the first was shown to somebody, the second was not.
func past(b *bench, device string) (first, second lock.Action, digits []string) {
	b.t.Helper()
	for i, a := range []*lock.Action{&first, &second} {
		*a = b.order(device)
		digits = append(digits, b.deliver(device))
		b.report(*a, lock.Acknowledged, map[string]string{"MessageResult": "Success"})
		if i == 0 {
			_, err := b.svc.Reveal(b.t.Context(), admin, a.ID, "owner on the phone, identity checked", "")
			require.NoError(b.t, err)
		}
		b.pass(10 * time.Minute)
		require.NoError(b.t, b.svc.Seen(b.t.Context(), b.device(device), lock.EvidencePoll))
		b.pass(49 * time.Hour)
	}
	return first, second, digits
}

// TestBrowserPIN chooses PINs in a real browser, and goes from a wrong one to the next.
func TestBrowserPIN(t *testing.T) {
	b := newBench(t)
	_, second, digits := past(b, "mac1")
	tab := newTab(t, b.server.URL)
	tab.open("/signin?next=" + url.QueryEscape("/devices/mac1/lock"))
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("#confirm")

	weakPIN(t, tab)
	refusedOrder(t, tab)
	tab.click("#keep")
	assert.Contains(t, tab.text("#about-keep"), "In use since 23 November 2026")
	tab.enter("#confirm", "17qx")
	tab.shoot("lock-keep")
	tab.click("#order")
	tab.wait(".flash")
	kept := b.actions()[0]
	assert.Equal(t, second.ID, kept.Kept)
	assert.Equal(t, digits[1], b.deliver("mac1"), "the same PIN")
	b.report(kept, lock.Acknowledged, nil)
	wrongPIN(t, b, tab, kept, digits)
}

// weakPIN types a PIN that many people use, and then a better one.
func weakPIN(t *testing.T, tab *tab) {
	t.Helper()
	tab.click("#own")
	before := js[float64](tab, "document.getElementById('order').getBoundingClientRect().top")
	tab.enter("#pin", "111111")
	tab.wait("#pin-says .bad")
	assert.Equal(t, "true", js[string](tab, "document.getElementById('pin').getAttribute('aria-invalid')"))
	assert.Equal(t, "polite", js[string](tab, "document.getElementById('pin-says').ariaLive"))
	assert.NotEmpty(t, tab.text("#pin-says li"), "says why")
	assert.LessOrEqual(t, js[float64](tab, "document.getElementById('order').getBoundingClientRect().top")-before, 4.0, "no layout jump")
	tab.shoot("lock-own")
	js[bool](tab, "(document.getElementById('pin').value = '', true)")
	tab.enter("#pin", "739182")
	tab.wait("#pin-says .good")
	tab.shoot("lock-own-good")
	assert.NotContains(t, js[string](tab, "location.href"), "739182")
}

// wrongPIN reveals, says that it was wrong, and opens the Mac with the next one.
func wrongPIN(t *testing.T, b *bench, tab *tab, kept lock.Action, digits []string) {
	t.Helper()
	tab.open("/actions/" + string(kept.ID) + "/reveal")
	tab.enter("input[name=reason]", "Grace on the phone\n")
	tab.wait("#shown")
	js[bool](tab, "(dispatchEvent(new Event('pagehide')), true)") // as when its time is over
	assert.NotContains(t, js[string](tab, "document.documentElement.outerHTML"), digits[1][:3]+"</span>")
	assert.Equal(t, "••• •••", tab.text("#digits"))
	tab.wait("#after")
	tab.shoot("reveal-over")
	tab.click("#tried button[value=wrong-pin]")
	tab.wait("#next")
	assert.Contains(t, tab.text("#next h1"), "21 November 2026, 09:00 UTC", "the other PIN, not the lock from which this one was kept")
	assert.Equal(t, "Grace on the phone", js[string](tab, "document.querySelector('#next input').value"))
	tab.shoot("reveal-next")
	tab.click("#next button")
	tab.wait("#shown")
	assert.Equal(t, digits[0][:3]+" "+digits[0][3:], tab.text("#digits"))
	tab.click("#tried button[value=worked]")
	tab.wait("#worked")
	tab.shoot("reveal-worked")

	tab.open("/devices/mac1/pins")
	tab.wait("#list")
	assert.Contains(t, tab.text("#list"), "somebody opened the device with it")
	tab.shoot("pins")
	tab.scheme("dark")
	tab.shoot("pins-dark")
	tab.open("/actions/" + string(kept.ID) + "/reveal")
	tab.enter("input[name=reason]", "again\n")
	tab.wait("#shown")
	tab.shoot("reveal-dark")
	tab.scheme("light")
	moreTime(t, b, tab, digits[1])
	assert.NotEmpty(t, b.events(lock.EventFeedback))
}
