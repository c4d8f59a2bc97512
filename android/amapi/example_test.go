package amapi_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/latchkey-mdm/latchkey/android/amapi"
	"github.com/latchkey-mdm/latchkey/android/amapi/amapitest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// A client of its own: without a ledger, as a tool may use it. The stand-in takes the place of Google.
func ExampleClient() {
	ctx := context.Background()
	google, err := amapitest.Start(amapitest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer google.Close()
	dir, err := os.MkdirTemp("", "amapi")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "service-account.json")
	if err := google.WriteCredentials(file); err != nil {
		fmt.Println(err)
		return
	}
	const phone = "enterprises/LC01/devices/3a5f"
	google.Enroll(phone, amapitest.Device{Mode: amapitest.DeviceOwner, APILevel: 34})

	client, err := amapi.NewClient(amapi.ClientConfig{CredentialsFile: file, Host: google.URL(), Transport: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := pin.SixDigits().Generate()
	if err != nil {
		fmt.Println(err)
		return
	}
	order := amapi.Command{
		Type: amapi.TypeResetPassword, NewPassword: code, Flags: []amapi.Flag{amapi.FlagRequireEntry}, Duration: 10 * time.Minute,
	}
	operation, err := client.Issue(ctx, phone, order)
	fmt.Println(order, operation.Done, err)

	google.Sync(phone) // the phone does it
	operation, err = client.Operation(ctx, operation.Name)
	report := operation.Report()
	fmt.Println(report.Outcome, report.Facts["proves"], err)
	// Output:
	// RESET_PASSWORD [REQUIRE_ENTRY] false <nil>
	// acknowledged receipt <nil>
}
