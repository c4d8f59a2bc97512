package locktest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
)

// exampleT stands for the *testing.T that a test has.
type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Context() context.Context          { return context.Background() }
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func Example() {
	t := exampleT{} // in a test: its *testing.T
	f := locktest.New(t, store.NewMemory())
	mac := locktest.Device("mac-1")

	action := f.Lock(mac)
	command := f.Deliver(mac)
	f.Answer(action, lock.Acknowledged)
	fmt.Println(f.Get(action.ID).State)

	f.Clock.Advance(time.Hour)
	if err := f.Service.Seen(t.Context(), mac, lock.EvidencePoll); err != nil {
		t.Fatalf("%v", err)
	}
	fmt.Println(f.Get(action.ID).State, f.PIN(action.ID) == command.PIN)
	// Output:
	// confirmed
	// released true
}

func ExampleFaulty() {
	t := exampleT{}
	f := locktest.New(t, store.NewMemory())
	order := lock.Request{Device: locktest.Device("mac-1"), Key: "ticket-4711"}

	f.Store.FailAfter(locktest.Forever) // each commit happens, and its answer is lost
	_, err := f.Service.Lock(t.Context(), locktest.Admin(), order)
	fmt.Println(err)

	f.Store.FailAfter(0)
	again, err := f.Service.Lock(t.Context(), locktest.Admin(), order)
	fmt.Println(again.State, again.Joined, err)
	// Output:
	// store: the store failed because the test said so
	// queued true <nil>
}

func ExampleRights() {
	t := exampleT{}
	f := locktest.New(t, store.NewMemory())
	action := f.Lock(locktest.Device("mac-1"))

	f.Rights.Deny(lock.VerbReveal)
	_, err := f.Service.Reveal(t.Context(), locktest.Admin(), action.ID, "owner at the desk", "")
	fmt.Println(err)
	// Output: not allowed: reveal: ada has no right to reveal
}
