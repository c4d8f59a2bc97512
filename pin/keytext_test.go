package pin_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// encoded is a key of 32 equal bytes as the file has it.
func encoded(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

// read are the two ways to a keyring's text.
var read = map[string]func(*testing.T, string) (*pin.Keyring, error){
	"load":  load,
	"parse": func(_ *testing.T, text string) (*pin.Keyring, error) { return pin.ParseKeyring(text) },
}

func load(t *testing.T, text string) (*pin.Keyring, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return pin.LoadKeyring(path)
}

func TestReadKeyring(t *testing.T) {
	active, retired := "active k2 "+encoded(2), "retired k1 "+encoded(1)
	cases := map[string]string{
		"as documented":      "latchkey-keyring 1\n" + active + "\n" + retired + "\n",
		"active last":        "latchkey-keyring 1\n" + retired + "\n" + active + "\n",
		"comments and blank": "# ours\n\nlatchkey-keyring 1\n  # the new one\n" + active + "\n\n" + retired + "\n#",
		"no line feed":       "latchkey-keyring 1\n" + active + "\n" + retired,
		"CRLF and tabs":      "latchkey-keyring 1\r\n" + strings.ReplaceAll(active, " ", "\t \t") + "\r\n" + retired + "\r\n",
		"one line":           "latchkey-keyring 1;" + active + ";" + retired,
		"one line, loosely":  " latchkey-keyring 1 ; " + active + " ;; " + retired + "; # nothing more; active k3",
		"comment of a line":  "# one; two\nlatchkey-keyring 1;" + active + "; # old:; retired\n" + retired,
	}
	for name, text := range cases {
		for how, read := range read {
			t.Run(how+" "+name, func(t *testing.T) {
				k, err := read(t, text)
				require.NoError(t, err)
				require.Equal(t, []string{"k2", "k1"}, k.KeyIDs())
				opens(t, k, key(t, "k1", 1), key(t, "k2", 2))
			})
		}
	}
}

// opens wants a keyring to open what each of the keys sealed.
func opens(t *testing.T, k *pin.Keyring, keys ...pin.Key) {
	t.Helper()
	for _, key := range keys {
		got, err := k.Open(t.Context(), seal(t, ring(t, key), parse(t, digits)), binding)
		require.NoError(t, err, key.ID)
		require.Equal(t, digits, got.Expose())
	}
}

func TestReadKeyringRefuses(t *testing.T) {
	const head = "latchkey-keyring 1\n"
	good := encoded(0x5a)
	cases := map[string]struct{ text, says string }{
		"empty":             {"", "must begin with the line \"latchkey-keyring 1\""},
		"comments alone":    {"# nothing\n", "must begin with the line"},
		"no first line":     {"\nactive k1 " + good, "line 2 must be \"latchkey-keyring 1\""},
		"later version":     {"latchkey-keyring 2\nactive k1 " + good, "line 1"},
		"no key":            {head, "no active key: call the key"},
		"retired alone":     {head + "retired k1 " + good, "no active key"},
		"two active":        {head + "active k1 " + good + "\n#\nactive k2 " + good, "line 4 is a second active key"},
		"ID twice":          {head + "active k1 " + good + "\nretired k1 " + encoded(1), "key k1 occurs twice"},
		"unknown word":      {head + "older k1 " + good, "line 2 must be"},
		"no ID":             {head + "active " + good, "line 2 must be"},
		"a field too many":  {head + "active k1 " + good + " # comment", "line 2 must be"},
		"ID and key change": {head + "active " + good + " k1", "line 2 has a malformed key ID"},
		"not base64":        {head + "active k1 " + good[:43] + "!", "line 2 has a key"},
		"no padding":        {head + "active k1 " + good[:43], "line 2 has a key"},
		"31 bytes":          {head + "active k1 " + base64.StdEncoding.EncodeToString(make([]byte, 31)), "line 2 has a key"},
		"33 bytes":          {head + "active k1 " + base64.StdEncoding.EncodeToString(make([]byte, 33)), "line 2 has a key"},
		"loose last bits":   {head + "active k1 " + good[:42] + "p=", "line 2 has a key"},
		"hexadecimal":       {head + "active k1 " + strings.Repeat("5a", 32), "line 2 has a key"},
		"URL alphabet":      {head + "active k1 " + strings.Repeat("_", 42) + "8=", "line 2 has a key"},
		"second entry":      {"latchkey-keyring 1; # a; b\nactive k1 " + good[:42], "line 3 has a key"},
		"too large":         {head + "active k1 " + good + strings.Repeat("\n", 64<<10), "larger than 64 KiB"},
	}
	for name, c := range cases {
		for how, read := range read {
			t.Run(how+" "+name, func(t *testing.T) {
				k, err := read(t, c.text)
				require.ErrorAs(t, err, new(*pin.Error))
				assert.Nil(t, k)
				assert.Contains(t, err.Error(), c.says)
				assert.Contains(t, err.Error(), "keyring", "the file is named")
				assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), good[:8], "no part of the key")
			})
		}
	}
}
