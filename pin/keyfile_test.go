package pin_test

import (
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
			assert.Contains(t, err.Error(), "ParseKeyring", "where chmod is of no use")
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
