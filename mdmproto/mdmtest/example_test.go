package mdmtest_test

import (
	"context"
	"fmt"

	"github.com/latchkey-mdm/latchkey/mdmproto/mdmtest"
)

// A Mac enrols, obeys a DeviceLock, and speaks again when somebody has typed the PIN.
func Example() {
	ctx := context.Background()
	srv := newServer() // yours: profile, SCEP and MDM endpoint
	defer srv.Close()

	mac, err := mdmtest.New(mdmtest.Config{Serial: "C02EXAMPLE1", OSVersion: "15.1", AppleSilicon: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := mac.Enroll(ctx, srv.enrollURL()); err != nil {
		fmt.Println(err)
		return
	}
	srv.push("lock-1", "DeviceLock", map[string]any{"PIN": "024680", "Message": "Please call us"})

	session, err := mac.Poll(ctx)
	fmt.Println(session.Commands, err)
	fmt.Println(mac.State())

	_, err = mac.Poll(ctx)
	fmt.Println(err)
	fmt.Println(mac.Type("111111"), mac.Type("024680"), mac.State(), mac.WrongTries())
	// Output:
	// [DeviceLock lock-1 "Acknowledged"] <nil>
	// locked
	// mdmtest: the Mac is locked and sends nothing: type its PIN first
	// false true unlocked 1
}
