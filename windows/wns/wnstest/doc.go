// Package wnstest is a stand-in for WNS over HTTPS on this machine: its token endpoint, and channels. It is as strict as the real one about
// what it is sent, and each of its answers can be replaced.
//
//	server := wnstest.Start()
//	defer server.Close()
//	uri := server.Channel(device.Wake) // what the device gives as its channel
//	waker, err := wns.New(wns.Config{
//		ClientID: wnstest.ClientID, Secret: wnstest.Secret, Channels: channels,
//		TokenURL: server.TokenURL(), Host: server.Host(), Transport: server.Transport(),
//	})
//
// It uses the standard library only, and nothing of what it tests.
package wnstest
