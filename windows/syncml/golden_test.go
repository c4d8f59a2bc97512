package syncml_test

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/windows/syncml"
)

// samples are the messages of whole sessions: the name is the exchange, the side and its MsgID, and the variant.
func samples(tb testing.TB) map[string][]byte {
	tb.Helper()
	files, err := filepath.Glob("testdata/facts/*.xml")
	require.NoError(tb, err)
	all := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(tb, err)
		all[strings.TrimSuffix(filepath.Base(file), ".xml")] = body
	}
	require.Len(tb, all, 33)
	return all
}

// TestSamples: nothing is lost or added on the way through a Message.
func TestSamples(t *testing.T) {
	for name, body := range samples(t) {
		t.Run(name, func(t *testing.T) {
			m, err := syncml.Decode(body)
			require.NoError(t, err)
			out, err := m.Encode()
			require.NoError(t, err)
			assert.Equal(t, tree(t, body), tree(t, out))

			again, err := syncml.Decode(out)
			require.NoError(t, err)
			assert.Equal(t, m, again)
			assert.NotContains(t, string(out), "> <")
			assert.NotContains(t, string(out), "\n")
		})
	}
}

// node is an element as a generic reader sees it.
type node struct {
	Name     xml.Name
	Attrs    []xml.Attr
	Text     string
	Children []*node
}

func tree(t *testing.T, body []byte) *node {
	t.Helper()
	d, root := xml.NewDecoder(bytes.NewReader(body)), &node{}
	open := []*node{root}
	for {
		token, err := d.Token()
		if err != nil {
			return root
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &node{Name: token.Name}
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					n.Attrs = append(n.Attrs, a)
				}
			}
			top.Children, open = append(top.Children, n), append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.Text += strings.TrimSpace(string(token))
		}
	}
}

// TestMessage shows one message in full.
func TestMessage(t *testing.T) {
	m, err := syncml.Decode(samples(t)["4.2-c3-absent"])
	require.NoError(t, err)
	assert.Equal(t, &syncml.Message{
		Header: syncml.Header{
			SessionID: "D", MsgID: "3", Target: syncml.Location{URI: "https://mdm.example.com/ManagementServer/MDM.svc"},
			Source: syncml.Location{URI: "6F0A1B2C3D4E5F60718293A4B5C6D7E8"},
		},
		Commands: []syncml.Command{
			{Verb: syncml.VerbStatus, ID: "1", MsgRef: "2", CmdRef: "0", Cmd: "SyncHdr", Data: "200"},
			{Verb: syncml.VerbStatus, ID: "2", MsgRef: "2", CmdRef: "5", Cmd: "Exec", Data: "404", OriginalError: "0x86000002"},
		},
		Final: true,
	}, m)
}

// TestDigest: v1 is printed in the OMA specification.
func TestDigest(t *testing.T) {
	counting := func(from byte) (nonce []byte) {
		for i := range byte(16) {
			nonce = append(nonce, from+i)
		}
		return nonce
	}
	for name, c := range map[string]struct {
		user, password string
		nonce          []byte
		inner, digest  string
	}{
		"v1": {"Bruce2", "OhBehave", []byte("Nonce"), "PtEdr8lBQ45IbT1bZIkrOQ==", "Zz6EivR3yeaaENcRN6lpAQ=="},
		"v2": {"device-0001", "s3cret-0001", counting(0), "fS5X6CpR7OOIyOA+f/mC0w==", "BKpNNns834duzUIvmagzbQ=="},
		"v3": {"device-0001", "s3cret-0001", counting(0x10), "fS5X6CpR7OOIyOA+f/mC0w==", "p4sVvx4fkDun3LxmOEsh7g=="},
		"v4": {"device-0001", "wrong", counting(0), "", "+SWyXv7LZodBauPVATy1AA=="},
	} {
		t.Run(name, func(t *testing.T) {
			inner := syncml.Inner(c.user, c.password)
			if c.inner != "" {
				assert.Equal(t, c.inner, inner)
			}
			assert.Equal(t, c.digest, syncml.Digest(inner, c.nonce))
		})
	}
}
