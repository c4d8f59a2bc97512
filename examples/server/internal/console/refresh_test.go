package console

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/latchkey-mdm/latchkey/lock"
)

// contrastOfPlaceholder is the ratio of WCAG 2.2 between the placeholder of the simulated PIN field and its background.
const contrastOfPlaceholder = `(() => {
	const light = (css) => {
		const [r, g, b] = css.match(/[\d.]+/g).slice(0, 3).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
		return .2126 * r + .7152 * g + .0722 * b;
	};
	const field = document.querySelector("#screen #digits"), text = getComputedStyle(field, "::placeholder");
	if (text.opacity !== "1") return 0;
	const [low, high] = [light(text.color), light(getComputedStyle(field).backgroundColor)].sort((x, y) => x - y);
	return (high + .05) / (low + .05);
})()`

// TestBrowserRefresh is the promise that a page which stays open does not go on saying what was true once.
func TestBrowserRefresh(t *testing.T) {
	b := newBench(t)
	tab := newTab(t, b.server.URL)
	tab.open("/signin?next=/devices/mac1")
	tab.enter("input[name=password]", "wrong")
	tab.enter("input[name=name]", "admin\n")
	tab.wait("#refused")
	assert.Equal(t, "password", js[string](tab, "document.activeElement.name"), "ready to try again")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("#security")
	action := b.order("mac1")
	tab.open("/devices/mac1")
	tab.click("#cancel summary")
	tab.enter("#cancel input[name=reason]", "under the sofa")
	digits := b.deliver("mac1")
	tab.wait("#status .pill.sent")
	assert.Contains(t, tab.text("#cancel-says"), "The command has left", "the form in use tells it too")
	assert.Equal(t, "under the sofa", js[string](tab, "document.querySelector('#cancel input[name=reason]').value"), "nothing typed is lost")
	tab.shoot("cancel-in-use")
	b.report(action, lock.Acknowledged, nil)
	b.demo.digits.Store(&digits)
	tab.wait("#status .pill.locked")
	assert.False(t, js[bool](tab, "document.querySelector('#cancel form') !== null"), "there is nothing to cancel any more")
	assert.NotContains(t, tab.text("main"), "Nothing has left yet")

	tab.wait("#digits")
	contrast := js[float64](tab, contrastOfPlaceholder)
	assert.GreaterOrEqual(t, contrast, 4.5, "the placeholder can be read")

	js[bool](tab, "(window.asked = window.fetch, window.fetch = () => Promise.reject(new Error('gone')), true)")
	tab.wait("#stale")
	assert.Regexp(t, `^As of \d\d:\d\d UTC, not updated since: reload$`, tab.text("#stale"))
	tab.shoot("stale")
	js[bool](tab, "(window.fetch = window.asked, true)")
	tab.gone("#stale")
	js[bool](tab, "(Date.now = ((now) => () => now() + 660000)(Date.now), true)")
	tab.wait("#stale")
}
