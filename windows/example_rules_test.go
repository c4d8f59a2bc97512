package windows_test

import (
	"encoding/json"
	"fmt"
	"log"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// The page of a device shows what can be done to it.
func ExampleCapabilities() {
	device := lock.Device{Facts: map[string]lock.Fact{
		"class": {Value: "desktop"}, "edition": {Value: "48"}, "build": {Value: "10.0.22631.4460"}, "remote_lock": {Value: "no"},
	}}
	for _, v := range windows.Capabilities(windows.FromDevice(device)) {
		fmt.Println(v.Act+":", v.Effect, v.Code)
	}
	// Output:
	// lock: fails remote_lock_absent
	// reset: fails reset_absent
	// recover: fails recover_absent
	// sign_in_lockout: unproven sign_in_lockout_unproven
	// unlock: unproven restore_unproven
}

// What an administrator asks before a reset: will it work on this device, and why not?
func ExampleJudge() {
	fmt.Println(windows.Judge(windows.Facts{Class: windows.ClassHoloLens}, windows.ActReset).Text)
	fmt.Println(windows.Judge(windows.Facts{Edition: 48}, windows.ActReset).Text)
	// Output:
	// A HoloLens can be locked, but its PIN cannot be reset.
	// It is not known whether the device has this command: it says so when it gets the order.
}

// An embedder with an OMA-DM server of its own sends the commands of a part, and has the answer interpreted.
func ExampleInterpret() {
	order := lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode, Returns: true}}
	body, err := windows.Platform(nil).Codec.Encode(order) // lock.Service does this: it is the Body of the command that Next returns
	if err != nil {
		log.Fatal(err)
	}
	part, err := windows.ParsePart(body)
	if err != nil {
		log.Fatal(err)
	}
	note, err := json.Marshal(part.Want)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(part.Step, part.Commands[0].Verb)

	newPIN := "./Device/Vendor/MSFT/RemoteLock/NewPINValue"
	said := windows.Interpret(part.Step, string(note), omadm.Answer{Complete: true, Replies: []omadm.Reply{
		{Verb: syncml.VerbSequence, Code: omadm.CodeOK},
		{Verb: syncml.VerbExec, URI: "./Device/Vendor/MSFT/RemoteLock/LockAndResetPIN", Code: omadm.CodeOK},
		{Verb: syncml.VerbGet, URI: newPIN, Code: omadm.CodeOK, Given: true, Items: []syncml.Item{
			{Source: &syncml.Location{URI: newPIN}, Data: "483920", HasData: true},
		}},
	}})
	fmt.Println(said.Report.Outcome, said.Report.Secret, said.Report.Secret.Expose())
	// Output:
	// reset Sequence
	// acknowledged [redacted] 483920
}

// The password of the local administrator is renewed on request. It goes to Entra ID or Active Directory, and not through here.
func ExampleRotation() {
	fmt.Println(windows.RotateLAPS.Start("")[0].Items[0].Target.URI)

	ask := windows.RotateLAPS.Ask()[0] // as often as it takes, after the first was answered with 200 or 202
	answer := func(data string) omadm.Answer {
		return omadm.Answer{Complete: true, Replies: []omadm.Reply{
			{Verb: ask.Verb, URI: ask.Items[0].Target.URI, Code: omadm.CodeOK, Given: true, Items: []syncml.Item{{Data: data}}},
		}}
	}
	for _, data := range []string{"-2147483638", "0", "-2147024891"} {
		outcome, code := windows.RotateLAPS.Read(answer(data), "")
		fmt.Printf("%s %q\n", outcome, code)
	}
	// Output:
	// ./Device/Vendor/MSFT/LAPS/Actions/ResetPassword
	// progress ""
	// acknowledged ""
	// refused "0x80070005"
}

// The credentials of a device are changed below the account of its management server.
func ExampleAccountUID() {
	fmt.Println("./SyncML/DMAcc/" + windows.AccountUID("TestMDMServer") + "/AppAuth/CLCRED/AAuthSecret")
	// Output:
	// ./SyncML/DMAcc/0x0000800c7C442B5BAA5E3A62BD058BA4730A268774D9D915F7A7E47F09CC8BB9540A2486/AppAuth/CLCRED/AAuthSecret
}
