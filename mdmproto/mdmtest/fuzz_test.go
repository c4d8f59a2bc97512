package mdmtest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func FuzzCommand(f *testing.F) {
	f.Add([]byte(`<plist><dict><key>CommandUUID</key><string>1</string><key>Command</key><dict><key>RequestType</key>` +
		`<string>DeviceLock</string><key>PIN</key><string>024680</string></dict></dict></plist>`))
	f.Add([]byte(`<plist><dict><key>Command</key><array/></dict></plist>`))
	f.Add([]byte(`<plist><dict><key>CommandUUID</key><integer>99999999999999999999</integer></dict></plist>`))
	f.Add([]byte("bplist00"))
	f.Add([]byte(strings.Repeat("<array>", 1000)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		o, err := m.receive(data, false)
		if err != nil {
			return
		}
		status, keys := m.execute(o)
		if _, err := m.result(o, channel{}, status, keys); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzProfile(f *testing.F) {
	f.Add([]byte(`<plist><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mdm</string>` +
		`<key>Topic</key><string>t</string><key>ServerURL</key><string>u</string><key>SignMessage</key><true/>` +
		`<key>AccessRights</key><integer>4</integer><key>IdentityCertificateUUID</key><string>i</string></dict>` +
		`<dict><key>PayloadType</key><string>com.apple.security.scep</string><key>PayloadUUID</key><string>i</string>` +
		`<key>PayloadContent</key><dict><key>URL</key><string>s</string></dict></dict></array></dict></plist>`))
	f.Add([]byte(`<plist><dict><key>PayloadContent</key><data>AA==</data></dict></plist>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := parseProfile(data)
		if err == nil && (p.topic == "" || p.serverURL == "" || p.rights == 0) {
			t.Fatal("an incomplete profile was accepted")
		}
	})
}

func TestDecodeIsBounded(t *testing.T) {
	tests := map[string]string{
		"depth":    strings.Repeat("<array>", maxDepth+1) + strings.Repeat("</array>", maxDepth+1),
		"elements": "<array>" + strings.Repeat("<true/>", maxElements) + "</array>",
		"length":   "<dict/>" + strings.Repeat(" ", maxBody),
		"binary":   "bplist00\x00",
		"entities": `<!DOCTYPE plist [<!ENTITY a "b">]><plist><dict/></plist>`,
	}
	require.NoError(t, inspect([]byte(`<!DOCTYPE plist><plist><dict/></plist>`)))
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Error(t, inspect([]byte(data)))
		})
	}
}
