// Command embed locks a Mac with the library alone: what an MDM of your own adds to its code. The Mac's part is played in two lines.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
	"github.com/latchkey-mdm/latchkey/store"
)

// everybody stands for your own rights: who may lock, and who may see a PIN.
type everybody struct{}

func (everybody) Authorize(context.Context, lock.Actor, lock.Verb, lock.Target) error { return nil }

func (everybody) Visible(_ context.Context, _ lock.Actor, _ lock.Verb, f lock.Filter) (lock.Filter, error) {
	return f, nil
}

func main() {
	dir, err := os.MkdirTemp("", "latchkey-embed-")
	if err != nil {
		log.Fatal(err)
	}
	err = embed(context.Background(), os.Stdout, filepath.Join(dir, "keyring"))
	if err := os.RemoveAll(dir); err != nil {
		log.Print(err)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// embed orders a lock, delivers it, takes the Mac's answer and reveals the PIN.
func embed(ctx context.Context, out io.Writer, keyringFile string) error {
	keyring, err := pin.CreateKeyring(keyringFile) // once; later pin.LoadKeyring
	if err != nil {
		return err
	}
	svc, err := lock.New(lock.Config{
		Store:     store.NewMemory(), // in earnest: store/sqlite or store/postgres, which keep what they are given
		Sealer:    keyring,
		Platforms: []lock.Platform{mdmproto.Platform(nil)}, // nil: Macs poll by themselves
		Authorize: everybody{},
	})
	if err != nil {
		return err
	}

	// An administrator locks a Mac of your inventory. When Lock returns, the PIN is sealed and durable.
	mac := lock.Device{
		Scope: "example.com", ID: "mac-42", Platform: mdmproto.PlatformName, Serial: "C02EXAMPLE42", Name: "Ada's MacBook",
		Facts: map[string]lock.Fact{"ProductName": {Value: "Mac14,2"}, "OSVersion": {Value: "15.1"}, "IsAppleSilicon": {Value: "true"}},
	}
	admin := lock.Actor{ID: "grace", Name: "Grace Hopper"}
	action, err := svc.Lock(ctx, admin, lock.Request{Device: mac, Reason: "left on a train", Message: "Please call us.", Key: "ticket-4711"})
	if err != nil {
		return err
	}

	// Your MDM server serves the command when the Mac polls, and reports the Mac's answer.
	command, err := svc.Next(ctx, mac)
	if err != nil {
		return err
	}
	err = svc.Report(ctx, lock.Report{Scope: mac.Scope, Device: mac.ID, Action: command.ID, Outcome: lock.Acknowledged})
	if err != nil {
		return err
	}

	// The Mac is found. Who reveals the PIN, and why, is on record before anybody sees it.
	code, err := svc.Reveal(ctx, admin, action.ID, "owner verified by phone", "")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s opens with a PIN of %d digits\n", mac.Name, len(code.Expose()))
	return err
}
