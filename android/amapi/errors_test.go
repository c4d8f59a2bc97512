package amapi_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/lock"
)

// What a failure says, beside its class.
const (
	notTaken = 1 << iota
	refusal
	failure
	trouble
	answered
)

func says(e *amapi.Error) (what int) {
	for bit, holds := range map[int]bool{
		notTaken: e.NotTaken(), refusal: e.Refusal() != nil, failure: e.ProviderFailure(), trouble: e.ProviderTrouble(), answered: e.ProviderAnswered(),
	} {
		if holds {
			what |= bit
		}
	}
	return what
}

// TestIssueErrors has every failure of a first Send, and what becomes of the action.
func TestIssueErrors(t *testing.T) {
	retry := map[string]string{"Retry-After": "120"}
	for name, c := range map[string]struct {
		call  amapitest.Call
		a     amapitest.Answer
		class amapi.Class
		says  int
		state lock.State
		after time.Duration
	}{
		"invalid":             {amapitest.CallIssue, amapitest.Answer{Status: 400, Word: "INVALID_ARGUMENT"}, amapi.ClassInvalid, notTaken | refusal | answered, lock.StateRefused, 0},
		"precondition":        {amapitest.CallIssue, amapitest.Answer{Status: 400, Word: "FAILED_PRECONDITION"}, amapi.ClassInvalid, notTaken | refusal | answered, lock.StateRefused, 0},
		"unauthenticated":     {amapitest.CallIssue, amapitest.Answer{Status: 401, Word: "UNAUTHENTICATED"}, amapi.ClassBadCredentials, notTaken | failure, lock.StateIssued, 0},
		"denied":              {amapitest.CallIssue, amapitest.Answer{Status: 403, Word: "PERMISSION_DENIED"}, amapi.ClassDenied, notTaken | trouble, lock.StateIssued, 0},
		"device unknown":      {amapitest.CallIssue, amapitest.Answer{Status: 404, Word: "NOT_FOUND"}, amapi.ClassNotFound, notTaken | refusal | answered, lock.StateRefused, 0},
		"404 of a proxy":      {amapitest.CallIssue, amapitest.Answer{Status: 404, Body: "<html>"}, amapi.ClassRejected, trouble, lock.StateIssued, 0},
		"conflict":            {amapitest.CallIssue, amapitest.Answer{Status: 409, Word: "ABORTED", Header: retry}, amapi.ClassConflict, notTaken | answered, lock.StateIssued, 2 * time.Minute},
		"quota":               {amapitest.CallIssue, amapitest.Answer{Status: 429, Word: "RESOURCE_EXHAUSTED", Header: retry}, amapi.ClassThrottled, notTaken | trouble, lock.StateIssued, 2 * time.Minute},
		"internal":            {amapitest.CallIssue, amapitest.Answer{Status: 500, Word: "INTERNAL"}, amapi.ClassUnavailable, trouble, lock.StateIssued, 0},
		"unavailable":         {amapitest.CallIssue, amapitest.Answer{Status: 503, Word: "UNAVAILABLE", Header: retry}, amapi.ClassUnavailable, trouble, lock.StateIssued, 2 * time.Minute},
		"bad gateway":         {amapitest.CallIssue, amapitest.Answer{Status: 502, Body: "<html>"}, amapi.ClassUnavailable, trouble, lock.StateIssued, 0},
		"redirect":            {amapitest.CallIssue, amapitest.Answer{Status: 307, Header: map[string]string{"Location": "/v1/" + phone + ":issueCommand"}}, amapi.ClassRejected, trouble, lock.StateIssued, 0},
		"no JSON":             {amapitest.CallIssue, amapitest.Answer{Status: 200, Body: "<html>"}, amapi.ClassRejected, trouble, lock.StateIssued, 0},
		"no name":             {amapitest.CallIssue, amapitest.Answer{Status: 200, Body: `{}`}, amapi.ClassRejected, trouble, lock.StateIssued, 0},
		"of another device":   {amapitest.CallIssue, amapitest.Answer{Status: 200, Body: `{"name":"enterprises/LC01/devices/x/operations/1"}`}, amapi.ClassRejected, trouble, lock.StateIssued, 0},
		"answer lost":         {amapitest.CallIssue, amapitest.Answer{Lost: true}, amapi.ClassUnreachable, trouble, lock.StateIssued, 0},
		"no token":            {amapitest.CallToken, amapitest.Answer{Status: 503, Body: "down"}, amapi.ClassUnreachable, notTaken | trouble, lock.StateIssued, 0},
		"token quota":         {amapitest.CallToken, amapitest.Answer{Status: 429, Body: `{"error":"slow_down"}`}, amapi.ClassUnreachable, notTaken | trouble, lock.StateIssued, 0},
		"token refused":       {amapitest.CallToken, amapitest.Answer{Status: 400, Body: `{"error":"invalid_grant"}`}, amapi.ClassBadCredentials, notTaken | failure, lock.StateIssued, 0},
		"token of no sense":   {amapitest.CallToken, amapitest.Answer{Status: 200, Body: `{"token":"x"}`}, amapi.ClassUnreachable, notTaken | trouble, lock.StateIssued, 0},
		"token endpoint lost": {amapitest.CallToken, amapitest.Answer{Dropped: true}, amapi.ClassUnreachable, notTaken | trouble, lock.StateIssued, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Script(c.call, c.a)
				_, err := h.client.Issue(t.Context(), phone, amapi.Command{Type: amapi.TypeResetPassword, NewPassword: token(t, "48291573")})
				var e *amapi.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, c.class, e.Class)
				assert.Equal(t, c.says, says(e))
				assert.Equal(t, c.after, e.RetryAfter())
				assertSilent(t, e)

				h.google.Script(c.call, c.a)
				h.run()
				ordered := h.reset()
				after := h.await(ordered.ID, func(a lock.Action) bool { return a.WakeOutcome == string(c.class) || a.State == lock.StateRefused })
				assert.Equal(t, c.state, after.State)
				assertCounted(t, after, e)
				assert.NotContains(t, h.log.String(), h.PIN(ordered.ID))
			})
		})
	}
}

// assertSilent says that an error has nothing of the command, the answer or the URL.
func assertSilent(t *testing.T, e *amapi.Error) {
	t.Helper()
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		for _, no := range []string{"48291573", "html", "ya29", "BEGIN", "invalid_grant", "http://", phone} {
			assert.NotContains(t, err.Error(), no)
		}
	}
}

// assertCounted says that what was not taken does not count, and that a refusal is on record.
func assertCounted(t *testing.T, a lock.Action, e *amapi.Error) {
	t.Helper()
	if a.State == lock.StateRefused {
		assert.Equal(t, e.Refusal(), a.Facts)
		assert.False(t, a.MayBeOnDevice())
		return
	}
	assert.Equal(t, e.NotTaken(), a.Deliveries == a.Deferrals)
}

// TestUnreachable: nobody listens, so nothing was taken.
func TestUnreachable(t *testing.T) {
	gone, err := amapitest.Start(amapitest.Config{})
	require.NoError(t, err)
	gone.Close()
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
	client, err := amapi.NewClient(amapi.ClientConfig{Host: gone.URL(), Credentials: source, Transport: transport(t)})
	require.NoError(t, err)
	_, err = client.Issue(t.Context(), phone, amapi.Command{Type: amapi.TypeLock})
	var e *amapi.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, amapi.ClassUnreachable, e.Class)
	assert.True(t, e.NotTaken())
	assert.NotContains(t, err.Error(), phone)
}

// losing is a transport that reads a request and gives no answer, and honours no httptrace.
type losing struct{}

func (losing) RoundTrip(r *http.Request) (*http.Response, error) {
	_, err := io.Copy(io.Discard, r.Body)
	return nil, errors.Join(err, io.ErrUnexpectedEOF)
}

// TestLost: what a transport read may have been taken, whether it tells of it or not.
func TestLost(t *testing.T) {
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
	client, err := amapi.NewClient(amapi.ClientConfig{Credentials: source, Transport: losing{}})
	require.NoError(t, err)
	_, err = client.Issue(t.Context(), phone, amapi.Command{Type: amapi.TypeLock})
	var e *amapi.Error
	require.ErrorAs(t, err, &e)
	assert.False(t, e.NotTaken())
}

// TestRepeatedErrors: when a command may have been taken before, neither 404 nor trouble with the list refuses it or counts.
func TestRepeatedErrors(t *testing.T) {
	for name, a := range map[string]amapitest.Answer{
		"404":         {Status: 404, Word: "NOT_FOUND"},
		"unavailable": {Status: 503, Word: "UNAVAILABLE"},
		"quota":       {Status: 429, Word: "RESOURCE_EXHAUSTED"},
		"lost":        {Dropped: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				h.google.Script(amapitest.CallIssue, amapitest.Answer{Lost: true})
				h.google.Script(amapitest.CallList, a)
				h.run()
				ordered := h.reset()
				h.await(ordered.ID, shows("unreachable"))
				later(time.Minute)
				waits := h.await(ordered.ID, func(a lock.Action) bool { return a.Deferrals == 1 })
				assert.Equal(t, lock.StateIssued, waits.State)
				assert.Equal(t, 1, h.asked(amapitest.CallIssue))
				later(4 * time.Minute)
				found := h.await(ordered.ID, named)
				assert.Equal(t, []string{found.Ref}, h.google.Operations(phone))
			})
		})
	}
}

// TestContext: a call ends with its context, also while it waits for a token.
func TestContext(t *testing.T) {
	for _, call := range []amapitest.Call{amapitest.CallToken, amapitest.CallIssue} {
		t.Run(string(call), func(t *testing.T) {
			bubble(t, func(t *testing.T, h *harness) {
				wait := make(chan struct{})
				defer close(wait)
				h.google.Script(call, amapitest.Answer{Wait: wait})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					_, err := h.client.Issue(ctx, phone, amapi.Command{Type: amapi.TypeLock})
					ended <- err
				}()
				synctest.Wait()
				require.Equal(t, 1, h.asked(call))
				stop()
				err := <-ended
				var e *amapi.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, amapi.ClassUnreachable, e.Class)
				assert.Equal(t, call == amapitest.CallToken, e.NotTaken())
				assert.ErrorIs(t, err, context.Canceled)
			})
		})
	}
}

// TestNames: what is no resource name is not asked for.
func TestNames(t *testing.T) {
	bubble(t, func(t *testing.T, h *harness) {
		for _, name := range []string{
			"", "phone", "enterprises/LC01/devices/", "enterprises//devices/x", "enterprises/a/devices/b/c", "enterprises/a/devices/..",
			"enterprises/a/devices/b?x", "enterprises/a/devices/b%2f", "enterprises/a/devices/b:wipe", "/enterprises/a/devices/b",
		} {
			var input *lock.InputError
			_, err := h.client.Issue(t.Context(), name, amapi.Command{Type: amapi.TypeLock})
			require.ErrorAs(t, err, &input, name)
			_, err = h.client.Operations(t.Context(), name)
			require.ErrorAs(t, err, &input, name)
			_, err = h.client.Operation(t.Context(), name+"/operations/1")
			require.ErrorAs(t, err, &input, name)
			require.ErrorAs(t, h.client.Cancel(t.Context(), phone+"/operations/"+name+"/"), &input, name)
		}
		_, err := h.client.Issue(t.Context(), phone, amapi.Command{Type: "WIPE"})
		require.ErrorContains(t, err, "command")
		assert.Empty(t, h.google.Requests())
	})
}

func TestNewRefuses(t *testing.T) {
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})
	for field, c := range map[string]amapi.ClientConfig{
		"CredentialsFile": {},
		"Host":            {Credentials: source, Host: "http://example.org"},
	} {
		_, err := amapi.NewClient(c)
		var input *lock.InputError
		require.ErrorAs(t, err, &input)
		assert.Equal(t, field, input.Field)
	}
	_, err := amapi.Platform(amapi.Config{})
	require.ErrorContains(t, err, "Client")
}
