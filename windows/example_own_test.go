package windows_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/lock/locktest"
	"github.com/latchkey-mdm/latchkey/store"
	"github.com/latchkey-mdm/latchkey/windows"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// exchange is what an OMA-DM server of one's own does: it sends commands in one message, in this order and nothing else with them, and
// returns the device's message, and what that says of each command, containers and children included.
type exchange func(commands []syncml.Command) (body []byte, said omadm.Answer)

// serveAll gives a device that may be sent commands what waits for it, part by part in one session.
func serveAll(ctx context.Context, service *lock.Service, device lock.Device, send exchange) error {
	cmd, err := service.Next(ctx, device)
	for more := true; more && err == nil && cmd.ID != ""; {
		if more, err = servePart(ctx, service, device, cmd, send); more && err == nil {
			cmd, err = service.Resume(ctx, device, cmd.ID)
		}
	}
	return err
}

// servePart sends one. A server that cannot wait for the answer keeps the ID, the step and the note with what it sent, and calls Interpret
// with every message that says more.
func servePart(ctx context.Context, service *lock.Service, device lock.Device, cmd lock.Command, send exchange) (more bool, err error) {
	part, err := windows.ParsePart(cmd.Body)
	if err != nil {
		return false, err
	}
	note, err := json.Marshal(part.Want)
	if err != nil {
		return false, err
	}
	body, answer := send(part.Commands)
	if _, err := service.Keep(ctx, device, body); err != nil { // before it is parsed
		return false, err
	}
	said := windows.Interpret(part.Step, string(note), answer)
	if said.Report.Outcome == "" { // there is more to come
		return false, nil
	}
	r := said.Report
	r.Scope, r.Device, r.Action = device.Scope, device.ID, cmd.ID
	return said.More, service.Report(ctx, r) // before the device is answered
}

// A server that speaks OMA-DM already resets the PIN of a phone.
func Example_ownServer() {
	ctx := context.Background()
	service, err := lock.New(lock.Config{
		Store: store.NewMemory(), Sealer: locktest.Keyring("example"), Platforms: []lock.Platform{windows.Platform(nil)},
		Authorize: &locktest.Rights{},
	})
	if err != nil {
		log.Fatal(err)
	}
	admin, phone := lock.Actor{ID: "grace"}, lock.Device{
		Scope: "acme", ID: "lumia-950", Platform: windows.PlatformName, Facts: map[string]lock.Fact{"class": {Value: "phone"}},
	}
	reset, err := service.ResetPasscode(ctx, admin, lock.Request{Device: phone, Reason: "PIN forgotten"})
	if err != nil {
		log.Fatal(err)
	}
	err = serveAll(ctx, service, phone, func(commands []syncml.Command) ([]byte, omadm.Answer) {
		said := omadm.Answer{Complete: true, Replies: []omadm.Reply{{Verb: commands[0].Verb, Code: omadm.CodeOK}}}
		for _, c := range commands[0].Children {
			said.Replies = append(said.Replies, omadm.Reply{Verb: c.Verb, URI: c.Items[0].Target.URI, Code: omadm.CodeOK})
		}
		said.Replies[2].Given, said.Replies[2].Items = true, []syncml.Item{{Data: "483920", HasData: true}}
		return []byte("<SyncML>...</SyncML>"), said
	})
	if err != nil {
		log.Fatal(err)
	}
	code, err := service.Reveal(ctx, admin, reset.ID, "owner verified by phone", "")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(code.Expose())
	// Output:
	// 483920
}
