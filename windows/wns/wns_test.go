package wns_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

func TestWake(t *testing.T) {
	h := newHarness(t, func(c *wns.Config) { c.KeepFor = 10 * time.Minute })
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	assert.Equal(t, 1, h.server.Calls(wnstest.CallToken), "one access token for both")
	pushes := h.server.Pushes()
	require.Len(t, pushes, 2)
	assert.Equal(t, h.uri, pushes[0].Channel)
	assert.Equal(t, "0", pushes[0].Body)
	for name, value := range map[string]string{
		"X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache", "X-WNS-TTL": "600", "X-WNS-RequestForStatus": "true",
		"Content-Type": "application/octet-stream", "Content-Length": "1",
	} {
		assert.Equal(t, value, pushes[0].Header.Get(name), name)
	}
}

// TestMany: however many wake-ups find no good token, one is asked for.
func TestMany(t *testing.T) {
	h := newHarness(t)
	all := func() {
		var wait sync.WaitGroup
		for i := range 64 {
			wait.Go(func() { assert.NoError(t, h.waker.Wake(t.Context(), locktest.Device(fmt.Sprintf("pc-%d", i)))) })
		}
		wait.Wait()
	}
	for i := range 64 {
		h.channels.of[fmt.Sprintf("pc-%d", i)] = h.server.Channel(nil)
	}
	all()
	assert.Equal(t, 1, h.server.Calls(wnstest.CallToken))
	h.server.Revoke()
	all()
	assert.Equal(t, 2, h.server.Calls(wnstest.CallToken), "a token that is not taken is replaced once")
	assert.Len(t, h.server.Pushes(), 128)
}

// TestTokenFails: those who waited for it together fail together, and the next one asks again.
func TestTokenFails(t *testing.T) {
	h := newHarness(t)
	wait := make(chan struct{})
	h.server.Script(wnstest.CallToken, wnstest.Answer{Wait: wait, Status: http.StatusServiceUnavailable})
	ended := make(chan error, 8)
	for range cap(ended) {
		go func() { ended <- h.waker.Wake(t.Context(), pc()) }()
	}
	require.Eventually(t, func() bool { return h.server.Calls(wnstest.CallToken) == 1 }, 20*time.Second, time.Millisecond)
	close(wait)
	for range cap(ended) {
		if err := <-ended; err != nil { // one that came late asked for itself
			var e *wns.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, wns.ClassUnavailable, e.Class)
		}
	}
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	assert.Equal(t, 2, h.server.Calls(wnstest.CallToken))
}

func TestTokenExpires(t *testing.T) {
	h := newHarness(t)
	h.server.Lifetime(1) // too short to be used again
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	assert.Equal(t, 2, h.server.Calls(wnstest.CallToken))
}

// TestRefresh: a token that is not taken is replaced once for a wake-up, and no more.
func TestRefresh(t *testing.T) {
	h := newHarness(t)
	no := wnstest.Answer{Status: http.StatusUnauthorized}
	h.server.Script(wnstest.CallPush, no)
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
	assert.Equal(t, 2, h.server.Calls(wnstest.CallToken))

	h.server.Script(wnstest.CallPush, no, no)
	e := h.fail(t.Context())
	assert.Equal(t, wns.ClassBadCredentials, e.Class)
	assert.True(t, e.ProviderFailure())
	assert.Equal(t, 4, h.server.Calls(wnstest.CallPush))
	assert.Equal(t, 3, h.server.Calls(wnstest.CallToken))
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
}

func TestWrongSecret(t *testing.T) {
	h := newHarness(t, func(c *wns.Config) { c.Secret = "other-f4c3" })
	e := h.fail(t.Context())
	assert.Equal(t, wns.ClassBadCredentials, e.Class)
	assert.Equal(t, http.StatusBadRequest, e.Status)
	assert.True(t, e.ProviderFailure())
	assert.Zero(t, h.server.Calls(wnstest.CallPush))
}

// TestOffline: what WNS keeps for a device was taken.
func TestOffline(t *testing.T) {
	h := newHarness(t)
	h.server.Disconnect(h.uri)
	require.NoError(t, h.waker.Wake(t.Context(), pc()))
}

func TestExpired(t *testing.T) {
	h := newHarness(t)
	h.server.Expire(h.uri)
	e := h.fail(t.Context())
	assert.Equal(t, wns.ClassExpired, e.Class)
	assert.Equal(t, []string{h.uri}, h.channels.expired)
	e = h.fail(t.Context())
	assert.Equal(t, wns.ClassNoChannel, e.Class)
	assert.False(t, e.ProviderAnswered())
	assert.Equal(t, 1, h.server.Calls(wnstest.CallPush), "it is not used again")

	h.channels.of["pc"], h.channels.noted = h.uri, errors.New("database down")
	err := h.waker.Wake(t.Context(), pc())
	require.ErrorIs(t, err, h.channels.noted)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, wns.ClassExpired, e.Class)
	assertNoSecret(t, err.Error())
}

func TestChannelsFail(t *testing.T) {
	h := newHarness(t)
	h.channels.err = errors.New("database down")
	require.ErrorIs(t, h.waker.Wake(t.Context(), pc()), h.channels.err)
	assert.Zero(t, h.server.Calls(wnstest.CallToken))
}

// TestContext: Wake returns when its context ends, also while a token is asked for, which others go on waiting for.
func TestContext(t *testing.T) {
	for _, call := range []wnstest.Call{wnstest.CallToken, wnstest.CallPush} {
		t.Run(string(call), func(t *testing.T) {
			h := newHarness(t)
			wait := make(chan struct{})
			h.server.Script(call, wnstest.Answer{Wait: wait})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- h.waker.Wake(ctx, pc()) }()
			require.Eventually(t, func() bool { return h.server.Calls(call) == 1 }, 20*time.Second, time.Millisecond)
			stop()
			err := <-ended
			require.ErrorIs(t, err, context.Canceled)
			var e *wns.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, wns.ClassUnreachable, e.Class)
			close(wait)
			require.NoError(t, h.waker.Wake(t.Context(), pc()))
			assert.Equal(t, 1, h.server.Calls(wnstest.CallToken))
		})
	}
}

func TestNewRefuses(t *testing.T) {
	for field, edit := range map[string]func(*wns.Config){
		"ClientID": func(c *wns.Config) { c.ClientID = "" },
		"Secret":   func(c *wns.Config) { c.Secret = "" },
		"Channels": func(c *wns.Config) { c.Channels = nil },
		"KeepFor":  func(c *wns.Config) { c.KeepFor = 31 * 24 * time.Hour },
		"TokenURL": func(c *wns.Config) { c.TokenURL = "http://login.live.com/" },
	} {
		t.Run(field, func(t *testing.T) {
			cfg := wns.Config{ClientID: wnstest.ClientID, Secret: wnstest.Secret, Channels: &channels{}}
			_, err := wns.New(cfg)
			require.NoError(t, err)
			edit(&cfg)
			_, err = wns.New(cfg)
			var input *lock.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, field, input.Field)
			assertNoSecret(t, err.Error())
		})
	}
}
