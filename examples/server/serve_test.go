package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/examples/server/internal/account"
	"github.com/latchkey-mdm/latchkey/lock"
)

// A listener that fails ends the server, and the simulated fleet with it.
func TestServeEndsWithItsListener(t *testing.T) {
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := wired(t, "http://"+listener.Addr().String(), "-demo")
	ended := make(chan error, 1)
	go func() { ended <- s.serve(t.Context(), listener, io.Discard) }()
	within(t, func() bool { // until the Macs poll
		devices, err := s.inventory.Devices(t.Context(), lock.Actor{ID: account.Admin}, "", "", 0)
		return err == nil && len(devices) > 0
	})
	require.NoError(t, listener.Close())
	select {
	case err := <-ended:
		require.ErrorIs(t, err, net.ErrClosed)
	case <-time.After(time.Minute):
		require.Fail(t, "it hangs")
	}
}
