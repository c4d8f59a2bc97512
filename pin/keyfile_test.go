package pin_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func TestCreateKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring")
	created, err := pin.CreateKeyring(path)
	require.NoError(t, err)
	require.Len(t, created.KeyIDs(), 1)

	loaded, err := pin.LoadKeyring(path)
	require.NoError(t, err)
	assert.Equal(t, created.KeyIDs(), loaded.KeyIDs())
	got, err := loaded.Open(t.Context(), seal(t, created, parse(t, digits)), binding)
	require.NoError(t, err)
	assert.Equal(t, digits, got.Expose())

	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing but the keyring is left")
	if runtime.GOOS != "windows" {
		stat, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), stat.Mode())
	}
}

func TestCreateKeyringMakesANewKeyEachTime(t *testing.T) {
	var made [2][]string
	for i := range made {
		path := filepath.Join(t.TempDir(), "keyring")
		_, err := pin.CreateKeyring(path)
		require.NoError(t, err)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		_, line, _ := strings.Cut(string(text), "\nactive ")
		made[i] = strings.Fields(line)
		require.Len(t, made[i], 2)
	}
	assert.NotEqual(t, made[0][0], made[1][0], "the ID")
	assert.NotEqual(t, made[0][1], made[1][1], "the key")
}

func TestCreateKeyringNeverOverwrites(t *testing.T) {
	for name, content := range map[string]string{"a keyring": "anything", "an empty file": ""} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyring")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			_, err := pin.CreateKeyring(path)
			require.ErrorIs(t, err, fs.ErrExist)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, content, string(after))
			entries, err := os.ReadDir(filepath.Dir(path))
			require.NoError(t, err)
			assert.Len(t, entries, 1, "the temporary file is gone")
		})
	}
	_, err := pin.CreateKeyring(filepath.Join(t.TempDir(), "no folder", "keyring"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestCreateKeyringHasOneWinner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyring")
	rings := make([]*pin.Keyring, 8)
	var racers sync.WaitGroup
	for i := range rings {
		racers.Go(func() {
			if k, err := pin.CreateKeyring(path); err == nil {
				rings[i] = k
			}
		})
	}
	racers.Wait()
	loaded, err := pin.LoadKeyring(path)
	require.NoError(t, err)
	var winners [][]string
	for _, k := range rings {
		if k != nil {
			winners = append(winners, k.KeyIDs())
		}
	}
	assert.Equal(t, [][]string{loaded.KeyIDs()}, winners)
}

// encoded is a key of 32 equal bytes as the file has it.
func encoded(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 32))
}

func load(t *testing.T, text string) (*pin.Keyring, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keyring")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return pin.LoadKeyring(path)
}

func TestLoadKeyring(t *testing.T) {
	active, older := "active k2 "+encoded(2), "older k1 "+encoded(1)
	cases := map[string]string{
		"as documented":      "latchkey-keyring 1\n" + active + "\n" + older + "\n",
		"active last":        "latchkey-keyring 1\n" + older + "\n" + active + "\n",
		"comments and blank": "# ours\n\nlatchkey-keyring 1\n  # the new one\n" + active + "\n\n" + older + "\n#",
		"no line feed":       "latchkey-keyring 1\n" + active + "\n" + older,
		"CRLF and tabs":      "latchkey-keyring 1\r\n" + strings.ReplaceAll(active, " ", "\t \t") + "\r\n" + older + "\r\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := load(t, text)
			require.NoError(t, err)
			require.Equal(t, []string{"k2", "k1"}, k.KeyIDs())
			for id, fill := range map[string]byte{"k1": 1, "k2": 2} {
				box := seal(t, ring(t, key(t, id, fill)), parse(t, digits))
				_, err := k.Open(t.Context(), box, binding)
				require.NoError(t, err)
			}
		})
	}
}

func TestLoadKeyringRefuses(t *testing.T) {
	const head = "latchkey-keyring 1\n"
	good := encoded(0x5a)
	cases := map[string]struct{ text, says string }{
		"empty":             {"", "no active key"},
		"comments alone":    {"# nothing\n", "no active key"},
		"no first line":     {"\nactive k1 " + good, "line 2 must be \"latchkey-keyring 1\""},
		"later version":     {"latchkey-keyring 2\nactive k1 " + good, "line 1"},
		"no key":            {head, "no active key"},
		"older alone":       {head + "older k1 " + good, "no active key"},
		"two active":        {head + "active k1 " + good + "\n#\nactive k2 " + good, "line 4 is a second active key"},
		"ID twice":          {head + "active k1 " + good + "\nolder k1 " + encoded(1), "key k1 occurs twice"},
		"unknown word":      {head + "retired k1 " + good, "line 2 must be"},
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
		"too large":         {head + "active k1 " + good + strings.Repeat("\n", 64<<10), "larger than 64 KiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := load(t, c.text)
			require.ErrorAs(t, err, new(*pin.Error))
			assert.Nil(t, k)
			assert.Contains(t, err.Error(), c.says)
			assert.Contains(t, err.Error(), "keyring", "the file is named")
			assert.NotContains(t, fmt.Sprintf("%v %+v", err, err), good[:8], "no part of the key")
		})
	}
}

func TestLoadKeyringRefusesOpenFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	path := filepath.Join(t.TempDir(), "keyring")
	_, err := pin.CreateKeyring(path)
	require.NoError(t, err)
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o644, 0o620, 0o602, 0o666} {
		t.Run(fmt.Sprintf("%04o", mode), func(t *testing.T) {
			require.NoError(t, os.Chmod(path, mode))
			_, err := pin.LoadKeyring(path)
			requireReason(t, err, pin.ReasonKeyring)
			assert.Contains(t, err.Error(), fmt.Sprintf("mode %04o", mode))
			assert.Contains(t, err.Error(), path)
		})
	}
	for _, mode := range []fs.FileMode{0o600, 0o400} {
		require.NoError(t, os.Chmod(path, mode))
		_, err := pin.LoadKeyring(path)
		require.NoError(t, err)
	}
}

func TestLoadKeyringRefusesWhatIsNoFile(t *testing.T) {
	folder := t.TempDir()
	_, err := pin.LoadKeyring(filepath.Join(folder, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = pin.LoadKeyring(folder)
	requireReason(t, err, pin.ReasonKeyring)
	assert.Contains(t, err.Error(), "not a regular file")
}

func TestNothingPrintsTheKeys(t *testing.T) {
	k := ring(t, key(t, "k1", 'Z'), key(t, "k0", 'Y'))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		out := fmt.Sprintf(verb, k) + fmt.Sprintf(verb, *k)
		for _, form := range []string{"ZZZZ", "5a5a", "90 90", "0x5a"} {
			assert.NotContains(t, out, form, verb)
		}
	}
}
