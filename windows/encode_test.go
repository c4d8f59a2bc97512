package windows

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/lock"
	"github.com/latchkey-mdm/latchkey/windows/omadm"
	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// sent is what a message carries beside its statuses, without numbers.
func sent(t *testing.T, body []byte) []syncml.Command {
	t.Helper()
	m, err := syncml.Decode(body)
	require.NoError(t, err)
	var commands []syncml.Command
	for _, c := range m.Commands {
		if c.Verb != syncml.VerbStatus {
			commands = append(commands, c)
		}
	}
	return unnumbered(commands)
}

func unnumbered(commands []syncml.Command) []syncml.Command {
	for i := range commands {
		commands[i].ID = ""
		commands[i].Children = unnumbered(commands[i].Children)
	}
	return commands
}

// sample is what a server's message of the protocol samples carries.
func sample(t *testing.T, name string) []syncml.Command {
	t.Helper()
	body, err := os.ReadFile("syncml/testdata/facts/" + name)
	require.NoError(t, err)
	return sent(t, body)
}

// wire sends commands through a message, to compare them as they arrive.
func wire(t *testing.T, commands []syncml.Command) []syncml.Command {
	t.Helper()
	body, err := syncml.Message{
		Header:   syncml.Header{SessionID: "1", MsgID: "1", Target: syncml.Location{URI: "d"}, Source: syncml.Location{URI: "s"}},
		Commands: commands, Final: true,
	}.Encode()
	require.NoError(t, err)
	return sent(t, body)
}

// golden is a body of SyncML, as its commands arrive.
func golden(t *testing.T, commands string) []syncml.Command {
	t.Helper()
	return sent(t, []byte(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>`+
		`<Target><LocURI>d</LocURI></Target><Source><LocURI>s</LocURI></Source></SyncHdr><SyncBody>`+commands+`<Final/></SyncBody></SyncML>`))
}

func encoded(t *testing.T, o lock.Order) Part {
	t.Helper()
	body, err := codec{}.Encode(o)
	require.NoError(t, err)
	p, err := ParsePart(body)
	require.NoError(t, err)
	return p
}

const (
	denyNode  = "./Device/Vendor/MSFT/Policy/Config/UserRights/DenyLocalLogOn"
	titleNode = "./Device/Vendor/MSFT/Policy/Config/LocalPoliciesSecurityOptions/InteractiveLogon_MessageTitleForUsersAttemptingToLogOn"
	textNode  = "./Device/Vendor/MSFT/Policy/Config/LocalPoliciesSecurityOptions/InteractiveLogon_MessageTextForUsersAttemptingToLogOn"
)

func item(uri, data string) string {
	return `<Item><Target><LocURI>` + uri + `</LocURI></Target>` + data + `</Item>`
}

func replaced(id, uri, data string) string {
	return `<Replace><CmdID>` + id + `</CmdID>` + item(uri, `<Meta><Format xmlns="syncml:metinf">chr</Format><Type xmlns="syncml:metinf">text/plain</Type></Meta><Data>`+
		data+`</Data>`) + `</Replace>`
}

func asks(ids ...string) (commands string) {
	for i, uri := range []string{denyNode, titleNode, textNode} {
		commands += `<Get><CmdID>` + ids[i] + `</CmdID>` + item(uri, "") + `</Get>`
	}
	return commands
}

// kept are the facts of a lock-out whose values were read: one list, no title, and a text of two lines.
func kept() map[string]string {
	return map[string]string{"step": "read", "before_deny": `=*S-1-5-32-546\uf000*S-1-5-113`, "before_title": "absent", "before_text": `=Say \"hi\"\uf000now`}
}

func TestEncodeSamples(t *testing.T) {
	lockIt := encoded(t, lock.Order{Action: lock.Action{Kind: lock.KindLock}, Device: deviceWith(aPhone)})
	require.Equal(t, "lock", lockIt.Step)
	require.Equal(t, sample(t, "4.2-s2.xml"), wire(t, lockIt.Commands))

	reset := encoded(t, lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode, Returns: true}, Device: deviceWith(aPhone)})
	require.Equal(t, "reset", reset.Step)
	require.Equal(t, sample(t, "4.3-s2.xml"), wire(t, reset.Commands))

	require.Equal(t, sample(t, "4.4-s2.xml")[1:], wire(t, RotateLAPS.Start("")), "the policies before it are not ours")
	require.Equal(t, sample(t, "4.4-s3.xml"), wire(t, RotateLAPS.Ask()))
	require.Equal(t, sample(t, "4.5-s2.xml"), wire(t, RotateBitLocker.Start("0b5f2f44-2a5d-4f0e-9d0e-5b6b7c8d9e0f")))
	require.Equal(t, sample(t, "4.5-s1.xml"), wire(t, RotateBitLocker.Ask()))
}

func TestEncodeReset(t *testing.T) {
	again := lock.Action{Kind: lock.KindResetPasscode, Returns: true, Deliveries: 1}
	ask := encoded(t, lock.Order{Action: again})
	require.Equal(t, "ask", ask.Step, "a second delivery makes no second PIN")
	require.Equal(t, golden(t, `<Get><CmdID>1</CmdID>`+item(uriNewPIN, "")+`</Get>`), wire(t, ask.Commands))

	again.Deferrals = 1
	require.Equal(t, "reset", encoded(t, lock.Order{Action: again}).Step, "the first was put off")
	kept := again
	kept.Secrets = []lock.Secret{{Name: lock.SecretPIN}}
	require.Equal(t, "ask", encoded(t, lock.Order{Action: kept}).Step, "put off, and a PIN came of it")
	again.Facts = map[string]string{"step": "reset"}
	ask = encoded(t, lock.Order{Action: again})
	require.Equal(t, "ask-done", ask.Step, "it was carried out, and the question failed")
	require.Equal(t, golden(t, `<Get><CmdID>1</CmdID>`+item(uriNewPIN, "")+`</Get>`), wire(t, ask.Commands))
	again.Facts = nil

	p := encoded(t, lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode, Options: options("recover", "true")}})
	require.Equal(t, "recover", p.Step)
	require.Equal(t, golden(t, `<Sequence><CmdID>1</CmdID><Exec><CmdID>2</CmdID>`+item("./Device/Vendor/MSFT/RemoteLock/LockAndRecoverPIN", "")+
		`</Exec><Get><CmdID>3</CmdID>`+item("./Device/Vendor/MSFT/RemoteLock/NewPINValue", "")+`</Get></Sequence>`), wire(t, p.Commands))
}

func TestEncodeLockOut(t *testing.T) {
	a := lock.Action{Kind: lock.KindLock, Talks: true, Holds: true, Message: "Call\nus & <ask>", PhoneNumber: "+1 555 0100"}
	deny := `<Atomic><CmdID>1</CmdID>` + replaced("2", titleNode, "This device is locked") +
		replaced("3", textNode, "Call&#xF000;us &amp; &lt;ask&gt;&#xF000;+1 555 0100") + replaced("4", denyNode, "*S-1-1-0") + `</Atomic>`
	partly := map[string]string{"before_deny": "absent", "before_title": "absent"}
	denied, reread := and(kept(), "step", "denied"), and(kept(), "step", "reread")
	for name, c := range map[string]struct {
		facts   map[string]string
		resumed bool
		step    string
		want    string
	}{
		"first":                {nil, false, "read", asks("1", "2", "3")},
		"partly read":          {partly, false, "read", asks("1", "2", "3")},
		"read":                 {kept(), true, "deny", deny},
		"anew, read":           {kept(), false, "reread", asks("1", "2", "3")},
		"anew, read again":     {reread, false, "reread", asks("1", "2", "3")},
		"read again":           {reread, true, "deny-again", deny},
		"denied":               {denied, true, "reboot", `<Exec><CmdID>1</CmdID>` + item("./Device/Vendor/MSFT/Reboot/RebootNow", "") + `</Exec>`},
		"anew, denied already": {denied, false, "deny-again", deny},
	} {
		t.Run(name, func(t *testing.T) {
			o := lock.Order{Action: a, Resumed: c.resumed, Device: deviceWith(aDesktop)}
			o.Action.Facts = c.facts
			p := encoded(t, o)
			require.Equal(t, c.step, p.Step)
			require.Equal(t, golden(t, c.want), wire(t, p.Commands))
		})
	}
	_, err := codec{}.Encode(lock.Order{Action: lock.Action{Kind: lock.KindLock, Talks: true, Facts: partly}, Resumed: true})
	require.ErrorAs(t, err, new(*lock.InputError), "nothing is changed that was not read")
}

func TestScreenText(t *testing.T) {
	require.Equal(t, "a\uf000b\uf000c\uf000d", screenText("a\r\nb\rc\nd", ""))
	require.Equal(t, "m\uf000p", screenText("m", "p"))
	require.Equal(t, "p", screenText("", "p"))
	require.NotEmpty(t, screenText("", ""), "an empty text is not shown, and neither is the title then")
}

func TestEncodeUnlock(t *testing.T) {
	ended := lock.Action{Kind: lock.KindLock, Talks: true, Facts: and(kept(), "step", "denied")}
	o := lock.Order{Action: lock.Action{Kind: lock.KindUnlock}, Ended: ended, Device: deviceWith(aDesktop)}
	p := encoded(t, o)
	require.Equal(t, "restore", p.Step)
	require.Equal(t, golden(t, `<Sequence><CmdID>1</CmdID>`+replaced("2", denyNode, "*S-1-5-32-546&#xF000;*S-1-5-113")+
		`<Delete><CmdID>3</CmdID>`+item(titleNode, "")+`</Delete>`+replaced("4", textNode, "Say &quot;hi&quot;&#xF000;now")+`</Sequence>`), wire(t, p.Commands))

	o.Resumed, o.Action.Facts = true, map[string]string{"step": "restored"}
	p = encoded(t, o)
	require.Equal(t, "verify", p.Step)
	require.Equal(t, golden(t, asks("1", "2", "3")), wire(t, p.Commands))
	require.Len(t, p.Want, 3)
	require.Equal(t, "absent", p.Want[titleNode])
	require.Len(t, p.Want[denyNode], 64, "a hash")

	o.Action.Facts = map[string]string{"step": "restored", "verified_deny": "yes", "verified_title": "no", "verified_text": "yes"}
	p = encoded(t, o)
	require.Equal(t, golden(t, `<Get><CmdID>1</CmdID>`+item(titleNode, "")+`</Get>`), wire(t, p.Commands), "the rest")
	o.Action.Facts["verified_title"] = "yes"
	require.Len(t, encoded(t, o).Want, 1, "one more, for the answer")

	o.Ended.Facts, o.Resumed = map[string]string{"before_deny": "absent"}, false
	p = encoded(t, o)
	require.Equal(t, "verify", p.Step, "what was not read was not changed")
	require.Empty(t, p.Want)

	o.Ended.Facts["step"] = "denied"
	_, err := codec{}.Encode(o)
	require.ErrorAs(t, err, new(*lock.InputError), "changed, and not known to what")

	o.Ended.Talks, o.Ended.Facts = false, kept()
	_, err = codec{}.Encode(o)
	require.ErrorAs(t, err, new(*lock.InputError), "a screen is opened by its owner")
}

func TestEncodeSize(t *testing.T) {
	small := deviceWith(and(aPhone, "max_msg_size", "900"))
	var size *omadm.SizeError
	_, err := codec{}.Encode(lock.Order{Action: lock.Action{Kind: lock.KindResetPasscode}, Device: small})
	require.ErrorAs(t, err, &size)
	require.Equal(t, 900, size.Limit)
	require.Greater(t, size.Need, 900)

	// The lock-out itself would fit, and what restores it would not: so nothing is changed.
	facts := kept()
	for name, fact := range (value{true, strings.Repeat("x", 5000)}).pack("text") {
		facts[name] = fact
	}
	o := lock.Order{Action: lock.Action{Kind: lock.KindLock, Talks: true, Facts: facts}, Resumed: true, Device: deviceWith(and(aDesktop, "max_msg_size", "4096"))}
	_, err = codec{}.Encode(o)
	require.ErrorAs(t, err, &size)
	o.Device = deviceWith(and(aDesktop, "max_msg_size", "16384"))
	require.Equal(t, "deny", encoded(t, o).Step)
}

func TestEncodeRefuses(t *testing.T) {
	_, err := codec{}.Encode(lock.Order{Action: lock.Action{Kind: lock.KindLostMode}})
	require.ErrorAs(t, err, new(*lock.InputError))
	_, err = codec{}.Encode(lock.Order{Action: lock.Action{Kind: lock.KindLock, Talks: true, Message: "\x01", Facts: kept()}, Resumed: true})
	require.ErrorAs(t, err, new(*syncml.Error))
}

func TestParsePart(t *testing.T) {
	good, err := json.Marshal(Part{Step: "lock", Commands: []syncml.Command{syncml.Exec(uriLock)}})
	require.NoError(t, err)
	_, err = ParsePart(good)
	require.NoError(t, err)
	for name, body := range map[string]string{
		"nothing": "", "no JSON": "483920", "no step": `{"commands":[{"verb":"Get"}]}`, "unknown step": `{"step":"483920","commands":[{"verb":"Get"}]}`,
		"no commands": `{"step":"lock"}`, "too large": strings.Repeat(" ", maxPart) + string(good),
	} {
		_, err := ParsePart([]byte(body))
		require.ErrorAs(t, err, new(*lock.InputError), name)
		require.NotContains(t, err.Error(), "483920", name)
	}
}

func TestSplitRef(t *testing.T) {
	const name = "019a0000-0000-7000-8000-000000000001"
	id, step, ok := SplitRef(name + "/deny-again")
	require.True(t, ok)
	require.Equal(t, lock.ID(name), id)
	require.Equal(t, "deny-again", step)
	for _, ref := range []string{"", "probe", name, name + "/", name + "/explode", "x/lock", name + "/lock/lock", "/lock"} {
		_, _, ok := SplitRef(ref)
		require.False(t, ok, ref)
	}
}

func FuzzParsePart(f *testing.F) {
	f.Add([]byte(`{"step":"lock","commands":[{"verb":"Exec"}],"want":{"a":"b"}}`))
	f.Add([]byte(`{"step":"read","commands":[{"verb":"Sequence","children":[{"verb":"Get","items":[{}]}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := ParsePart(body)
		if err != nil {
			require.Empty(t, p.Step)
			return
		}
		_, _ = need(p.Commands) // may refuse, and does not panic
	})
}
