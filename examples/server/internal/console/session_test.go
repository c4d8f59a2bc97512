package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
)

func TestEveryPageNeedsASession(t *testing.T) {
	b := newBench(t)
	id := string(b.order("mac1").ID)
	for _, path := range []string{
		"/", "/?q=ada", "/devices/mac1", "/devices/mac1/lock", "/devices/mac1/pins", "/actions", "/actions/" + id,
		"/actions/" + id + "/reveal", "/actions/" + id + "/feedback", "/audit", "/enrolment", "/nowhere",
	} {
		t.Run("GET "+path, func(t *testing.T) {
			a := b.get(path)
			assert.Equal(t, http.StatusSeeOther, a.StatusCode)
			assert.True(t, strings.HasPrefix(a.Header.Get("Location"), "/signin"), a.Header.Get("Location"))
			hasNot(t, a.text, "Ada")
		})
	}
	for _, path := range unsafePaths(id) {
		t.Run("POST "+path, func(t *testing.T) {
			a := b.post(path, "reason", "curious", "digits", "123456", "confirm", "27QX")
			assert.Equal(t, http.StatusSeeOther, a.StatusCode)
			assert.Equal(t, "/signin", a.Header.Get("Location"))
		})
	}
	require.Len(t, b.events(), 1, "nothing happened but the order that the test made")
}

func unsafePaths(action string) []string {
	return []string{
		"/devices/mac2/lock", "/devices/mac2/lock/pin", "/devices/mac1/type", "/actions/" + action + "/cancel", "/actions/" + action + "/reveal",
		"/actions/" + action + "/feedback", "/enrolment",
	}
}

func TestAnotherSiteIsRefused(t *testing.T) {
	b := newBench(t).signIn()
	a := b.order("mac1")
	before := len(b.events())
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://elsewhere.example"}} {
		for _, path := range append(unsafePaths(string(a.ID)), "/signin", "/signout") {
			t.Run(header[1]+" "+path, func(t *testing.T) {
				form := url.Values{"reason": {"x"}, "confirm": {"27QX"}, "name": {"admin"}, "password": {"correct horse"}}
				assert.Equal(t, http.StatusForbidden, b.do(http.MethodPost, path, form, header...).StatusCode)
			})
		}
	}
	assert.Len(t, b.events(), before, "nothing was ordered, cancelled or revealed")
	b.page("/") // still signed in
}

func TestSignIn(t *testing.T) {
	b := newBench(t)
	for name, password := range map[string]string{"admin": "battery staple", "nobody": "correct horse"} {
		a := b.post("/signin", "name", name, "password", password)
		assert.Equal(t, http.StatusUnauthorized, a.StatusCode)
		has(t, a.text, "Name or password is wrong.")
		hasNot(t, a.text, password)
		assert.Empty(t, a.Cookies(), "a stranger gets no session")
	}
	broken := b.post("/signin", "name", "broken", "password", "x")
	assert.Equal(t, http.StatusServiceUnavailable, broken.StatusCode)
	hasNot(t, broken.text, "disk")

	a := b.post("/signin", "name", "admin", "password", "correct horse", "next", "/audit")
	require.Equal(t, http.StatusSeeOther, a.StatusCode)
	assert.Equal(t, "/audit", a.Header.Get("Location"))
	require.Len(t, a.Cookies(), 1)
	cookie := a.Cookies()[0]
	assert.True(t, cookie.HttpOnly)
	assert.Equal(t, http.SameSiteLaxMode, cookie.SameSite)
	assert.Equal(t, "/", cookie.Path)

	events := b.events(lock.EventSignedIn)
	require.Len(t, events, 1)
	assert.Equal(t, "admin", events[0].Actor.ID)
	assert.Equal(t, "127.0.0.1", events[0].Actor.Address)
}

func TestSessionTokenIsRenewed(t *testing.T) {
	b := newBench(t).signIn()
	here, err := url.Parse(b.server.URL)
	require.NoError(t, err)
	planted := b.client.Jar.Cookies(here)[0].Value
	b.signIn()
	renewed := b.client.Jar.Cookies(here)[0].Value
	assert.NotEqual(t, planted, renewed)

	stolen := b.browser()
	stolen.Jar.SetCookies(here, []*http.Cookie{{Name: "latchkey", Value: planted}})
	own := b.client
	b.client = stolen
	assert.Equal(t, http.StatusSeeOther, b.get("/").StatusCode, "the token from before the sign-in is worth nothing")

	b.client = own
	assert.Equal(t, http.StatusSeeOther, b.post("/signout").StatusCode)
	stolen.Jar.SetCookies(here, []*http.Cookie{{Name: "latchkey", Value: renewed}})
	b.client = stolen
	assert.Equal(t, http.StatusSeeOther, b.get("/").StatusCode, "signing out ends the session on the server")
}

func TestCookieOverTLS(t *testing.T) {
	b := newBench(t)
	h := b.handler(func(c *Config) { c.Secure = true })
	r := httptest.NewRequest(http.MethodPost, "/signin", strings.NewReader("name=admin&password=correct+horse"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	require.Len(t, w.Result().Cookies(), 1)
	assert.True(t, w.Result().Cookies()[0].Secure)
	assert.Equal(t, "__Host-latchkey", w.Result().Cookies()[0].Name)
	assert.NotEmpty(t, w.Header().Get("Strict-Transport-Security"))
}

func TestRedirectStaysHere(t *testing.T) {
	for next, want := range map[string]string{
		"/devices/mac1?x=1": "/devices/mac1?x=1", "": "/", "https://elsewhere.example": "/", "//elsewhere.example": "/",
		`/\elsewhere.example`: "/", "javascript:alert(1)": "/", "devices": "/", "/\x00": "/",
	} {
		assert.Equal(t, want, localPath(next), "%q", next)
	}
}

func TestHeaders(t *testing.T) {
	b := newBench(t).signIn()
	for _, path := range []string{"/", "/devices/mac1", "/static/style.css"} {
		h := b.get(path).Header
		policy := h.Get("Content-Security-Policy")
		assert.Contains(t, policy, "default-src 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
		assert.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", h.Get("Referrer-Policy"), path)
	}
	assert.Equal(t, "no-store", b.get("/").Header.Get("Cache-Control"))
	assert.Contains(t, b.get("/static/app.js").Header.Get("Content-Type"), "javascript")
	assert.Equal(t, http.StatusNotFound, b.get("/static/").StatusCode, "no listing")
}

func TestFormHasALimit(t *testing.T) {
	b := newBench(t).signIn()
	a := b.post("/devices/mac1/lock", "confirm", "17QX", "not_a_field", strings.Repeat("x", maxForm))
	assert.Equal(t, http.StatusUnprocessableEntity, a.StatusCode)
	assert.Empty(t, b.actions())
}

func TestConfig(t *testing.T) {
	b := newBench(t)
	var good Config
	b.handler(func(c *Config) { good = *c })
	for field, breakIt := range map[string]func(*Config){
		"Service":   func(c *Config) { c.Service = nil },
		"Audit":     func(c *Config) { c.Audit = nil },
		"Devices":   func(c *Config) { c.Devices = nil },
		"Accounts":  func(c *Config) { c.Accounts = nil },
		"Enrolment": func(c *Config) { c.Enrolment = nil },
		"Locked":    func(c *Config) { c.Locked = nil },
		"Approvals": func(c *Config) { c.Approvals = nil },
		"Scope":     func(c *Config) { c.Scope = "" },
	} {
		cfg := good
		breakIt(&cfg)
		_, err := New(cfg)
		var input *lock.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
	_, err := New(good)
	require.NoError(t, err)
}
