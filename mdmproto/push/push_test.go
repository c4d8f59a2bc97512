package push_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/mdmproto/push"
	"github.com/latchkey-mdm/latchkey/mdmproto/push/pushtest"
)

func TestWakeSends(t *testing.T) {
	h := newHarness(t)
	require.NoError(t, h.waker.Wake(t.Context(), h.device("mac")))
	sent := h.apns.Pushes()
	require.Len(t, sent, 1)
	p := sent[0]
	assert.Equal(t, "/3/device/"+hex.EncodeToString(token("mac")), p.Path)
	assert.JSONEq(t, `{"mdm": "magic <\"of Zoë & Co\">"}`, string(p.Payload), "the payload is the PushMagic alone")
	for name, want := range map[string]string{
		"Apns-Topic": topic, "Apns-Push-Type": "mdm", "Apns-Priority": "10", "Accept-Encoding": "",
	} {
		assert.Equal(t, want, p.Header.Get(name), name)
	}
	assert.Equal(t, h.clock.Now().AddDate(0, 0, 7), p.Expiration())
}

func TestWakeNeedsNoAPNs(t *testing.T) {
	for _, c := range []struct {
		name  string
		edit  func(*push.Channel)
		class push.Class
		says  string
	}{
		{"before the first TokenUpdate", func(c *push.Channel) { *c = push.Channel{} }, push.ClassNoToken, "enrolment"},
		{"without PushMagic", func(c *push.Channel) { c.Magic = "" }, push.ClassNoToken, "enrolment"},
		{"huge token", func(c *push.Channel) { c.Token = bytes.Repeat(token(""), 30) }, push.ClassBadToken, "256"},
		{"another topic", func(c *push.Channel) { c.Topic = "com.apple.mgmt.External.old" }, push.ClassBadTopic, "com.apple.mgmt.External.old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			h.tokens.edit("mac", c.edit)
			e := h.fail(t.Context(), d)
			assert.Equal(t, c.class, e.Class)
			assert.False(t, e.ProviderFailure())
			assert.False(t, e.ProviderAnswered())
			assert.False(t, e.ProviderTrouble())
			require.ErrorContains(t, e, c.says)
			accepted, _ := h.apns.Connections()
			assert.Zero(t, accepted)
		})
	}
	t.Run("topic unknown", func(t *testing.T) {
		h := newHarness(t)
		d := h.device("mac")
		h.tokens.edit("mac", func(c *push.Channel) { c.Topic = "" })
		assert.NoError(t, h.waker.Wake(t.Context(), d))
	})
	t.Run("tokens cannot be read", func(t *testing.T) {
		h := newHarness(t)
		h.tokens.err = errors.New("no database")
		err := h.waker.Wake(t.Context(), h.device("mac"))
		require.ErrorIs(t, err, h.tokens.err)
		assert.NotErrorAs(t, err, new(*push.Error), "that says nothing about the push")
	})
}

// TestAnswers has every reason that APNs documents for certificates.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status   int
		reason   string
		class    push.Class
		provider bool
	}{
		{400, "BadCollapseId", push.ClassRejected, false},
		{400, "BadDeviceToken", push.ClassBadToken, false},
		{400, "BadExpirationDate", push.ClassRejected, false},
		{400, "BadMessageId", push.ClassRejected, false},
		{400, "BadPriority", push.ClassRejected, false},
		{400, "BadTopic", push.ClassBadTopic, true},
		{400, "DeviceTokenNotForTopic", push.ClassBadTopic, false},
		{400, "DuplicateHeaders", push.ClassRejected, false},
		{400, "IdleTimeout", push.ClassUnavailable, false},
		{400, "InvalidPushType", push.ClassRejected, false},
		{400, "MissingDeviceToken", push.ClassBadToken, false},
		{400, "MissingTopic", push.ClassBadTopic, true},
		{400, "PayloadEmpty", push.ClassRejected, false},
		{400, "TopicDisallowed", push.ClassBadTopic, true},
		{403, "BadCertificate", push.ClassBadCertificate, true},
		{403, "BadCertificateEnvironment", push.ClassBadCertificate, true},
		{403, "Forbidden", push.ClassBadCertificate, true},
		{403, "MissingProviderToken", push.ClassBadCertificate, true},
		{404, "BadPath", push.ClassRejected, false},
		{405, "MethodNotAllowed", push.ClassRejected, false},
		{410, "ExpiredToken", push.ClassUnregistered, false},
		{410, "Unregistered", push.ClassUnregistered, false},
		{413, "PayloadTooLarge", push.ClassTooLarge, false},
		{429, "TooManyRequests", push.ClassThrottled, false},
		{500, "InternalServerError", push.ClassUnavailable, false},
		{503, "ServiceUnavailable", push.ClassUnavailable, false},
		{503, "Shutdown", push.ClassUnavailable, false},
		{418, "SomethingNew", push.ClassRejected, false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			h.apns.Script(token("mac"), pushtest.Answer{Status: c.status, Reason: c.reason})
			e := h.fail(t.Context(), d)
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, string(c.class), e.WakeOutcome())
			assert.Equal(t, c.provider, e.ProviderFailure())
			trouble := c.class == push.ClassUnavailable || c.class == push.ClassRejected
			assert.Equal(t, trouble, e.ProviderTrouble())
			assert.Equal(t, !trouble && !c.provider, e.ProviderAnswered())
			assert.Equal(t, c.status, e.Status)
			assert.Equal(t, c.reason, e.Reason)
			assert.Zero(t, e.RetryAfter())
			require.ErrorContains(t, e, c.reason)
			assert.Equal(t, c.class == push.ClassUnregistered, h.tokens.deaths > 0, "only 410 says that the token is dead")
		})
	}
}

func TestUnexpectedAnswers(t *testing.T) {
	inToken := hex.EncodeToString(token("mac"))
	for _, c := range []struct {
		name   string
		answer pushtest.Answer
		class  push.Class
	}{
		{"no JSON", pushtest.Answer{Status: 502, Body: "<html>" + inToken + "</html>"}, push.ClassUnavailable},
		{"no body", pushtest.Answer{Status: 403, Body: " "}, push.ClassBadCertificate},
		{"endless body", pushtest.Answer{Status: 410, Body: strings.Repeat("x", 1<<16), Cut: pushtest.CutStall}, push.ClassUnregistered},
		{"reason is a number", pushtest.Answer{Status: 429, Body: `{"reason": 7, "timestamp": "soon"}`}, push.ClassThrottled},
		{"reason with the token", pushtest.Answer{Status: 400, Reason: inToken}, push.ClassRejected},
		{"JSON that goes on", pushtest.Answer{Status: 500, Body: `{"reason": "Shutdown"}{`}, push.ClassUnavailable},
		{"redirect", pushtest.Answer{Status: 308, Header: http.Header{"Location": {"/3/device/" + inToken}}}, push.ClassRejected},
		{"redirect to nowhere", pushtest.Answer{Status: 301, Header: http.Header{"Location": {"http://%zz/" + inToken}}}, push.ClassRejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			h.apns.Script(token("mac"), c.answer)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			e := h.fail(ctx, d)
			require.NoError(t, ctx.Err(), "nothing waits for the end of the body")
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.answer.Status, e.Status)
			assert.Empty(t, e.Reason)
			assert.Len(t, h.apns.Pushes(), 1)
		})
	}
}

func TestRetryAfter(t *testing.T) {
	h := newHarness(t)
	d := h.device("mac")
	for header, want := range map[string]time.Duration{
		"120": 2 * time.Minute, "": 0, "-5": 0, "soon": 0, "99999999999999999999": 0, "18446744073709551615": 24 * time.Hour,
		h.clock.Now().Add(time.Hour).Format(http.TimeFormat):  time.Hour,
		h.clock.Now().Add(-time.Hour).Format(http.TimeFormat): 0,
		"Fri, 31 Dec 9999 23:59:59 GMT":                       24 * time.Hour,
	} {
		h.apns.Script(token("mac"), pushtest.Answer{
			Status: 429, Reason: "TooManyRequests", Header: http.Header{"Retry-After": {header}},
		})
		assert.Equal(t, want, h.fail(t.Context(), d).RetryAfter(), header)
	}
}

func TestDeadToken(t *testing.T) {
	h := newHarness(t)
	d := h.device("mac")
	at := h.clock.Now().Add(1500 * time.Millisecond)
	h.clock.Advance(time.Minute)
	h.apns.Script(nil, pushtest.Answer{Status: 410, Reason: "Unregistered", Timestamp: at})
	assert.Equal(t, at, h.fail(t.Context(), d).Timestamp, "to the millisecond")

	h.tokens.update("mac", token("mac"), at.Add(-time.Millisecond))
	e := h.fail(t.Context(), d)
	assert.Equal(t, push.ClassUnregistered, e.Class)
	assert.Zero(t, e.Status)
	assert.Len(t, h.apns.Pushes(), 1, "nothing goes to a dead token")

	h.tokens.update("mac", token("mac"), at.Add(time.Millisecond))
	h.apns.Script(nil, pushtest.Answer{})
	require.NoError(t, h.waker.Wake(t.Context(), d), "the device sent it since")
	assert.Len(t, h.apns.Pushes(), 2)
}

func TestDeadTokenWithoutTime(t *testing.T) {
	for name, at := range map[string]time.Time{"none": {}, "far ahead": time.Now().AddDate(1000, 0, 0)} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			d := h.device("mac")
			h.apns.Script(nil, pushtest.Answer{Status: 410, Reason: "Unregistered", Timestamp: at})
			assert.Equal(t, h.clock.Now(), h.fail(t.Context(), d).Timestamp)
			c, _ := h.tokens.Channel(context.Background(), d)
			assert.Equal(t, h.clock.Now(), c.Dead)
		})
	}
}
