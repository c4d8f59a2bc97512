package mdmproto_test

import (
	"fmt"
	"log"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/mdmproto"
	"github.com/latchkey-mdm/latchkey/pin"
)

func ExampleDeviceLock_Encode() {
	code, err := pin.Parse("048213")
	if err != nil {
		log.Fatal(err)
	}
	command, err := mdmproto.DeviceLock{PIN: code, Message: "Please call us."}.Encode("0193a4c2-lock")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(command) > 0)

	_, err = mdmproto.DeviceLock{PIN: code, Message: "The PIN is 048213"}.Encode("0193a4c2-lock")
	fmt.Println(err)
	// Output:
	// true
	// mdmproto: Message is not allowed to contain the PIN
}

// What preflight says of a Mac that a lock would deactivate.
func ExamplePlatform() {
	old := lock.Device{Facts: map[string]lock.Fact{
		"ProductName": {Value: "MacBookAir10,1"}, "OSVersion": {Value: "11.4"}, "IsAppleSilicon": {Value: "true"},
		"ManagementStatus.IsUserEnrollment": {Value: "false"},
	}}
	for _, f := range mdmproto.Platform(nil).Codec.Plan(old, lock.Request{}).Findings {
		fmt.Println(f.Level, f.Code)
	}
	// Output:
	// block apple_silicon_before_11_5
}

func ExampleParseResult() {
	result, err := mdmproto.ParseResult([]byte(`<?xml version="1.0" encoding="UTF-8"?>
		<plist version="1.0"><dict>
			<key>UDID</key><string>CFB05136-49DB-4CB8-B3B2-42AE767EAF75</string>
			<key>Status</key><string>Acknowledged</string>
			<key>CommandUUID</key><string>0193a4c2-lock</string>
			<key>MessageResult</key><string>Success</string>
		</dict></plist>`))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Status, result.CommandUUID, result.MessageResult)
	// Output: Acknowledged 0193a4c2-lock Success
}
