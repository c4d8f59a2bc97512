package windowstest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// edit replaces something in an answer, once.
func edit(from, to string) func(string) string {
	return func(m string) string {
		if !strings.Contains(m, from) {
			panic("the answer has no " + from)
		}
		return strings.Replace(m, from, to, 1)
	}
}

var lock = exec("9", remote+"Lock")

// Each answer breaks one rule. Without the edit, it breaks none.
func TestViolations(t *testing.T) {
	deep := strings.Repeat("<x>", 20) + strings.Repeat("</x>", 20)
	status1 := "<Status><CmdID>s2</CmdID><MsgRef>1</MsgRef><CmdRef>2</CmdRef><Cmd>Alert</Cmd><Data>200</Data></Status>"
	tests := map[string]struct {
		from, to, want string
	}{
		"version":              {"<VerDTD>1.2<", "<VerDTD>1.1<", "VerDTD must be 1.2"},
		"protocol":             {"DM/1.2", "DM/1.1", "VerProto must be DM/1.2"},
		"session":              {"<SessionID>1<", "<SessionID>2<", "SessionID must be that of the device's message"},
		"message number":       {"<MsgID>1<", "<MsgID>2<", "MsgID must be 1: the server counts its messages from 1"},
		"other device":         {"<Target><LocURI>", "<Target><LocURI>X", "Target/LocURI of SyncHdr must be the device's ID"},
		"no source":            {address + "</LocURI>", "</LocURI>", "Source/LocURI of SyncHdr must be the server"},
		"relative RespURI":     {"</SyncHdr>", "<RespURI>/x</RespURI></SyncHdr>", "RespURI must be an absolute URL"},
		"another root":         {"<SyncML xm", "<SyncML><x/></SyncML><SyncML xm", "the document must have one root element"},
		"namespace":            {"SYNCML:SYNCML1.2", "SYNCML:SYNCML1.1", "SyncML must be in the namespace SYNCML:SYNCML1.2"},
		"DOCTYPE":              {"<SyncML xm", "<!DOCTYPE x><SyncML xm", "DOCTYPE is not allowed"},
		"cut off":              {"</SyncML>", "", "no well-formed XML at byte"},
		"order":                {"<CmdID>h</CmdID><MsgRef>1</MsgRef>", "<MsgRef>1</MsgRef><CmdID>h</CmdID>", "CmdID comes too late in Status"},
		"unknown element":      {"<CmdID>9</CmdID>", "<CmdID>9</CmdID><NoResp>1</NoResp>", "Exec must not contain NoResp"},
		"twice":                {"<CmdID>9</CmdID>", "<CmdID>9</CmdID><CmdID>8</CmdID>", "CmdID comes twice in Exec"},
		"after Final":          {"<Final/>", "<Final/>" + del("8", "./x"), "Delete comes too late in SyncBody"},
		"MetInf":               {"</CmdID><Item>", "</CmdID><Meta><Format>null</Format></Meta><Item>", "Format must be in the namespace syncml:metinf"},
		"nesting":              {"<Final/>", deep + "<Final/>", "the document is nested too deeply"},
		"length":               {"<Final/>", strings.Repeat("<x/>", 30_000) + "<Final/>", "the document has too many elements"},
		"text beside elements": {"<Final/>", "text<Final/>", "SyncBody has text beside elements"},
		"header status late":   {"<Status><CmdID>h", status1 + "<Status><CmdID>h", "the status of SyncHdr must come first"},
		"no header status":     {"<CmdRef>0</CmdRef><Cmd>SyncHdr<", "<CmdRef>1</CmdRef><Cmd>Get<", "the status of SyncHdr must come first"},
		"status missing":       {status1, "", "there must be a status of Alert 2, in the order of the device's commands"},
		"status of another":    {"<CmdRef>2</CmdRef><Cmd>Alert<", "<CmdRef>2</CmdRef><Cmd>Replace<", "there must be a status of Alert 2"},
		"status too many":      {status1, status1 + strings.Replace(status1, "s2", "s2a", 1), "there must be a status of Alert 3"},
		"status of nothing":    {lock, strings.NewReplacer("s2", "x", ">2<", ">7<").Replace(status1), "a status must be of a command of the device's message"},
		"status of old message": {"<CmdID>s2</CmdID><MsgRef>1<", "<CmdID>s2</CmdID><MsgRef>0<",
			"MsgRef of a status must be the device's MsgID"},
		"no code":         {status1, strings.Replace(status1, ">200<", ">OK<", 1), "a status must have a code of three digits"},
		"CmdID twice":     {lock, lock + exec("9", remote+"Lock"), "CmdID of Exec must be unique in the message"},
		"CmdID 0":         {"<CmdID>9<", "<CmdID>0<", "CmdID of Exec must be there, and not 0"},
		"CmdID inside":    {lock, sequence("9", get("9", "./x")), "CmdID of Get must be unique in the message"},
		"empty Sequence":  {lock, sequence("9"), "Sequence must contain a command"},
		"two items":       {"</Item></Exec>", "</Item>" + item("./x", "", "") + "</Exec>", "Item comes twice in Exec"},
		"no item":         {lock, `<Get><CmdID>9</CmdID></Get>`, "Get must have an Item"},
		"white space":     {"RemoteLock/Lock<", "RemoteLock/Lock <", "the target of Exec must not contain white space"},
		"absolute target": {"<LocURI>./Device", "<LocURI>/Device", "the target of Exec must begin with ./"},
		"empty segment":   {"RemoteLock/Lock<", "RemoteLock//Lock<", "the target of Exec must have no empty segment"},
		"Results":         {lock, `<Results><CmdID>9</CmdID><CmdRef>4</CmdRef><Item/></Results>`, "a server sends no Results"},
		"no Final":        {"<Final/>", "", "a message with commands must have Final"},
		"nothing at all":  {lock + "<Final/>", "", "a message must have Final, unless it asks for the next one"},
		"next message":    {lock + "<Final/>", `<Alert><CmdID>n</CmdID><Data>1222</Data></Alert>`, "Alert 1222 answers a message without Final"},
		"command and abort": {"<Final/>", `<Alert><CmdID>n</CmdID><Data>1223</Data></Alert><Final/>`,
			"no command may come with an abort"},
		"212 for nothing": {"<Data>200<", "<Data>212<", "status 212 answers a digest, and there was none"},
		"bare challenge":  {"<Data>200<", "<Data>407<", "must be answered 401 or 407 where the header is, and only there"},
	}
	require.NoError(t, device(t, script(turn{body: lock}), windowstest.Config{PIN: "1"}).Sync(context.Background()))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			requireViolation(t, windowstest.Config{PIN: "1"}, 1, test.want, turn{body: lock, mangle: edit(test.from, test.to)})
		})
	}
}

// requireViolation runs a session in which the last turn breaks a rule, and sees that nothing of it was executed.
func requireViolation(t *testing.T, cfg windowstest.Config, message int, want string, turns ...turn) {
	t.Helper()
	d := device(t, script(turns...), cfg)
	var v *windowstest.Violation
	require.ErrorAs(t, d.Sync(context.Background()), &v)
	assert.Contains(t, v.Rule, want)
	assert.Equal(t, message, v.Message)
	assert.False(t, d.State().Locked)
}

func TestViolationsOfHTTP(t *testing.T) {
	small := windowstest.Config{PIN: "1", MaxMsgSize: 600}
	tests := map[string]struct {
		cfg  windowstest.Config
		turn turn
		want string
	}{
		"size":    {small, turn{body: lock}, "bytes, and MaxMsgSize is 600"},
		"length":  {windowstest.Config{}, turn{header: map[string]string{"Content-Length": ""}}, "Content-Length must be set"},
		"type":    {windowstest.Config{}, turn{header: map[string]string{"Content-Type": "text/xml"}}, "Content-Type must be application/vnd.syncml.dm+xml"},
		"charset": {windowstest.Config{}, turn{header: map[string]string{"Content-Type": "application/vnd.syncml.dm+xml; charset=utf-16"}}, "the charset must be UTF-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { requireViolation(t, test.cfg, 1, test.want, test.turn) })
	}
}

func TestViolationsOfAuthentication(t *testing.T) {
	challenge := turn{code: 407, nonce: nonce1}
	tests := map[string]struct {
		message int
		turns   []turn
		want    string
	}{
		"command before trust":   {1, []turn{{body: lock}}, "no command may come before the device's digest was asked for"},
		"command and challenge":  {1, []turn{{code: 407, nonce: nonce1, body: lock}}, "no command may come with a challenge"},
		"challenge without Chal": {1, []turn{{code: 407}}, "status 407 of SyncHdr must carry a Chal"},
		"short nonce":            {1, []turn{{code: 407, nonce: "Tm9uY2U="}}, "a NextNonce of at least 16 bytes"},
		"no next nonce":          {2, []turn{challenge, {code: 212}}, "must carry a Chal with the next nonce"},
		"basic": {1, []turn{{code: 407, nonce: nonce1, mangle: edit("syncml:auth-md5", "syncml:auth-basic")}},
			"Chal must be of type syncml:auth-md5"},
		"status beside a challenge": {1, []turn{{code: 407, nonce: nonce1, mangle: edit("<Cmd>Alert</Cmd><Data>407<", "<Cmd>Alert</Cmd><Data>200<")}},
			"must be answered 401 or 407 where the header is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := sampleConfig(windowstest.Phone)
			requireViolation(t, cfg, test.message, test.want, test.turns...)
		})
	}
}

// While the device owes statuses, only the next message may be asked for.
func TestViolationsOfPackages(t *testing.T) {
	next := turn{next: true}
	tests := map[string]struct {
		last turn
		want string
	}{
		"command too early": {turn{body: lock}, "no command may come while the device still owes statuses"},
		"taken as complete": {turn{}, "must be answered with Alert 1222 or 1223"},
		"1222 and Final":    {turn{next: true, mangle: edit("</SyncBody>", "<Final/></SyncBody>")}, "a message with Alert 1222 must not have Final"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := device(t, script(next, test.last), windowstest.Config{PIN: "1"})
			d.Script(windowstest.SplitPackages())
			var v *windowstest.Violation
			require.ErrorAs(t, d.Sync(context.Background()), &v)
			assert.Contains(t, v.Rule, test.want)
			assert.Equal(t, 2, v.Message)
		})
	}
}

// The server's messages keep counting, whatever the session is about.
func TestViolationOfCounting(t *testing.T) {
	requireViolation(t, windowstest.Config{}, 2, "MsgID must be 2", turn{body: lock}, turn{mangle: edit("<MsgID>2<", "<MsgID>1<")})
}
