package syncml_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// FuzzDecode: nothing makes Decode panic, and what decodes and can be encoded decodes to the same again.
func FuzzDecode(f *testing.F) {
	for _, body := range samples(f) {
		f.Add(body)
	}
	for _, commands := range []string{
		alert, `<Map><CmdID>2</CmdID></Map>`, `<Add><CmdID>1</CmdID><Item><Meta><Format>xml</Format></Meta><Data><a/>&#13;</Data><MoreData/></Item></Add>`,
		`<Status><CmdID>1</CmdID><Data msft:originalerror="&#xA;">1</Data></Status><Final/>`, `<Atomic><CmdID>1</CmdID><Meta/>` + alert + `</Atomic>`,
	} {
		f.Add([]byte(document(commands)))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := syncml.Decode(body)
		if err != nil {
			return
		}
		out, err := m.Encode()
		if err != nil {
			return // two commands with one ID, an address that is none: nothing that this side would send
		}
		again, err := syncml.Decode(out)
		if len(out) > syncml.MaxBody {
			return // escaped, it may be longer
		}
		require.NoError(t, err)
		assert.Equal(t, m, again)
	})
}

func BenchmarkDecode(b *testing.B) {
	body := samples(b)["4.3-c3"]
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := syncml.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	m, err := syncml.Decode(samples(b)["4.3-s2"])
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Encode(); err != nil {
			b.Fatal(err)
		}
	}
}
