package wns_test

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/wns"
	"github.com/latchkey-mdm/latchkey/windows/wns/wnstest"
)

// table is the embedder's table of channels, which each session brings up to date.
type table map[string]string

func (t table) Channel(_ context.Context, d lock.Device) (string, error) { return t[d.ID], nil }

func (t table) Expired(_ context.Context, d lock.Device, uri string) error {
	if t[d.ID] == uri {
		delete(t, d.ID)
	}
	return nil
}

func ExampleNew() {
	server := wnstest.Start() // a stand-in; without the last three fields it is Microsoft's
	defer server.Close()
	uri := server.Channel(func() { fmt.Println("the device begins a session") })
	waker, err := wns.New(wns.Config{
		ClientID: wnstest.ClientID, Secret: wnstest.Secret, Channels: table{"pc": uri},
		TokenURL: server.TokenURL(), Host: server.Host(), Transport: server.Transport(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, pc := context.Background(), lock.Device{Platform: "windows", ID: "pc"}
	fmt.Println(waker.Wake(ctx, pc))
	server.Expire(uri)
	fmt.Println(waker.Wake(ctx, pc))
	fmt.Println(waker.Wake(ctx, pc))
	// Output:
	// the device begins a session
	// <nil>
	// wns: answer 410: the device's push channel has expired: it gives another one in its next session
	// wns: the device has no push channel: it takes commands when it comes by its own schedule; is the PFN set on it?
}
