package windowstest_test

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// A phone is locked with a new PIN, which its server reads once.
func Example() {
	srv := newServer(resetSequence) // yours: the endpoint of the management sessions
	defer srv.Close()

	phone, err := windowstest.New(windowstest.Config{Class: windowstest.Phone, PIN: "1234"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := phone.SetServer(srv.URL, srv.Client()); err != nil {
		fmt.Println(err)
		return
	}
	err = phone.Sync(context.Background())
	state := phone.State()
	fmt.Println(err, state.Locked, state.NewPIN == "")
	fmt.Println(phone.Type("1234"), phone.Type(state.PIN))
	// Output:
	// <nil> true true
	// false true
}
