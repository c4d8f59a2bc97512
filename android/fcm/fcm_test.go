package fcm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/lock"
)

func TestWake(t *testing.T) {
	h := newHarness(t)
	require.NoError(t, h.waker.Wake(t.Context(), phone()))
	require.NoError(t, h.waker.Wake(t.Context(), phone()))
	want := amapitest.Message{
		Token: registration, Data: map[string]string{"w": "1"}, CollapseKey: "cmd", Priority: "HIGH", TTL: "2419200s", DirectBootOK: true,
	}
	assert.Equal(t, []amapitest.Message{want, want}, h.google.Messages())
	assert.Len(t, h.google.Requests(amapitest.CallToken), 1, "one access token for both")
	assert.Equal(t, "/v1/projects/"+amapitest.Project+"/messages:send", h.google.Requests(amapitest.CallSend)[0].Path)
}

func TestKeepFor(t *testing.T) {
	h := newHarness(t, func(c *fcm.Config) { c.KeepFor = 10 * time.Minute })
	require.NoError(t, h.waker.Wake(t.Context(), phone()))
	assert.Equal(t, "600s", h.google.Messages()[0].TTL)
}

// What a failure says, beside its class.
const (
	failure = 1 << iota
	trouble
	answered
	dead
)

func says(e *fcm.Error) (what int) {
	for bit, holds := range map[int]bool{failure: e.ProviderFailure(), trouble: e.ProviderTrouble(), answered: e.ProviderAnswered()} {
		if holds {
			what |= bit
		}
	}
	return what
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		call  amapitest.Call
		a     amapitest.Answer
		class fcm.Class
		says  int
		after time.Duration
	}{
		"unregistered":       {amapitest.CallSend, amapitest.Answer{Status: 404, Word: "NOT_FOUND", Code: "UNREGISTERED"}, fcm.ClassUnregistered, answered | dead, 0},
		"no such project":    {amapitest.CallSend, amapitest.Answer{Status: 404, Word: "NOT_FOUND"}, fcm.ClassRejected, trouble, 0},
		"404 of a proxy":     {amapitest.CallSend, amapitest.Answer{Status: 404, Body: "<html>"}, fcm.ClassRejected, trouble, 0},
		"token is none":      {amapitest.CallSend, amapitest.Answer{Status: 400, Word: "INVALID_ARGUMENT", Code: "INVALID_ARGUMENT", Field: "message.token"}, fcm.ClassBadToken, answered | dead, 0},
		"message is none":    {amapitest.CallSend, amapitest.Answer{Status: 400, Word: "INVALID_ARGUMENT", Code: "INVALID_ARGUMENT", Field: "message.android.ttl"}, fcm.ClassRejected, trouble, 0},
		"invalid, no field":  {amapitest.CallSend, amapitest.Answer{Status: 400, Word: "INVALID_ARGUMENT"}, fcm.ClassRejected, trouble, 0},
		"another project":    {amapitest.CallSend, amapitest.Answer{Status: 403, Word: "PERMISSION_DENIED", Code: "SENDER_ID_MISMATCH"}, fcm.ClassBadToken, answered, 0},
		"no right":           {amapitest.CallSend, amapitest.Answer{Status: 403, Word: "PERMISSION_DENIED"}, fcm.ClassBadCredentials, failure, 0},
		"an iOS token":       {amapitest.CallSend, amapitest.Answer{Status: 401, Word: "UNAUTHENTICATED", Code: "THIRD_PARTY_AUTH_ERROR"}, fcm.ClassBadToken, answered | dead, 0},
		"unauthenticated":    {amapitest.CallSend, amapitest.Answer{Status: 401, Word: "UNAUTHENTICATED"}, fcm.ClassBadCredentials, failure, 0},
		"quota":              {amapitest.CallSend, amapitest.Answer{Status: 429, Word: "RESOURCE_EXHAUSTED", Code: "QUOTA_EXCEEDED"}, fcm.ClassThrottled, trouble, time.Minute},
		"quota, with a time": {amapitest.CallSend, amapitest.Answer{Status: 429, Word: "RESOURCE_EXHAUSTED", Header: map[string]string{"Retry-After": "Sat, 14 Mar 2026 09:31:53 GMT"}}, fcm.ClassThrottled, trouble, 5 * time.Minute},
		"unavailable":        {amapitest.CallSend, amapitest.Answer{Status: 503, Word: "UNAVAILABLE", Header: map[string]string{"Retry-After": "7"}}, fcm.ClassUnavailable, trouble, 7 * time.Second},
		"a long time":        {amapitest.CallSend, amapitest.Answer{Status: 503, Header: map[string]string{"Retry-After": "999999999999"}}, fcm.ClassUnavailable, trouble, 24 * time.Hour},
		"internal":           {amapitest.CallSend, amapitest.Answer{Status: 500, Body: "<html>"}, fcm.ClassUnavailable, trouble, 0},
		"redirect":           {amapitest.CallSend, amapitest.Answer{Status: 302, Header: map[string]string{"Location": "/v1/x"}}, fcm.ClassRejected, trouble, 0},
		"no JSON":            {amapitest.CallSend, amapitest.Answer{Status: 200, Body: "<html>"}, fcm.ClassRejected, trouble, 0},
		"no name":            {amapitest.CallSend, amapitest.Answer{Status: 200, Body: "{}"}, fcm.ClassRejected, trouble, 0},
		"lost":               {amapitest.CallSend, amapitest.Answer{Dropped: true}, fcm.ClassUnreachable, trouble, 0},
		"no access token":    {amapitest.CallToken, amapitest.Answer{Status: 500}, fcm.ClassUnreachable, trouble, 0},
		"key is revoked":     {amapitest.CallToken, amapitest.Answer{Status: 400, Body: `{"error":"invalid_grant"}`}, fcm.ClassBadCredentials, failure, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.google.Script(c.call, c.a)
			e := h.fail(t.Context())
			assert.Equal(t, c.class, e.Class)
			assert.Equal(t, c.says&^dead, says(e))
			assert.Equal(t, c.after, e.RetryAfter())
			assert.Equal(t, string(c.class), e.WakeOutcome())
			if c.says&dead == 0 {
				assert.Empty(t, h.tokens.dead)
				require.NoError(t, h.waker.Wake(t.Context(), phone()), "the next one is as usual")
				return
			}
			assert.Equal(t, []string{registration}, h.tokens.dead)
			assert.Equal(t, now, h.tokens.at)
			assert.Equal(t, fcm.ClassNoToken, h.fail(t.Context()).Class, "it is not used again")
			assert.Len(t, h.google.Requests(amapitest.CallSend), 1)
		})
	}
}

// TestTokens: without a token nothing is asked, and the table's errors are the caller's.
func TestTokens(t *testing.T) {
	h := newHarness(t)
	h.tokens.of["phone"] = ""
	e := h.fail(t.Context())
	assert.Equal(t, fcm.ClassNoToken, e.Class)
	assert.Zero(t, says(e))
	h.tokens.of["phone"] = strings.Repeat("x", 4097)
	e = h.fail(t.Context())
	assert.Equal(t, fcm.ClassBadToken, e.Class)
	assert.Zero(t, says(e), "FCM was not asked")
	assert.Empty(t, h.google.Requests())

	h.tokens.of["phone"] = registration
	h.google.Unregister(registration)
	down := errors.New("database down")
	h.tokens.err = down
	require.ErrorIs(t, h.waker.Wake(t.Context(), phone()), down)
	assert.Empty(t, h.google.Requests())
}

// noting fails when it is told of a dead token.
type noting struct{ *tokens }

func (noting) Dead(context.Context, lock.Device, string, time.Time) error {
	return errors.New("database down")
}

func TestDeathIsNotNoted(t *testing.T) {
	h := newHarness(t, func(c *fcm.Config) { c.Tokens = noting{&tokens{of: map[string]string{"phone": registration}}} })
	h.google.Unregister(registration)
	err := h.waker.Wake(t.Context(), phone())
	require.ErrorContains(t, err, "database down")
	var e *fcm.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, fcm.ClassUnregistered, e.Class)
	assertNoToken(t, err.Error())
}

// TestContext: Wake returns when its context ends, also while it waits for an access token.
func TestContext(t *testing.T) {
	for _, call := range []amapitest.Call{amapitest.CallToken, amapitest.CallSend} {
		t.Run(string(call), func(t *testing.T) {
			h := newHarness(t)
			wait := make(chan struct{})
			defer close(wait)
			h.google.Script(call, amapitest.Answer{Wait: wait})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- h.waker.Wake(ctx, phone()) }()
			require.Eventually(t, func() bool { return len(h.google.Requests(call)) == 1 }, 20*time.Second, time.Millisecond)
			stop()
			err := <-ended
			var e *fcm.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, fcm.ClassUnreachable, e.Class)
			assert.ErrorIs(t, err, context.Canceled)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
	for name, c := range map[string]struct {
		field string
		cfg   fcm.Config
	}{
		"no tokens":       {"Tokens", fcm.Config{Credentials: source, Project: "p"}},
		"no credentials":  {"CredentialsFile", fcm.Config{Tokens: &tokens{}, Project: "p"}},
		"two credentials": {"CredentialsFile", fcm.Config{Tokens: &tokens{}, Project: "p", Credentials: source, CredentialsFile: "x"}},
		"no such file":    {"CredentialsFile", fcm.Config{Tokens: &tokens{}, CredentialsFile: "/nowhere/x"}},
		"no project":      {"Project", fcm.Config{Tokens: &tokens{}, Credentials: source}},
		"too long":        {"KeepFor", fcm.Config{Tokens: &tokens{}, Credentials: source, Project: "p", KeepFor: 28*24*time.Hour + 1}},
		"negative":        {"KeepFor", fcm.Config{Tokens: &tokens{}, Credentials: source, Project: "p", KeepFor: -1}},
		"plain host":      {"Host", fcm.Config{Tokens: &tokens{}, Credentials: source, Project: "p", Host: "http://fcm.example.org"}},
		"host of a query": {"Host", fcm.Config{Tokens: &tokens{}, Credentials: source, Project: "p", Host: "https://fcm.example.org?x=1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fcm.New(c.cfg)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, c.field, input.Field)
		})
	}
}
