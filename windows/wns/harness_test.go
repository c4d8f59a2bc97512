package wns_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

// harness is a Waker, the stand-in that it speaks to, and a table of channels with that of one device.
type harness struct {
	t        *testing.T
	server   *wnstest.Server
	channels *channels
	uri      string
	waker    *wns.Waker
}

func newHarness(t *testing.T, edits ...func(*wns.Config)) *harness {
	t.Helper()
	server := wnstest.Start()
	t.Cleanup(server.Close)
	h := &harness{t: t, server: server, uri: server.Channel(nil)}
	h.channels = &channels{of: map[string]string{"pc": h.uri}}
	cfg := wns.Config{
		ClientID: wnstest.ClientID, Secret: wnstest.Secret, Channels: h.channels,
		TokenURL: server.TokenURL(), Host: server.Host(), Transport: server.Transport(),
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	var err error
	h.waker, err = wns.New(cfg)
	require.NoError(t, err)
	return h
}

func pc() lock.Device { return locktest.Device("pc") }

// fail wakes and expects an *Error without a secret.
func (h *harness) fail(ctx context.Context) *wns.Error {
	h.t.Helper()
	err := h.waker.Wake(ctx, pc())
	var e *wns.Error
	require.ErrorAs(h.t, err, &e)
	for err := error(e); err != nil; err = errors.Unwrap(err) {
		assertNoSecret(h.t, fmt.Sprintf("%v %+v %#v", err, err, err))
	}
	return e
}

func assertNoSecret(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{"FACEFF5", "T0KEN", "f4c3", "https://"} {
		assert.NotContains(t, text, secret)
	}
}

// channels is a table of channels.
type channels struct {
	mu      sync.Mutex
	of      map[string]string
	expired []string
	err     error // of Channel
	noted   error // of Expired
}

func (c *channels) Channel(_ context.Context, d lock.Device) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[d.ID], c.err
}

func (c *channels) Expired(_ context.Context, d lock.Device, uri string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of[d.ID] == uri {
		delete(c.of, d.ID)
	}
	c.expired = append(c.expired, uri)
	return c.noted
}
