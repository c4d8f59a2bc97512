package console

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// moreTime reads a PIN for longer than the page gives at first, and learns that it is gone.
func moreTime(t *testing.T, b *bench, tab *tab, digits string) {
	t.Helper()
	focus := func() string { return js[string](tab, "document.activeElement.tagName + document.activeElement.id") }
	later := func(d time.Duration) { // the page's clock; ours does not wait
		js[bool](tab, fmt.Sprintf("(window.real ??= Date.now, Date.now = () => real() + %d, true)", d.Milliseconds()))
	}
	shows := func(atMost int) {
		t.Helper()
		require.Eventually(t, func() bool {
			left, err := strconv.Atoi(tab.text("#seconds"))
			return err == nil && left > 0 && left <= atMost
		}, 10*time.Second, 50*time.Millisecond)
		assert.Equal(t, digits[:3]+" "+digits[3:], tab.text("#digits"))
	}
	reveals := len(b.events(lock.EventRevealed))
	assert.Equal(t, "H1", focus())
	tab.click("#more")
	later(31 * time.Second)
	shows(29)
	assert.Equal(t, "BUTTONmore", focus())
	tab.click("#more")
	tab.gone("#more")
	assert.Equal(t, "H1", focus(), "the button went")
	later(61 * time.Second)
	shows(29)
	assert.Empty(t, tab.text("#note"), "nothing to be announced yet")
	later(91 * time.Second)
	tab.wait("#after")
	assert.Equal(t, "The PIN is off the screen.", tab.text("#note"))
	assert.NotContains(t, js[string](tab, "document.body.outerHTML"), spoken(digits))
	assert.Equal(t, "••• •••", tab.text("#digits"))
	assert.Contains(t, js[string](tab, "location.href"), "/feedback")
	assert.Len(t, b.events(lock.EventRevealed), reveals, "longer is no second reveal")
}

// refusedOrder sends an order whose message has the PIN, in a browser.
func refusedOrder(t *testing.T, tab *tab) {
	t.Helper()
	tab.open("/devices/mac1/lock")
	tab.click("input[name=with_message]")
	tab.enter("#message", "Type 739 182 to open. Please call us.")
	tab.click("#own")
	tab.enter("#pin", "739182")
	tab.enter("#confirm", "17qx")
	tab.click("#order")
	tab.wait(".alert")
	assert.Contains(t, tab.text(".alert"), "Nothing was ordered:")
	assert.Equal(t, "message", js[string](tab, "document.activeElement.id"))
	assert.Equal(t, "Type •••••• to open. Please call us.", js[string](tab, "document.activeElement.value"))
	tab.shoot("lock-refused")
	tab.open("/devices/mac1/lock")
}
