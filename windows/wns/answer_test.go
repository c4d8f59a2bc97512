package wns_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

var now = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// What a failure says, beside its class.
type says struct{ failure, trouble, answered bool }

var (
	failure  = says{failure: true}
	trouble  = says{trouble: true}
	answered = says{answered: true}
)

func said(e *wns.Error) says {
	return says{e.ProviderFailure(), e.ProviderTrouble(), e.ProviderAnswered()}
}

// push is an answer of a channel, and told one with headers.
func push(status int) wnstest.Answer { return wnstest.Answer{Status: status} }

func told(status int, headers ...string) wnstest.Answer {
	a := wnstest.Answer{Status: status, Header: map[string]string{}}
	for i := 0; i < len(headers); i += 2 {
		a.Header[headers[i]] = headers[i+1]
	}
	return a
}

const (
	fate       = "X-WNS-Status"
	connection = "X-WNS-DeviceConnectionStatus"
	later      = "Retry-After"
	goOn       = "X-WNS-CONTINUE-AFTER"
	inFive     = "Sat, 14 Mar 2026 09:31:53 GMT"
)

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		a     wnstest.Answer
		class wns.Class
		says  says
		after time.Duration
	}{
		"dropped":                {told(200, fate, "dropped", connection, "connected"), wns.ClassDropped, answered, 0},
		"dropped, silent":        {told(200, fate, "dropped"), wns.ClassDropped, answered, 0},
		"dropped, offline":       {told(200, fate, "dropped", connection, "disconnected"), wns.ClassOffline, answered, 0},
		"dropped, away":          {told(200, fate, "dropped", connection, "tempdisconnected"), wns.ClassOffline, answered, 0},
		"channel throttled":      {told(200, fate, "channelthrottled"), wns.ClassThrottled, answered, time.Minute},
		"channel throttled till": {told(200, fate, "channelthrottled", goOn, "90"), wns.ClassThrottled, answered, 90 * time.Second},
		"bad header":             {push(400), wns.ClassRejected, trouble, 0},
		"another app's":          {push(403), wns.ClassForeignChannel, answered, 0},
		"no such channel":        {push(404), wns.ClassExpired, answered, 0},
		"expired":                {push(410), wns.ClassExpired, answered, 0},
		"method":                 {push(405), wns.ClassRejected, trouble, 0},
		"too large":              {push(413), wns.ClassRejected, trouble, 0},
		"redirect":               {told(302, "Location", "https://127.0.0.1:1/FACEFF5"), wns.ClassRejected, trouble, 0},
		"redirect of a post":     {told(307, "Location", "/"), wns.ClassRejected, trouble, 0},
		"no content":             {push(204), wns.ClassRejected, trouble, 0},
		"throttled":              {push(406), wns.ClassThrottled, trouble, time.Minute},
		"throttled for a time":   {told(406, later, "7"), wns.ClassThrottled, trouble, 7 * time.Second},
		"too many":               {told(429, later, inFive), wns.ClassThrottled, trouble, 5 * time.Minute},
		"the longer of both":     {told(429, later, "7", goOn, inFive), wns.ClassThrottled, trouble, 5 * time.Minute},
		"nonsense":               {told(429, later, "soon", goOn, "-5"), wns.ClassThrottled, trouble, time.Minute},
		"a time that is over":    {told(429, later, "Sat, 14 Mar 2026 09:21:53 GMT"), wns.ClassThrottled, trouble, time.Minute},
		"internal":               {push(500), wns.ClassUnavailable, trouble, 0},
		"unavailable":            {told(503, later, "30"), wns.ClassUnavailable, trouble, 30 * time.Second},
		"for ever":               {told(503, goOn, "999999999999"), wns.ClassUnavailable, trouble, 24 * time.Hour},
		"till a far day":         {told(503, goOn, "Sat, 14 Mar 2036 09:21:53 GMT"), wns.ClassUnavailable, trouble, 24 * time.Hour},
		"lost":                   {wnstest.Answer{Dropped: true}, wns.ClassUnreachable, trouble, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t, func(c *wns.Config) { c.Now = func() time.Time { return now } })
			h.server.Script(wnstest.CallPush, c.a)
			e := h.fail(t.Context())
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, string(c.class), e.WakeOutcome())
			assert.Equal(t, c.a.Status, e.Status)
			assert.Equal(t, c.a.Header[connection], e.Connection)
			assert.Equal(t, c.says, said(e))
			assert.Equal(t, c.after, e.RetryAfter())
			assert.Equal(t, 1, h.server.Calls(wnstest.CallPush))
			assert.Equal(t, c.class == wns.ClassExpired, len(h.channels.expired) == 1)
			if c.class != wns.ClassExpired {
				require.NoError(t, h.waker.Wake(t.Context(), pc()), "the next one is as usual")
			}
		})
	}
}

func TestTokenAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		a     wnstest.Answer
		class wns.Class
		says  says
	}{
		"bad secret":    {wnstest.Answer{Status: 400, Body: `{"error":"invalid_client","error_description":"` + wnstest.Secret + `"}`}, wns.ClassBadCredentials, failure},
		"forbidden":     {push(403), wns.ClassBadCredentials, failure},
		"too many":      {push(429), wns.ClassThrottled, trouble},
		"internal":      {push(500), wns.ClassUnavailable, trouble},
		"redirect":      {told(307, "Location", "https://127.0.0.1:1/"), wns.ClassRejected, trouble},
		"no JSON":       {wnstest.Answer{Status: 200, Body: "<T0KEN>"}, wns.ClassUnreachable, trouble},
		"no token":      {wnstest.Answer{Status: 200, Body: `{"token_type":"T0KEN"}`, Header: map[string]string{"Content-Type": "application/json"}}, wns.ClassUnreachable, trouble},
		"lost":          {wnstest.Answer{Dropped: true}, wns.ClassUnreachable, trouble},
		"no credential": {push(http.StatusUnauthorized), wns.ClassBadCredentials, failure},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.server.Script(wnstest.CallToken, c.a)
			e := h.fail(t.Context())
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.says, said(e))
			assert.Zero(t, h.server.Calls(wnstest.CallPush))
			assert.Equal(t, 1, h.server.Calls(wnstest.CallToken), "once for each wake-up")
			require.NoError(t, h.waker.Wake(t.Context(), pc()))
		})
	}
}
