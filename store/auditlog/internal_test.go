package auditlog

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/latchkey-mdm/latchkey/lock"
)

func FuzzDecodeLine(f *testing.F) {
	for _, seed := range []string{
		`{"position":0,"prev":"AAAA","hash":"BBBB","event":{"type":"denied"}}`,
		`{"position":7,"prev":"AAAA","hash":"BBBB","body":"eHg="}`,
		`{"checkpoint":"origin\n1\nAAAA\n\n— origin BBBB\n"}`,
		`{"position":0,"prev":"AAAA","hash":"BBBB","event":{},"body":"eHg="}`,
		`{"position":0,"prev":"","hash":"","event":null}`,
		`{"checkpoint":"x","position":0}`,
		`{"position":1e3}`,
		`{} {}`,
		`[[[[[[`,
		`{"Checkpoint":"x"}`,
		`{"checkpoint":"x","checkpoint":"y"}`,
		`{"note":"eHg="}`,
		`{"note":""}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := decodeLine(data)
		if err != nil {
			return
		}
		assert.NotEqual(t, l.Note == nil, l.Position == nil, "an event or a checkpoint")
		assert.LessOrEqual(t, len(l.Body), maxBody)
		// What is written again is the same bytes.
		var out bytes.Buffer
		e := exporter{w: newWriter(&out)}
		if l.Position == nil {
			e.note(l.Note)
		} else {
			e.event(entry{*l.Position, l.Prev, l.Hash, l.Body})
		}
		require.NoError(t, e.end())
		assert.Equal(t, string(data)+"\n", out.String())
	})
}

// What is read in the first place must not differ from what the event says.
func FuzzIdentify(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","action":"b","seq":3,"type":"issued","time":"2026-03-14T09:26:53Z","scope":"acme"}`,
		`{"id":"a","type":"denied","time":"2026-03-14T09:26:53Z","scope":"acme"}`,
		`{"action":"b","seq":1}`,
		`{"id":"a\"b","action":"b","seq":3,"type":"issued"}`,
		`{"id":"a","action":"b","seq":0,"type":"issued"}`,
		`{"id":"a","action":"b","seq":-1,"type":"issued"}`,
		`{"id":"a","action":"b","seq":99999999999999999999,"type":"issued"}`,
		`x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		action, seq, err := identify(body)
		var e struct {
			Action lock.ID `json:"action"`
			Seq    int     `json:"seq"`
		}
		if json.Unmarshal(body, &e) != nil || repeated(body) {
			return
		}
		require.NoError(t, err)
		assert.Equal(t, e.Action, action)
		assert.Equal(t, e.Seq, seq)
	})
}

// repeated reports whether an object may name a field twice: then the first is read in one way, and the last in the other.
func repeated(body []byte) bool {
	lower := bytes.ToLower(body)
	return bytes.Count(lower, []byte(`"`)) > 0 && (bytes.Count(lower, []byte(`action`)) > 1 || bytes.Count(lower, []byte(`seq`)) > 1 ||
		bytes.ContainsRune(body, '\\') || bytes.ContainsRune(body, '\u017f'))
}

func FuzzCheckpoint(f *testing.F) {
	_, vkey, err := NewKey("ledger.example.org/test")
	if err != nil {
		f.Fatal(err)
	}
	v, err := newVerifier(vkey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("ledger.example.org/test\n1\nAAAA\n\n— ledger.example.org/test BBBB\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		_, err := v.open(signed)
		assert.ErrorIs(t, err, errCheckpoint, "nobody has signed anything")
	})
}

func FuzzExport(f *testing.F) {
	_, vkey, err := NewKey("ledger.example.org/test")
	if err != nil {
		f.Fatal(err)
	}
	head := `{"format":"latchkey audit export","version":1,"origin":"ledger.example.org/test","size":1}` + "\n"
	f.Add([]byte(head))
	f.Add([]byte(head + `{"position":0,"prev":"","hash":"","event":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := VerifyExport(context.Background(), bytes.NewReader(data), Trust{Key: vkey})
		assert.Error(t, err, "nobody has signed anything")
	})
}

// The hash is over both together: where one ends must be known.
func TestIntact(t *testing.T) {
	e := lock.Event{ID: "a", Type: lock.EventDenied}
	require.NoError(t, e.Seal(nil))
	h := newHasher()
	assert.True(t, h.intact(entry{0, e.Prev, e.Hash, e.Body}))
	assert.False(t, h.intact(entry{0, append(e.Prev, e.Body[0]), e.Hash, e.Body[1:]}))
}

func TestDecodeLineDepth(t *testing.T) {
	nested := func(n int) []byte {
		return []byte(`{"position":0,"prev":"","hash":"","event":` + strings.Repeat(`{"a":`, n) + "0" + strings.Repeat("}", n) + "}")
	}
	_, err := decodeLine(nested(maxDepth - 1))
	require.NoError(t, err)
	_, err = decodeLine(nested(maxDepth))
	assert.ErrorContains(t, err, "nested")
}

func TestCheckpointForm(t *testing.T) {
	skey, vkey, err := NewKey("ledger.example.org/test")
	require.NoError(t, err)
	signer, err := newSigner(skey)
	require.NoError(t, err)
	v, err := newVerifier(vkey)
	require.NoError(t, err)
	const origin, root = "ledger.example.org/test\n", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"as it should be", origin + "7\n" + root, true},
		{"with a line more", origin + "7\n" + root + "more\n", true},
		{"another origin", "elsewhere\n7\n" + root, false},
		{"leading zero", origin + "07\n" + root, false},
		{"sign", origin + "+7\n" + root, false},
		{"negative", origin + "-7\n" + root, false},
		{"nothing", origin + "0\n" + root, false},
		{"too large", origin + "9223372036854775808\n" + root, false},
		{"short root", origin + "7\nAAAA\n", false},
		{"long root", origin + "7\nAAAA" + root, false},
		{"loose base64", origin + "7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", false},
		{"no root", origin + "7\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			signed, err := note.Sign(&note.Note{Text: c.text}, signer)
			require.NoError(t, err)
			found, err := v.open(signed)
			if !c.ok {
				require.ErrorIs(t, err, errCheckpoint)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, checkpoint{size: 7, note: signed}, found)
		})
	}
}
