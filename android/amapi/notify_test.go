package amapi_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// desk takes reports.
type desk struct {
	err     error
	reports []lock.Report
}

func (d *desk) Report(_ context.Context, r lock.Report) error {
	d.reports = append(d.reports, r)
	return d.err
}

var now = time.Date(2026, 8, 6, 20, 40, 0, 0, time.UTC)

// endpoint is a handler of its own, with the desk behind it.
func endpoint(t *testing.T, d *desk, edits ...func(*amapi.NotifyConfig)) http.Handler {
	t.Helper()
	c := amapi.NotifyConfig{
		Service: d, Token: token(t, secret), Scope: "acme", Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler),
	}
	for _, edit := range edits {
		edit(&c)
	}
	h, err := amapi.NewHandler(c)
	require.NoError(t, err)
	return h
}

// post sends a body, with the secret.
func post(h http.Handler, body []byte) int {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?token="+secret, bytes.NewReader(body)))
	return w.Code
}

const done = `{"done":true,"name":"` + phone + `/operations/17","metadata":{"type":"LOCK","createTime":"2026-08-06T20:38:43.669Z"}}`

func command(published time.Time, data string) []byte {
	return amapitest.NewPush("COMMAND", "1", published, []byte(data)).Body
}

func TestNotification(t *testing.T) {
	d := &desk{}
	assert.Equal(t, 204, post(endpoint(t, d), command(now, done)))
	assert.Equal(t, []lock.Report{{
		Scope: "acme", Device: phone, Ref: phone + "/operations/17", Outcome: lock.Acknowledged, Unproven: true,
		Facts: map[string]string{"code": "DONE", "proves": "receipt"},
	}}, d.reports)
}

// TestNotificationOfAnotherDevice: the embedder has IDs of its own.
func TestNotificationOfAnotherDevice(t *testing.T) {
	d := &desk{}
	h := endpoint(t, d, func(c *amapi.NotifyConfig) {
		c.Scope = ""
		c.Device = func(_ context.Context, name string) (lock.Device, error) {
			if name != phone {
				return lock.Device{}, lock.ErrNotFound
			}
			return lock.Device{Scope: "other", ID: "phone-1"}, nil
		}
	})
	assert.Equal(t, 204, post(h, command(now, done)))
	require.Len(t, d.reports, 1)
	assert.Equal(t, "other/phone-1", d.reports[0].Scope+"/"+d.reports[0].Device)
	foreign := strings.ReplaceAll(done, "3a5f", "foreign")
	assert.Equal(t, 503, post(h, command(now, foreign)), "it may be enrolled in this moment")
	assert.Equal(t, 204, post(h, command(now.Add(-time.Hour), foreign)))
	assert.Len(t, d.reports, 1)
}

// TestNotificationErrors: what may change is asked for again, the rest is over.
func TestNotificationErrors(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		published time.Time
		status    int
	}{
		"not ours, young":          {lock.ErrNotOurs, now.Add(-9 * time.Minute), 503},
		"not ours, of the future":  {lock.ErrNotOurs, now.Add(time.Minute), 503},
		"not ours, old":            {lock.ErrNotOurs, now.Add(-10 * time.Minute), 204},
		"wrong device":             {lock.ErrWrongDevice, now, 204},
		"no input":                 {&lock.InputError{Field: "scope", Rule: "no"}, now, 204},
		"not durable":              {errors.New("disk"), now, 503},
		"not durable, however old": {errors.New("disk"), now.Add(-24 * time.Hour), 503},
		"conflict":                 {lock.ErrConflict, now, 503},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.status, post(endpoint(t, &desk{err: c.err}), command(c.published, done)))
		})
	}
	w := httptest.NewRecorder()
	endpoint(t, &desk{err: errors.New("disk")}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?token="+secret, bytes.NewReader(command(now, done))))
	assert.NotEmpty(t, w.Header().Get("Retry-After"))
	noTime := bytes.ReplaceAll(command(now, done), []byte("ublishTime"), []byte("ublishedAt"))
	assert.Equal(t, 503, post(endpoint(t, &desk{err: lock.ErrNotOurs}), noTime), "the operation is young")
}

// TestNotificationOfNothing: what says nothing, or cannot be read, is acknowledged, since it would come again for days.
func TestNotificationOfNothing(t *testing.T) {
	deep := strings.Repeat(`[`, 100)
	for name, body := range map[string][]byte{
		"nothing":        nil,
		"no JSON":        []byte("<html>"),
		"another shape":  []byte(`{"message":[]}`),
		"deep":           []byte(deep),
		"large":          bytes.Repeat([]byte(" "), 1<<20+1),
		"no base64":      []byte(`{"message":{"attributes":{"notificationType":"COMMAND"},"data":"*"}}`),
		"no type":        amapitest.NewPush("", "1", now, []byte(done)).Body,
		"another type":   amapitest.NewPush("STATUS_REPORT", "1", now, []byte(`{}`)).Body,
		"no operation":   command(now, `[]`),
		"deep operation": command(now, deep),
		"no name":        command(now, `{"done":true}`),
		"name of a path": command(now, strings.ReplaceAll(done, "3a5f", "..")),
		"waits still":    command(now, strings.ReplaceAll(done, `"done":true,`, "")),
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{}
			assert.Equal(t, 204, post(endpoint(t, d), body))
			assert.Empty(t, d.reports)
		})
	}
}

// TestNotificationOfOtherTypes: they go to the embedder, whose error has them come again.
func TestNotificationOfOtherTypes(t *testing.T) {
	var got []amapi.Notification
	var err error
	h := endpoint(t, &desk{}, func(c *amapi.NotifyConfig) {
		c.Other = func(_ context.Context, n amapi.Notification) error {
			got = append(got, n)
			return err
		}
	})
	assert.Equal(t, 204, post(h, amapitest.NewPush("ENROLLMENT", "17", now, []byte(`{"name":"x"}`)).Body))
	assert.Equal(t, []amapi.Notification{{Type: "ENROLLMENT", ID: "17", Published: now, Data: []byte(`{"name":"x"}`)}}, got)
	err = errors.New("disk")
	assert.Equal(t, 503, post(h, amapitest.NewPush("ENROLLMENT", "17", now, nil).Body))
}

// TestNotificationIsAuthenticated: nobody else reports.
func TestNotificationIsAuthenticated(t *testing.T) {
	verify := func(c *amapi.NotifyConfig) {
		c.Verify = func(r *http.Request) error {
			if r.Header.Get("Authorization") != "Bearer good" {
				return errors.New("no")
			}
			return nil
		}
	}
	alone := func(c *amapi.NotifyConfig) { verify(c); c.Token = pin.PIN{} }
	for name, c := range map[string]struct {
		method, url, header string
		edits               []func(*amapi.NotifyConfig)
		status              int
	}{
		"GET":                 {"GET", "/?token=" + secret, "", nil, 405},
		"no token":            {"POST", "/", "", nil, 403},
		"empty token":         {"POST", "/?token=", "", nil, 403},
		"wrong token":         {"POST", "/?token=" + secret + "x", "", nil, 403},
		"beginning of it":     {"POST", "/?token=" + secret[:5], "", nil, 403},
		"long token":          {"POST", "/?token=" + strings.Repeat("x", 70_000), "", nil, 403},
		"token":               {"POST", "/?token=" + secret, "", nil, 204},
		"not verified":        {"POST", "/", "Bearer bad", []func(*amapi.NotifyConfig){alone}, 403},
		"verified":            {"POST", "/", "Bearer good", []func(*amapi.NotifyConfig){alone}, 204},
		"verified, no token":  {"POST", "/", "Bearer good", []func(*amapi.NotifyConfig){verify}, 403},
		"token, not verified": {"POST", "/?token=" + secret, "", []func(*amapi.NotifyConfig){verify}, 403},
		"token, verified":     {"POST", "/?token=" + secret, "Bearer good", []func(*amapi.NotifyConfig){verify}, 204},
	} {
		t.Run(name, func(t *testing.T) {
			d := &desk{}
			r := httptest.NewRequest(c.method, c.url, bytes.NewReader(command(now, done)))
			r.Header.Set("Authorization", c.header)
			w := httptest.NewRecorder()
			endpoint(t, d, c.edits...).ServeHTTP(w, r)
			assert.Equal(t, c.status, w.Code)
			assert.Equal(t, c.status == 204, len(d.reports) == 1)
			assert.NotContains(t, w.Body.String(), secret)
		})
	}
}

// TestNotificationBrokenOff: it comes again.
func TestNotificationBrokenOff(t *testing.T) {
	w := httptest.NewRecorder()
	body := io.MultiReader(strings.NewReader(`{"mess`), failing{})
	endpoint(t, &desk{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/?token="+secret, body))
	assert.Equal(t, 400, w.Code)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestNewHandlerRefuses(t *testing.T) {
	for field, c := range map[string]amapi.NotifyConfig{
		"Service": {Token: token(t, secret), Scope: "acme"},
		"Token":   {Service: &desk{}, Scope: "acme"},
		"Scope":   {Service: &desk{}, Token: token(t, secret)},
	} {
		_, err := amapi.NewHandler(c)
		var input *lock.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
}

// TestNotificationsOutOfOrder: of two commands, the later one's comes first; a full store has the other come again.
func TestNotificationsOutOfOrder(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		h.run()
		locked, reset := h.Lock(device()), h.reset()
		h.await(locked.ID, named)
		h.await(reset.ID, named)
		require.Equal(t, 2, h.google.Sync(phone))
		pushes := h.google.Pushes()
		h.Store.FailBefore(locktest.Forever)
		assert.Equal(t, []int{503}, h.notify(pushes[1]))
		h.Store.FailBefore(0)
		assert.Equal(t, []int{204, 204, 204}, h.notify(pushes[1], pushes[0], pushes[1]))
		assert.Equal(t, lock.StateConfirmed, h.Get(locked.ID).State)
		assert.Equal(t, lock.StateConfirmed, h.Get(reset.ID).State)
		foreign, err := h.client.Issue(t.Context(), phone, amapi.Command{Type: amapi.TypeLock})
		require.NoError(t, err)
		h.google.Sync(phone)
		assert.Equal(t, []int{503}, h.notify(h.google.Pushes()[2]), foreign.Name)
		later(10 * time.Minute)
		assert.Equal(t, []int{204}, h.notify(h.google.Pushes()[2]))
	})
}

func FuzzNotification(f *testing.F) {
	f.Add(command(now, done))
	f.Add(command(now.Add(-time.Hour), `{"done":true,"name":"x"}`))
	f.Add(amapitest.NewPush("ENROLLMENT", "1", now, []byte(`{}`)).Body)
	f.Add([]byte(`{"message":{"attributes":{"notificationType":"COMMAND"},"data":"*"}}`))
	f.Add([]byte(`{"message":null}`))
	f.Add([]byte(strings.Repeat(`{"message":`, 20)))
	f.Fuzz(func(t *testing.T, body []byte) {
		d := &desk{}
		status := post(endpoint(t, d), body)
		assert.Equal(t, 204, status)
		for _, r := range d.reports {
			assert.NotEmpty(t, r.Outcome)
			assert.True(t, strings.HasPrefix(r.Ref, r.Device+"/operations/"))
			assert.True(t, amapi.IsDeviceName(r.Device))
		}
	})
}
