package console

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

// tab is a page of a real browser. LATCHKEY_SCREENSHOTS names the folder for its pictures.
type tab struct {
	t      *testing.T
	ctx    context.Context //nolint:containedctx // chromedp keeps the tab in it
	base   string
	folder string
}

func newTab(t *testing.T, base string) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless_shell"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		const missing = "no Chromium or Google Chrome found (Debian: apt-get install chromium)"
		if strings.Contains(os.Getenv("LATCHKEY_REQUIRE"), "browser") {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	require.NoError(t, chromedp.Do(ctx)) // starts the browser, which a timeout would stop
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	folder := cmp.Or(os.Getenv("LATCHKEY_SCREENSHOTS"), t.TempDir())
	require.NoError(t, os.MkdirAll(folder, 0o755))
	return &tab{t, ctx, base, folder}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, steps...))
}

func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.base + path)) }

func (b *tab) click(css string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }

func (b *tab) enter(css, text string) { b.t.Helper(); b.do(chromedp.SendKeys(chromedp.CSS(css), text)) }

func (b *tab) wait(css string) { b.t.Helper(); b.do(chromedp.WaitVisible(chromedp.CSS(css))) }

func (b *tab) gone(css string) { b.t.Helper(); b.do(chromedp.WaitNotVisible(chromedp.CSS(css))) }

func (b *tab) text(css string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Text(chromedp.CSS(css)))
	require.NoError(b.t, err)
	return text
}

// js asks the page itself.
func js[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	require.NoError(b.t, err)
	return value
}

// shoot takes a picture at both widths, and sees that nothing sticks out to the right.
func (b *tab) shoot(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 390} {
		b.do(chromedp.EmulateViewport(width, 840))
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(filepath.Join(b.folder, fmt.Sprintf("%s-%d.png", name, width)), picture, 0o600))
		assert.LessOrEqual(b.t, js[int64](b, "document.documentElement.scrollWidth"), width, "%s fits %d pixels", name, width)
	}
	b.do(chromedp.EmulateViewport(1280, 840))
}

func (b *tab) scheme(name string) {
	b.t.Helper()
	_, err := chromedp.Run(b.ctx, func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return chromedp.Void{}, err
	})
	require.NoError(b.t, err)
}

// furnish gives the fleet a past, so that the pages have something to show.
func furnish(b *bench) {
	released := b.order("mac5")
	b.deliver("mac5")
	b.report(released, lock.Acknowledged, map[string]string{"MessageResult": "Success"})
	_, err := b.svc.Reveal(b.t.Context(), admin, released.ID, "owner on the phone, identity checked", "")
	require.NoError(b.t, err)
	b.pass(37 * time.Minute)
	require.NoError(b.t, b.svc.Seen(b.t.Context(), b.device("mac5"), lock.EvidencePoll))
	b.pass(3 * time.Hour)
	locked := b.order("mac2")
	b.deliver("mac2")
	b.report(locked, lock.Acknowledged, nil)
	b.pass(5 * time.Minute)
	b.order("mac4")
	b.deny.Store(true)
	_, err = b.svc.Reveal(b.t.Context(), lock.Actor{ID: "eve", Name: "Eve", Address: "192.0.2.7"}, locked.ID, "curious", "")
	require.ErrorIs(b.t, err, lock.ErrDenied)
	b.deny.Store(false)
	b.pass(12 * time.Minute)
	for id, seen := range map[string]time.Duration{"mac1": 40 * time.Second, "mac3": 2 * time.Hour, "mac5": 6 * time.Minute} {
		d := b.fleet[id]
		d.LastSeen = b.now().Add(-seen)
		b.fleet[id] = d
	}
}

// TestBrowser walks the way of an administrator through a real browser: sign in, lock, see it locked, reveal, open.
func TestBrowser(t *testing.T) {
	b := newBench(t)
	furnish(b)
	tab := newTab(t, b.server.URL)

	tab.open("/devices/mac1")
	tab.shoot("signin")
	tab.enter("input[name=name]", "admin")
	tab.enter("input[name=password]", "correct horse\n")
	tab.wait("#security")
	assert.Equal(t, b.server.URL+"/devices/mac1", js[string](tab, "location.href"), "sign-in leads to where one wanted to go")
	tab.open("/")
	tab.shoot("devices")
	tab.open("/devices/mac3/lock")
	tab.shoot("lock-findings")

	tab.open("/devices/mac1/lock")
	assert.True(t, js[bool](tab, "document.getElementById('order').disabled"), "not armed yet")
	tab.click("input[name=with_message]")
	tab.enter("#message", "This Mac belongs to Analytical Engines. Please call us.")
	tab.click("input[name=with_phone]")
	tab.enter("#phone", "+44 20 7946 0000")
	tab.enter("input[name=reason]", "Stolen from a car")
	tab.enter("input[name=ticket]", "INC-4711")
	tab.enter("#confirm", "17qx")
	assert.False(t, js[bool](tab, "document.getElementById('order').disabled"), "armed")
	tab.shoot("lock")
	tab.click("#order")
	tab.wait(".flash")
	assert.Contains(t, tab.text("#state"), "Will lock when it comes online")

	action := b.actions()[0]
	digits := b.deliver("mac1")
	b.report(action, lock.Acknowledged, map[string]string{"MessageResult": "Success"})
	b.demo.digits.Store(&digits)
	tab.wait("#state .pill.locked") // the page freshens itself
	assert.NotContains(t, js[string](tab, "document.documentElement.outerHTML"), digits)
	tab.wait("#digits")
	revealAndOpen(t, b, tab, digits)
	forced(tab, b)
	tour(tab, "/actions/"+string(action.ID))
}

// forced takes pictures of a Mac that a lock deactivated.
func forced(tab *tab, b *bench) {
	a, err := b.svc.Lock(b.t.Context(), admin, lock.Request{Device: b.device("mac3"), Force: true})
	require.NoError(b.t, err)
	b.deliver("mac3")
	b.report(a, lock.Acknowledged, nil)
	tab.open("/devices/mac3")
	tab.shoot("device-forced")
	tab.open("/actions/" + string(a.ID) + "/reveal")
	tab.shoot("reveal-forced")
	tab.enter("input[name=reason]", "does it help?\n")
	tab.wait("#shown")
	tab.shoot("revealed-forced")
	b.demo.deactivated.Store(true)
	tab.open("/devices/mac1")
	tab.shoot("screen-deactivated")
	b.demo.deactivated.Store(false)
}

func revealAndOpen(t *testing.T, b *bench, tab *tab, digits string) {
	t.Helper()
	tab.click("#security a.button.primary")
	tab.wait("input[name=reason]")
	tab.shoot("reveal-reason")
	tab.enter("input[name=reason]", "Owner on the phone, identity checked\n")
	tab.wait("#shown")
	assert.Equal(t, digits[:3]+" "+digits[3:], tab.text("#digits"))
	assert.Equal(t, spoken(digits), tab.text(".spoken"))
	assert.Len(t, b.events(lock.EventRevealed), 2)
	tab.shoot("reveal")

	tab.click("#shown a.button")
	tab.wait("#screen")
	assert.NotContains(t, js[string](tab, "document.documentElement.outerHTML"), digits)
	tab.shoot("device")
	tab.scheme("dark")
	tab.shoot("device-dark")
	tab.scheme("light")
	tab.enter("#screen #digits", digits+"\n")
	tab.wait(".flash")
	assert.Contains(t, tab.text(".flash"), "has opened")
	assert.Contains(t, tab.text("#screen"), "Desktop")
}

// tour takes a picture of the other pages.
func tour(tab *tab, action string) {
	for _, page := range []struct{ name, path string }{
		{"actions", "/actions"}, {"action", action}, {"audit", "/audit"}, {"device-released", "/devices/mac5"}, {"enrol", "/enrolment"}, {"missing", "/nowhere"},
	} {
		tab.open(page.path)
		tab.shoot(page.name)
	}
	tab.scheme("dark")
	tab.open("/")
	tab.shoot("devices-dark")
	tab.open("/devices/mac3/lock")
	tab.shoot("lock-dark")
}
