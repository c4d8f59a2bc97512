package windowstest_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

const (
	address = "https://mdm.example.com/ManagementServer/MDM.svc"
	nonce1  = "AAECAwQFBgcICQoLDA0ODw=="
	nonce2  = "EBESExQVFhcYGRobHB0eHw=="
	remote  = "./Device/Vendor/MSFT/RemoteLock/"
)

// wire is a message of the device as a server sees it.
type wire struct {
	Session string `xml:"SyncHdr>SessionID"`
	MsgID   int    `xml:"SyncHdr>MsgID"`
	Target  string `xml:"SyncHdr>Target>LocURI"`
	Source  string `xml:"SyncHdr>Source>LocURI"`
	User    string `xml:"SyncHdr>Source>LocName"`
	Cred    string `xml:"SyncHdr>Cred>Data"`
	Body    struct {
		Commands []command `xml:",any"`
	} `xml:"SyncBody"`
	url  string
	body string
}

type command struct {
	XMLName   xml.Name
	CmdID     string
	MsgRef    string
	CmdRef    string
	Cmd       string
	TargetRef string
	Data      string
	Items     []struct {
		Source string `xml:"Source>LocURI"`
		Format string `xml:"Meta>Format"`
		Type   string `xml:"Meta>Type"`
		Data   string
	} `xml:"Item"`
}

func (m wire) final() bool { return strings.Contains(m.body, "<Final/>") }

// status is the code of a command of the server; empty: nothing was said.
func (m wire) status(ref string) string {
	for _, c := range m.Body.Commands {
		if c.XMLName.Local == "Status" && c.CmdRef == ref {
			return c.Data
		}
	}
	return ""
}

func (m wire) results(ref string) (out []string) {
	for _, c := range m.Body.Commands {
		if c.XMLName.Local == "Results" && c.CmdRef == ref {
			for _, i := range c.Items {
				out = append(out, i.Data)
			}
		}
	}
	return out
}

// turn is one answer of the server. The zero turn has statuses of 200 and Final, and ends a session.
type turn struct {
	code   int    // of the header; 200 when 0
	nonce  string // of a Chal
	body   string // commands
	next   bool   // Alert 1222 and no Final
	raw    string // a whole message instead; the statuses that it lacks are put in
	mangle func(string) string
	http   int // another HTTP status
	header map[string]string
}

// server is a scripted one: its turns come in order, and zero turns after them. A message that comes again gets the same answer.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	turns []turn
	seen  []wire
	last  string
	kept  string
}

func newServer(turns ...turn) *server {
	s := &server{turns: turns}
	s.Server = httptest.NewServer(s)
	return s
}

// script is a server within the process.
func script(turns ...turn) *server { return &server{turns: turns} }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	m := wire{url: r.URL.String(), body: string(body)}
	if err := xml.Unmarshal(body, &m); err != nil || r.Header.Get("Content-Type") != "application/vnd.syncml.dm+xml" {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	s.seen = append(s.seen, m)
	key := m.Session + " " + strconv.Itoa(m.MsgID)
	t := turn{}
	if key != s.last && len(s.turns) > 0 {
		t, s.turns = s.turns[0], s.turns[1:]
	}
	if t.http != 0 {
		w.Header().Set("Location", t.header["Location"])
		w.WriteHeader(t.http)
		return
	}
	if key != s.last {
		s.last, s.kept = key, t.answer(m)
	}
	w.Header().Set("Content-Type", "application/vnd.syncml.dm+xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(s.kept)))
	for k, v := range t.header {
		w.Header().Set(k, v)
		if v == "" {
			w.Header().Del(k)
		}
	}
	_, _ = io.WriteString(w, s.kept)
}

func (t turn) answer(m wire) string {
	if t.code == 0 {
		t.code = 200
	}
	out := complete(t.raw, m)
	if t.raw == "" {
		out = t.message(m)
	}
	if t.mangle != nil {
		out = t.mangle(out)
	}
	return out
}

func (t turn) message(m wire) string {
	chal := ""
	if t.nonce != "" {
		chal = chalOf(t.nonce)
	}
	code := 200
	if t.code == 401 || t.code == 407 {
		code = t.code
	}
	out := fmt.Sprintf(`<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD><VerProto>DM/1.2</VerProto><SessionID>%s</SessionID>`+
		`<MsgID>%d</MsgID><Target><LocURI>%s</LocURI></Target><Source><LocURI>%s</LocURI></Source></SyncHdr><SyncBody>`+
		`<Status><CmdID>h</CmdID><MsgRef>%d</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd>%s<Data>%d</Data></Status>`,
		m.Session, m.MsgID, m.Source, m.Target, m.MsgID, chal, t.code) + statuses(m, code) + t.body
	if t.next {
		return out + `<Alert><CmdID>n</CmdID><Data>1222</Data></Alert></SyncBody></SyncML>`
	}
	return out + `<Final/></SyncBody></SyncML>`
}

func chalOf(nonce string) string {
	return `<Chal><Meta><Format xmlns="syncml:metinf">b64</Format><Type xmlns="syncml:metinf">syncml:auth-md5</Type>` +
		`<NextNonce xmlns="syncml:metinf">` + nonce + `</NextNonce></Meta></Chal>`
}

// statuses are those of the device's Alerts and Replaces.
func statuses(m wire, code int) string {
	var b strings.Builder
	for _, c := range m.Body.Commands {
		if c.XMLName.Local == "Alert" || c.XMLName.Local == "Replace" {
			fmt.Fprintf(&b, `<Status><CmdID>s%s</CmdID><MsgRef>%d</MsgRef><CmdRef>%s</CmdRef><Cmd>%s</Cmd><Data>%d</Data></Status>`,
				c.CmdID, m.MsgID, c.CmdID, c.XMLName.Local, code)
		}
	}
	return b.String()
}

// complete puts into a sample what it leaves out: the statuses of the device's commands, and the nonce after a digest.
func complete(raw string, m wire) string {
	head, rest, _ := strings.Cut(raw, "</Status>")
	if m.Cred != "" && !strings.Contains(head, "<Chal>") {
		head = strings.Replace(head, "<Cmd>SyncHdr</Cmd>", "<Cmd>SyncHdr</Cmd>"+chalOf(nonce2), 1)
	}
	if !strings.Contains(rest, "<Cmd>") {
		rest = statuses(m, 200) + rest
	}
	return head + "</Status>" + rest
}

// RoundTrip makes the server the transport of a client.
func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	return rec.Result(), nil
}

func (s *server) messages() []wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire(nil), s.seen...)
}

// device makes a device that talks to the server.
func device(t *testing.T, s *server, cfg windowstest.Config) *windowstest.Device {
	t.Helper()
	d, err := windowstest.New(cfg)
	require.NoError(t, err)
	require.NoError(t, d.SetServer(address, &http.Client{Transport: s}))
	return d
}

// do has the device execute the commands of one message, and returns what it says of them.
func do(t *testing.T, cfg windowstest.Config, commands ...string) (*windowstest.Device, wire) {
	t.Helper()
	s := script(turn{body: strings.Join(commands, "")})
	d := device(t, s, cfg)
	require.NoError(t, d.Sync(context.Background()))
	return d, s.messages()[1]
}

func exec(id, uri string) string {
	return fmt.Sprintf(`<Exec><CmdID>%s</CmdID>%s</Exec>`, id, item(uri, "", ""))
}
func get(id, uri string) string {
	return fmt.Sprintf(`<Get><CmdID>%s</CmdID>%s</Get>`, id, item(uri, "", ""))
}
func del(id, uri string) string {
	return fmt.Sprintf(`<Delete><CmdID>%s</CmdID>%s</Delete>`, id, item(uri, "", ""))
}
func set(verb, id, uri, format, data string) string {
	return fmt.Sprintf(`<%s><CmdID>%s</CmdID>%s</%s>`, verb, id, item(uri, format, data), verb)
}
func replace(id, uri, data string) string { return set("Replace", id, uri, "chr", data) }
func sequence(id string, commands ...string) string {
	return fmt.Sprintf(`<Sequence><CmdID>%s</CmdID>%s</Sequence>`, id, strings.Join(commands, ""))
}
func atomic(id string, commands ...string) string {
	return fmt.Sprintf(`<Atomic><CmdID>%s</CmdID>%s</Atomic>`, id, strings.Join(commands, ""))
}

func item(uri, format, data string) string {
	out := `<Item><Target><LocURI>` + uri + `</LocURI></Target>`
	if format != "" {
		out += `<Meta><Format xmlns="syncml:metinf">` + format + `</Format></Meta><Data>` + data + `</Data>`
	}
	return out + `</Item>`
}

// resetSequence asks for a new PIN and reads it.
var resetSequence = turn{body: sequence("5", exec("6", remote+"LockAndResetPIN"), get("7", remote+"NewPINValue"))}
