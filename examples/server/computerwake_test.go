package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

// A device names the channel on which WNS wakes it, is woken for an order, and names another one once that is dead.
func TestWindowsDeviceIsWoken(t *testing.T) {
	microsoft := wnstest.Start()
	t.Cleanup(microsoft.Close)
	s := openTLS(t, func(o *options) {
		o.windows = windowsOptions{
			clientID: wnstest.ClientID, pfn: "Example_abc", secret: wnstest.Secret, tokenURL: microsoft.TokenURL(), host: microsoft.Host(),
			transport: microsoft.Transport(),
		}
	})
	woken := make(chan struct{}, 10)
	channel := microsoft.Channel(func() { woken <- struct{}{} })
	phone := s.computer(t, windowstest.Config{PIN: "2580", ChannelURI: channel})
	phone.sync(t)
	name, _ := phone.Get("./Device/Vendor/MSFT/DMClient/Provider/Latchkey/Push/PFN")
	require.Equal(t, "Example_abc", name)
	id := phone.order(t, s.site, "reset-passcode", object{"reason": "forgot it"})
	select {
	case <-woken:
	case <-time.After(time.Minute):
		require.Fail(t, "nothing woke the device")
	}
	phone.comesUntil(t, s.site, id, "confirmed")
	assert.Equal(t, phone.State().PIN, s.reveal(t, id))
	assert.NotContains(t, s.logs.String(), "token=Chan", "its channel is in no log")
	assert.NotContains(t, s.logs.String(), wnstest.Secret)

	microsoft.Expire(channel)
	order := s.must(t, 202, "POST", "/api/v1/devices/"+phone.id+"/lock", object{"reason": "lost"})
	s.awaitOutcome(t, order, "expired")
}
