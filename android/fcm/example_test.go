package fcm_test

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/android/fcm"
	"github.com/latchkey-mdm/latchkey/lock"
)

// registry is the embedder's table of registration tokens.
type registry map[string]string

func (r registry) Token(_ context.Context, d lock.Device) (string, error) { return r[d.ID], nil }

func (r registry) Dead(_ context.Context, d lock.Device, token string, _ time.Time) error {
	if r[d.ID] == token {
		delete(r, d.ID)
	}
	return nil
}

func ExampleNew() {
	waker, err := fcm.New(fcm.Config{CredentialsFile: "/etc/latchkey/missing.json", Tokens: registry{"phone": "dGVzdA:APA91b"}})
	fmt.Println(waker == nil, err)
	// Output: true CredentialsFile: /etc/latchkey/missing.json: open /etc/latchkey/missing.json: no such file or directory
}
