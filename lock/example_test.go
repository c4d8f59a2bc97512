package lock_test

import (
	"context"
	"fmt"
	"log"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// A lock from its order to the opened device. Codec and rights are those of package locktest; a server has its platform's and its own.
func Example() {
	ctx := context.Background()
	svc, err := lock.New(lock.Config{
		Store: store.NewMemory(), Sealer: locktest.Keyring("example"), Platforms: []lock.Platform{{Name: locktest.Platform, Codec: &locktest.Codec{}}},
		Authorize: &locktest.Rights{},
	})
	if err != nil {
		log.Fatal(err)
	}
	admin, device := lock.Actor{ID: "grace"}, locktest.Device("mac-42")

	action, err := svc.Lock(ctx, admin, lock.Request{Device: device, Reason: "left on a train", Key: "ticket-4711"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(action.State)

	again, err := svc.Lock(ctx, admin, lock.Request{Device: device, Reason: "left on a train", Key: "ticket-4711"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the same lock:", again.ID == action.ID, again.Joined)

	command, err := svc.Next(ctx, device) // the device asks, and gets the bytes of command.Body
	if err != nil {
		log.Fatal(err)
	}
	report := lock.Report{Scope: device.Scope, Device: device.ID, Action: command.ID, Outcome: lock.Acknowledged}
	if err := svc.Report(ctx, report); err != nil { // and answers
		log.Fatal(err)
	}
	code, err := svc.Reveal(ctx, admin, action.ID, "owner verified by phone", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code, len(code.Expose()))
	// Output:
	// queued
	// the same lock: true true
	// [redacted] 6
}
