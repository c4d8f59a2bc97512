package windowstest_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/windowstest"
)

// sample reads one message of the collection of documented exchanges.
func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "syncml", "testdata", "facts", name+".xml"))
	require.NoError(t, err)
	return string(b)
}

// canon is a document without what makes no difference: white space between elements, and declarations of namespaces.
func canon(t *testing.T, doc string) string {
	t.Helper()
	var b strings.Builder
	dec := xml.NewDecoder(strings.NewReader(doc))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		require.NoError(t, err)
		b.WriteString(line(tok))
	}
}

func line(tok xml.Token) string {
	switch e := tok.(type) {
	case xml.StartElement:
		out := "\n" + e.Name.Space + " " + e.Name.Local
		for _, a := range e.Attr {
			if a.Name.Local != "xmlns" && a.Name.Space != "xmlns" {
				out += " " + a.Name.Local + "=" + a.Value
			}
		}
		return out
	case xml.EndElement:
		return "\n/" + e.Name.Local
	case xml.CharData:
		if text := strings.TrimSpace(string(e)); text != "" {
			return " = " + text
		}
	}
	return ""
}

func sampleConfig(class windowstest.Class) windowstest.Config {
	return windowstest.Config{
		ID: "6F0A1B2C3D4E5F60718293A4B5C6D7E8", Class: class, Manufacturer: "VMware, Inc.", Model: "VMware7,1", SignedIn: "hedy",
		PIN: "1234", User: "device-0001", Secret: "s3cret-0001", MaxMsgSize: 524288, Build: "10.0.22631.4460", Edition: 48,
		ChannelURI: "https://db5p.notify.windows.com/?token=AwYAAAB%2b",
	}
}

// until runs sessions that ask for nothing, so that the next one is number n.
func until(t *testing.T, d *windowstest.Device, s *server, n int) {
	t.Helper()
	idle := turn{}
	if d.Config().Nonce != nil {
		idle = turn{code: 212, nonce: nonce1}
	}
	for range n - 1 {
		s.turns = []turn{idle}
		require.NoError(t, d.Sync(context.Background()))
	}
	s.turns, s.seen = nil, nil
}

// The device's side of the documented exchanges, given the server's.
func TestSamples(t *testing.T) {
	const denyLogOn = "./Device/Vendor/MSFT/Policy/Config/UserRights/DenyLocalLogOn"
	hex := func(c *windowstest.Config) { c.SyncVersion3 = true }
	noPIN := func(c *windowstest.Config) { c.PIN, c.SyncVersion3 = "", true }
	digest := func(c *windowstest.Config) { c.Nonce = []byte("0123456789abcdef") }
	tests := map[string]struct {
		class   windowstest.Class
		edit    func(*windowstest.Config)
		number  int // of the session
		faults  []windowstest.Fault
		answers []string       // after a challenge, where the device has no nonce
		want    map[int]string // index of the message: sample
		err     error
	}{
		"digest":             {windowstest.Phone, hex, 13, nil, []string{"4.1-s2"}, map[int]string{0: "4.1-c1", 1: "4.1-c2"}, nil},
		"lock":               {windowstest.Phone, hex, 13, nil, []string{"4.2-s2", "4.2-s3"}, map[int]string{2: "4.2-c3-ok"}, nil},
		"lock without a PIN": {windowstest.HoloLens, noPIN, 13, nil, []string{"4.2-s2", "4.2-s3"}, map[int]string{2: "4.2-c3-nopin"}, nil},
		"lock of a desktop":  {windowstest.Desktop, hex, 13, nil, []string{"4.2-s2", "4.2-s3"}, map[int]string{2: "4.2-c3-absent"}, nil},
		"reset":              {windowstest.Phone, hex, 13, nil, []string{"4.3-s2", "4.2-s3"}, map[int]string{2: "4.3-c3"}, nil},
		"reset that fails": {
			windowstest.Phone, hex, 13, []windowstest.Fault{windowstest.Refuse(remote+"LockAndResetPIN", 500)},
			[]string{"4.3-s2", "4.2-s3"}, map[int]string{2: "4.3-c3-failed"}, nil,
		},
		"LAPS":      {windowstest.Desktop, hex, 14, nil, []string{"4.4-s2", "4.4-s3"}, map[int]string{2: "4.4-c3", 3: "4.4-c4"}, nil},
		"BitLocker": {windowstest.Desktop, hex, 15, nil, []string{"4.5-s2"}, map[int]string{2: "4.5-c3"}, nil},
		"push":      {windowstest.Desktop, digest, 11, nil, []string{"4.6-s1"}, map[int]string{1: "4.6-c2"}, nil},
		"abort": {
			windowstest.Phone, nil, 13, []windowstest.Fault{windowstest.Abort(3)},
			[]string{"4.2-s2", "4.8-s3"}, map[int]string{2: "4.8-c3"}, windowstest.ErrAborted,
		},
		"Atomic that fails": {
			windowstest.Desktop, nil, 14, []windowstest.Fault{windowstest.RefuseAtomic(denyLogOn, 405)},
			[]string{"4.9-s2"}, map[int]string{2: "4.9-c3"}, nil,
		},
		"probe": {windowstest.Desktop, nil, 15, nil, []string{"4.10-s2"}, map[int]string{2: "4.10-c3"}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := sampleConfig(test.class)
			if test.edit != nil {
				test.edit(&cfg)
			}
			s := script()
			d := device(t, s, cfg)
			until(t, d, s, test.number)
			s.turns = samples(t, test.answers, test.number, cfg)
			d.Script(test.faults...)
			require.ErrorIs(t, d.Sync(context.Background()), test.err)
			got := s.messages()
			for i, want := range test.want {
				require.Greater(t, len(got), i)
				text := strings.ReplaceAll(sample(t, want), "483920", d.State().PIN)
				assert.Equal(t, canon(t, text), canon(t, got[i].body), want)
			}
		})
	}
}

// samples are the server's turns, after a challenge where the device has no nonce.
func samples(t *testing.T, names []string, number int, cfg windowstest.Config) []turn {
	t.Helper()
	var turns []turn
	if cfg.Nonce == nil {
		turns = append(turns, turn{code: 407, nonce: nonce1})
	}
	for _, name := range names {
		turns = append(turns, turn{raw: inSession(sample(t, name), number, cfg)})
	}
	return turns
}

// inSession puts a sample of another session into this one.
func inSession(raw string, number int, cfg windowstest.Config) string {
	id := strconv.Itoa(number)
	if cfg.SyncVersion3 {
		id = fmt.Sprintf("%X", number)
	}
	_, rest, _ := strings.Cut(raw, "</SessionID>")
	head, _, _ := strings.Cut(raw, "<SessionID>")
	return head + "<SessionID>" + id + "</SessionID>" + rest
}

// Two nodes in one Get, and the request that a rotation belongs to.
func TestSampleRotationStatus(t *testing.T) {
	cfg := sampleConfig(windowstest.Desktop)
	cfg.SyncVersion3, cfg.Nonce = true, []byte("0123456789abcdef")
	s := script()
	d := device(t, s, cfg)
	until(t, d, s, 15)
	query := get("9", "./Device/Vendor/MSFT/BitLocker/Status/RotateRecoveryPasswordsStatus")
	s.turns = []turn{{raw: strings.ReplaceAll(strings.ReplaceAll(sample(t, "4.5-s2"), ">2</MsgRef>", ">1</MsgRef>"), "<MsgID>2<", "<MsgID>1<")}, {body: query}}
	require.NoError(t, d.Sync(context.Background()))
	require.Equal(t, []string{"1"}, s.messages()[2].results("9"), "pending for one reading")

	s.turns, s.seen = []turn{{raw: sample(t, "4.5-s1")}}, nil
	require.NoError(t, d.Sync(context.Background()))
	require.Equal(t, canon(t, sample(t, "4.5-c2")), canon(t, s.messages()[1].body))
}

// A package in two messages. In the sample the package before it took two messages; here it takes three.
func TestSampleSplitPackage(t *testing.T) {
	cfg := sampleConfig(windowstest.Desktop)
	cfg.User, cfg.Secret = "", ""
	s := script()
	d := device(t, s, cfg)
	until(t, d, s, 12)
	later := strings.NewReplacer("<MsgID>3<", "<MsgID>4<", "<MsgID>4<", "<MsgID>5<", "<MsgRef>2<", "<MsgRef>3<", "<MsgRef>3<", "<MsgRef>4<").Replace
	s.turns = []turn{
		{next: true}, {next: true},
		{body: get("5", "./DevDetail/SwV") + get("6", "./DevDetail/DevTyp")},
		{raw: later(sample(t, "4.7-s3"))},
	}
	d.Script(windowstest.SplitPackages())
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	require.Len(t, got, 5)
	assert.Equal(t, canon(t, later(sample(t, "4.7-c3"))), canon(t, got[3].body))
	assert.Equal(t, canon(t, later(sample(t, "4.7-c4"))), canon(t, got[4].body))
}

// Somebody disconnects the account: the alert is the sample's.
func TestSampleDisconnect(t *testing.T) {
	s := script()
	d := device(t, s, sampleConfig(windowstest.Desktop))
	d.Disconnect()
	require.NoError(t, d.Sync(context.Background()))
	alert := func(doc string) string {
		_, rest, ok := strings.Cut(canon(t, doc), "Data = 1226")
		require.True(t, ok)
		out, _, _ := strings.Cut(rest, "/Alert")
		return out
	}
	assert.Equal(t, alert(sample(t, "4.11-c1")), alert(s.messages()[0].body))
}

// A new name and secret hold from the session after the one that set them.
func TestSampleReKey(t *testing.T) {
	cfg := sampleConfig(windowstest.Desktop)
	cfg.ProviderID = "Fleet"
	s := script()
	d := device(t, s, cfg)
	until(t, d, s, 17)
	s.turns = []turn{{code: 407, nonce: nonce1}, {raw: sample(t, "4.12-s2"), mangle: func(m string) string {
		return strings.Replace(m, "<Data>200</Data>", "<Data>212</Data>", 1)
	}}, {}, {code: 212, nonce: nonce1}}
	require.NoError(t, d.Sync(context.Background()))
	require.NoError(t, d.Sync(context.Background()))
	got := s.messages()
	assert.Equal(t, "200", got[2].status("2"))
	assert.Equal(t, "200", got[2].status("3"))
	assert.Equal(t, digestOf("device-0001", "new-secret-0002", nonce2), got[3].Cred)
}
