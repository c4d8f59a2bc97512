package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/delivery"
	"github.com/latchkey-mdm/latchkey/examples/server/internal/inventory"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/pin"
)

// linkDesk is what knows one link, "good", and says of it what a test wants.
type linkDesk struct {
	err       error
	collected int
	opener    lock.Actor
	platform  string
}

// Look is Links'.
func (d *linkDesk) Look(_ context.Context, token string, opener lock.Actor) (delivery.Link, error) {
	d.opener = opener
	if token != "good" {
		return delivery.Link{}, delivery.ErrDead
	}
	return delivery.Link{Device: lock.Device{Name: "Grace's phone", User: "grace", Platform: d.platform}}, d.err
}

// Collect is Links'.
func (d *linkDesk) Collect(ctx context.Context, token string, opener lock.Actor) (delivery.Link, pin.PIN, error) {
	l, err := d.Look(ctx, token, opener)
	if err != nil {
		return l, pin.PIN{}, err
	}
	d.collected++
	code, err := pin.Parse("048213")
	return l, code, err
}

// withLinks is a bench with links, and what it logs.
func withLinks(t *testing.T) (*bench, *linkDesk, *bytes.Buffer) {
	t.Helper()
	b, desk, log := newBench(t), &linkDesk{}, &bytes.Buffer{}
	b.server.Close()
	b.server = httptest.NewServer(b.handler(func(c *Config) {
		c.Links, c.Logger = desk, slog.New(slog.NewTextHandler(log, nil))
	}))
	t.Cleanup(b.server.Close)
	return b, desk, log
}

func TestLinkOfAWindowsDeviceSaysPIN(t *testing.T) {
	b, desk, _ := withLinks(t)
	desk.platform = inventory.ComputerPlatform
	for _, page := range []string{b.page("/collect/good"), b.post("/collect/good").text} {
		has(t, page, "<title>A PIN for you")
		hasNot(t, strings.ToLower(page), "passcode")
	}
}

func TestLinkShowsAButtonFirst(t *testing.T) {
	b, desk, _ := withLinks(t)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := b.do(method, "/collect/good", nil)
		require.Equal(t, http.StatusOK, a.StatusCode)
		assert.Equal(t, "same-origin", a.Header.Get("Referrer-Policy"))
		assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
		assert.Empty(t, a.Cookies(), "strangers get no session")
		hasNot(t, a.text, "048")
		assert.NotRegexp(t, `(src|href|action)="(https?:)?//`, a.text, "nothing comes from elsewhere")
	}
	assert.Zero(t, desk.collected)
	a := b.post("/collect/good")
	require.Equal(t, http.StatusOK, a.StatusCode)
	has(t, a.text, "<span>048</span> <span>213</span>")
	has(t, a.text, "zero four eight — two one three")
	has(t, a.text, "Grace&#39;s phone")
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	assert.Equal(t, "same-origin", a.Header.Get("Referrer-Policy"))
	assert.Equal(t, 1, desk.collected)
	assert.Equal(t, lock.Actor{Address: "127.0.0.1"}, desk.opener)
}

func TestLinkFromAnotherSite(t *testing.T) {
	b, desk, _ := withLinks(t)
	a := b.do(http.MethodPost, "/collect/good", nil, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, a.StatusCode)
	assert.Zero(t, desk.collected)
}

// TestLinkWithoutFetchMetadata: browsers that say no more than the origin of a form, over plain HTTP or because they are old.
func TestLinkWithoutFetchMetadata(t *testing.T) {
	b, desk, _ := withLinks(t)
	page := b.get("/collect/good")
	assert.Equal(t, "same-origin", page.Header.Get("Referrer-Policy"), "else the origin of the form is null")
	for _, origin := range []string{"null", "https://elsewhere.example"} {
		assert.Equal(t, http.StatusForbidden, b.do(http.MethodPost, "/collect/good", nil, "Origin", origin).StatusCode, origin)
	}
	assert.Zero(t, desk.collected)
	assert.Equal(t, http.StatusOK, b.do(http.MethodPost, "/collect/good", nil, "Origin", b.server.URL).StatusCode)
	assert.Equal(t, 1, desk.collected)
}

// TestAfterTheLink: where the page of a passcode leads to is no guess at a link.
func TestAfterTheLink(t *testing.T) {
	b, desk, _ := withLinks(t)
	shown := b.post("/collect/good")
	has(t, shown.text, `data-after="/collect/used"`)
	desk.opener, desk.err = lock.Actor{}, account.ErrTooOften
	used := b.get("/collect/used")
	assert.Equal(t, http.StatusNotFound, used.StatusCode)
	has(t, used.text, "<h1>This link does not work</h1>")
	assert.Empty(t, desk.opener, "it was not looked up")
}

func TestLinkOfTheSignedIn(t *testing.T) {
	b, desk, _ := withLinks(t)
	b.signIn()
	b.page("/collect/good")
	assert.Equal(t, "admin", desk.opener.ID)
	b.gone.Store(true) // the account, while the session goes on
	b.page("/collect/good")
	assert.Empty(t, desk.opener.ID)
}

func TestLinkGivesNothing(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		signed bool
		status int
		title  string
	}{
		{"dead", delivery.ErrDead, false, http.StatusNotFound, "This link does not work"},
		{"of somebody who may no more", fmt.Errorf("reveal: %w", lock.ErrDenied), false, http.StatusNotFound, "This link does not work"},
		{"without the right", lock.ErrDenied, true, http.StatusForbidden, "You may not see this passcode"},
		{"of another account", delivery.ErrOther, true, http.StatusForbidden, "This link is for another account"},
		{"needs a second person", lock.ErrPending, false, http.StatusConflict, "Somebody has to approve this first"},
		{"too many tries", account.ErrTooOften, false, http.StatusTooManyRequests, "Too many links that do not work"},
		{"database is down", errors.New("no route"), false, http.StatusServiceUnavailable, "The passcode cannot be shown now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, desk, log := withLinks(t)
			if c.signed {
				b.signIn()
			}
			desk.err = c.err
			for _, a := range []answer{b.get("/collect/good"), b.post("/collect/good")} {
				assert.Equal(t, c.status, a.StatusCode)
				has(t, a.text, "<h1>"+c.title+"</h1>")
				assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
			}
			assert.Zero(t, desk.collected)
			assert.NotContains(t, log.String(), "good", "the log has no link that works")
		})
	}
}

func TestLinksThatDoNotWorkLookTheSame(t *testing.T) {
	b, desk, _ := withLinks(t)
	desk.err = delivery.ErrDead
	used, unknown := b.get("/collect/good"), b.get("/collect/never")
	has(t, used.text, "or its passcode may not open the device any more, because that was set up anew")
	assert.Equal(t, used.StatusCode, unknown.StatusCode)
	assert.Equal(t, used.text, unknown.text)
}

func TestLinkLeadsToTheSignIn(t *testing.T) {
	b, desk, _ := withLinks(t)
	desk.err = delivery.ErrSignIn
	for _, a := range []answer{b.get("/collect/good"), b.post("/collect/good")} {
		assert.Equal(t, http.StatusSeeOther, a.StatusCode)
		assert.Equal(t, "/signin?next=%2Fcollect%2Fgood", a.Header.Get("Location"))
	}
	assert.Zero(t, desk.collected)
}

func TestWithoutMailThereAreNoLinks(t *testing.T) {
	b := newBench(t)
	a := b.get("/collect/good")
	assert.Equal(t, http.StatusSeeOther, a.StatusCode)
	assert.True(t, strings.HasPrefix(a.Header.Get("Location"), "/signin"))
	b.signIn()
	assert.Equal(t, http.StatusNotFound, b.get("/collect/good").StatusCode)
}
