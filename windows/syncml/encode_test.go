package syncml_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

func message(commands ...syncml.Command) syncml.Message {
	return syncml.Message{
		Header: syncml.Header{
			SessionID: "D", MsgID: "1", Target: syncml.Location{URI: "6F0A"}, Source: syncml.Location{URI: "https://mdm.example.com/"},
		},
		Commands: commands,
	}
}

const node1 = "./Device/Vendor/MSFT/RemoteLock/Lock"

// TestEncode pins the order of the elements, which the devices insist on, and the namespaces.
func TestEncode(t *testing.T) {
	m := message(
		syncml.Command{
			Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: "0", Cmd: "SyncHdr", TargetRefs: []string{"t"}, SourceRefs: []string{"s"},
			Chal: &syncml.Chal{Meta: syncml.Meta{NextNonce: "bm9uY2U=", Type: "syncml:auth-md5", Format: "b64"}}, Data: "404", OriginalError: "0x8<",
		},
		syncml.Sequence(syncml.Exec(node1), syncml.Replace(node1, "int", "\"a\"\r\n<")),
		syncml.Get(node1, "./DevDetail/SwV"),
	)
	m.Final = true
	out, err := m.Encode()
	require.NoError(t, err)
	assert.Equal(t, `<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>D</SessionID>`+
		`<MsgID>1</MsgID><Target><LocURI>6F0A</LocURI></Target><Source><LocURI>https://mdm.example.com/</LocURI></Source></SyncHdr>`+
		`<SyncBody xmlns:msft="http://schemas.microsoft.com/MobileDevice/MDM">`+
		`<Status><CmdID>1</CmdID><MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><TargetRef>t</TargetRef><SourceRef>s</SourceRef>`+
		`<Chal><Meta><Format xmlns="syncml:metinf">b64</Format><Type xmlns="syncml:metinf">syncml:auth-md5</Type>`+
		`<NextNonce xmlns="syncml:metinf">bm9uY2U=</NextNonce></Meta></Chal><Data msft:originalerror="0x8&lt;">404</Data></Status>`+
		`<Sequence><CmdID>2</CmdID><Exec><CmdID>3</CmdID><Item><Target><LocURI>`+node1+`</LocURI></Target></Item></Exec>`+
		`<Replace><CmdID>4</CmdID><Item><Target><LocURI>`+node1+`</LocURI></Target><Meta><Format xmlns="syncml:metinf">int</Format>`+
		`<Type xmlns="syncml:metinf">text/plain</Type></Meta><Data>&#34;a&#34;&#xD;&#xA;&lt;</Data></Item></Replace></Sequence>`+
		`<Get><CmdID>5</CmdID><Item><Target><LocURI>`+node1+`</LocURI></Target></Item>`+
		`<Item><Target><LocURI>./DevDetail/SwV</LocURI></Target></Item></Get><Final/></SyncBody></SyncML>`, string(out))
	assert.Empty(t, m.Commands[0].ID, "the message is not changed")
}

// TestNumbers: given IDs stand, and the others take what is free.
func TestNumbers(t *testing.T) {
	given := func(id string, c syncml.Command) syncml.Command { c.ID = id; return c }
	out, err := message(syncml.Delete(node1), syncml.Atomic(given("2", syncml.Delete(node1)), syncml.Delete(node1)), given("1", syncml.Delete(node1))).Encode()
	require.NoError(t, err)
	m, err := syncml.Decode(out)
	require.NoError(t, err)
	c := m.Commands
	assert.Equal(t, []string{"3", "4", "2", "5", "1"}, []string{c[0].ID, c[1].ID, c[1].Children[0].ID, c[1].Children[1].ID, c[2].ID})
}

func TestEncodeRefuses(t *testing.T) {
	status := syncml.Command{Verb: syncml.VerbStatus, MsgRef: "1", CmdRef: "1", Cmd: "Get", Data: "200"}
	edit := func(c syncml.Command, f func(*syncml.Command)) syncml.Message { f(&c); return message(c) }
	deep := syncml.Exec(node1)
	for range 12 {
		deep = syncml.Sequence(deep)
	}
	for name, c := range map[string]struct {
		m             syncml.Message
		element, rule string
	}{
		"no header":            {syncml.Message{}, "SyncHdr", "SessionID"},
		"ID 0":                 {edit(status, func(c *syncml.Command) { c.ID = "0" }), "CmdID", "not be 0"},
		"ID twice":             {message(syncml.Command{Verb: syncml.VerbAlert, ID: "x"}, syncml.Sequence(syncml.Command{Verb: syncml.VerbAlert, ID: "x"})), "CmdID", "repeated"},
		"long ID":              {edit(status, func(c *syncml.Command) { c.ID = strings.Repeat("1", 65) }), "CmdID", "64 bytes"},
		"unknown verb":         {message(syncml.Command{Verb: "Map", ID: "1"}), "SyncBody", "does not know"},
		"no verb":              {message(syncml.Command{}), "SyncBody", "does not know"},
		"control character":    {message(syncml.Replace(node1, "chr", secret+"\x00")), "Data", "character"},
		"not UTF-8":            {message(syncml.Replace(node1, "chr", "\xff")), "Data", "character"},
		"half a pair":          {message(syncml.Replace(node1, "chr", "\xed\xa0\x80")), "Data", "character"},
		"no character":         {message(syncml.Replace(node1, "chr\ufffe", "")), "Format", "character"},
		"address":              {message(syncml.Exec(node1 + " ")), "LocURI", "percent-encoded"},
		"address in Sequence":  {message(syncml.Sequence(syncml.Get("./A", "B"))), "LocURI", "./"},
		"Exec of two":          {edit(syncml.Get("./A", "./B"), func(c *syncml.Command) { c.Verb = syncml.VerbExec }), "Exec", "exactly one"},
		"Get of nothing":       {message(syncml.Get()), "Get", "needs Item"},
		"empty Atomic":         {message(syncml.Atomic()), "Atomic", "needs commands"},
		"Status without code":  {edit(status, func(c *syncml.Command) { c.Data = "" }), "Status", "needs Data"},
		"Status without ref":   {edit(status, func(c *syncml.Command) { c.CmdRef = "" }), "Status", "needs CmdRef"},
		"Status in Atomic":     {message(syncml.Atomic(status)), "Status", "no place"},
		"Cred in Exec":         {edit(syncml.Exec(node1), func(c *syncml.Command) { c.Cred = &syncml.Cred{} }), "Exec", "no place for Cred"},
		"Item in Sequence":     {edit(syncml.Sequence(syncml.Exec(node1)), func(c *syncml.Command) { c.Items = []syncml.Item{{}} }), "Sequence", "no place for Item"},
		"Children of Exec":     {edit(syncml.Exec(node1), func(c *syncml.Command) { c.Children = []syncml.Command{status} }), "Exec", "no place for commands"},
		"code of Exec":         {edit(syncml.Exec(node1), func(c *syncml.Command) { c.Data = secret }), "Exec", "no place for Data"},
		"nested without end":   {message(deep), "SyncBody", "too deep"},
		"illegal original one": {edit(status, func(c *syncml.Command) { c.OriginalError = "\x01" }), "Data", "character"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := c.m.Encode()
			assert.Nil(t, out)
			var e *syncml.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, c.element, e.Element)
			assert.Contains(t, e.Rule, c.rule)
			assert.NotContains(t, err.Error(), secret)
		})
	}
}

// TestDeepest: what Encode lets pass, Decode reads.
func TestDeepest(t *testing.T) {
	deep := syncml.Replace(node1, "chr", "x")
	for range 10 {
		deep = syncml.Sequence(deep)
	}
	out, err := message(deep).Encode()
	require.NoError(t, err)
	_, err = syncml.Decode(out)
	require.NoError(t, err)
	_, err = message(syncml.Sequence(deep)).Encode()
	require.Error(t, err)
}

// TestJSON: commands are kept in JSON, and nothing of them is lost.
func TestJSON(t *testing.T) {
	for name, body := range samples(t) {
		m, err := syncml.Decode(body)
		require.NoError(t, err)
		text, err := json.Marshal(m.Commands)
		require.NoError(t, err)
		var again []syncml.Command
		require.NoError(t, json.Unmarshal(text, &again))
		assert.Equal(t, m.Commands, again, name)
	}
}

func TestCheckLocURI(t *testing.T) {
	for _, uri := range []string{
		"./DevInfo", "./Device/Vendor/MSFT/RemoteLock/Lock", "./Vendor/MSFT/WiFi/Profile/My%20Net/WlanXml", "./User/Vendor/MSFT/Firewall/{6F0A}/x",
		"./Device/Vendor/MSFT/Policy/Config/Contoso~Policy~C_x/A", "./A/%2F%2f", "./A/ü", "./A/..b/.c", "./SyncML/DMAcc/0x0000800cAB/AppAuth",
	} {
		require.NoError(t, syncml.CheckLocURI(uri), uri)
	}
	for name, uri := range map[string]string{
		"empty": "", "dot": ".", "only dot slash": "./", "absolute": "/DevInfo", "no dot": "DevInfo", "scheme": "https://x/", "parent": "./A/../B",
		"itself": "./A/./B", "encoded parent": "./A/%2e%2E/B", "empty segment": "./A//B", "slash at the end": "./A/", "wildcard": "./A/*", "encoded wildcard": "./A/%2a",
		"space before": " ./A", "space after": "./A ", "space within": "./A B", "no-break space": "./A\u00a0B", "newline": "./A\n", "control": "./A\x01", "query": "./A?list=Struct",
		"fragment": "./A#b", "backslash": `./A\B`, "quote": `./A"`, "markup": "./<a>", "half an encoding": "./A%4", "no encoding": "./A%zz",
		"encoded control": "./A%00", "encoded half": "./A%ff", "not UTF-8": "./A\xff", "long": "./" + strings.Repeat("a", 2047),
	} {
		t.Run(name, func(t *testing.T) {
			var e *syncml.Error
			require.ErrorAs(t, syncml.CheckLocURI(uri), &e)
			assert.Equal(t, "LocURI", e.Element)
		})
	}
}
