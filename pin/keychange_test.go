package pin_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// saved makes a keyring file that holds these keys.
func saved(t *testing.T, k *pin.Keyring) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyring")
	require.NoError(t, os.WriteFile(path, []byte("latchkey-keyring 1;active k1 "+encoded(1)), 0o600))
	require.NoError(t, k.Save(path))
	return path
}

func reload(t *testing.T, path string) *pin.Keyring {
	t.Helper()
	k, err := pin.LoadKeyring(path)
	require.NoError(t, err)
	return k
}

func TestRotate(t *testing.T) {
	k := ring(t, key(t, "k1", 1), key(t, "k0", 9))
	next := k.Rotate()
	assert.Equal(t, []string{"k1", "k0"}, k.KeyIDs(), "the keyring itself stays as it is")
	require.Len(t, next.KeyIDs(), 3)
	assert.Equal(t, []string{"k1", "k0"}, next.KeyIDs()[1:], "retired, in their order")
	assert.Equal(t, next.KeyIDs()[0], seal(t, next, parse(t, digits)).KeyID(), "the new key seals")
	opens(t, next, key(t, "k1", 1), key(t, "k0", 9))
	_, err := k.Rotate().Open(t.Context(), seal(t, next, parse(t, digits)), binding)
	require.ErrorAs(t, err, new(*pin.MissingKeyError), "a new key each time")
}

func TestRotateNeverRepeatsAnID(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	k := new(pin.Keyring).Rotate()
	cryptotest.SetGlobalRandom(t, 1)
	ids := k.Rotate().KeyIDs()
	assert.NotEqual(t, ids[0], ids[1])
}

func TestActivate(t *testing.T) {
	k := ring(t, key(t, "k3", 3), key(t, "k2", 2), key(t, "k1", 1))
	next, err := k.Activate("k2")
	require.NoError(t, err)
	assert.Equal(t, []string{"k2", "k3", "k1"}, next.KeyIDs())
	assert.Equal(t, []string{"k3", "k2", "k1"}, k.KeyIDs())
	assert.Equal(t, "k2", seal(t, next, parse(t, digits)).KeyID())

	same, err := k.Activate("k3")
	require.NoError(t, err)
	assert.Equal(t, k.KeyIDs(), same.KeyIDs())
}

func TestWithout(t *testing.T) {
	k := ring(t, key(t, "k3", 3), key(t, "k2", 2), key(t, "k1", 1))
	next, err := k.Without("k2")
	require.NoError(t, err)
	assert.Equal(t, []string{"k3", "k1"}, next.KeyIDs())
	assert.Equal(t, []string{"k3", "k2", "k1"}, k.KeyIDs())
	_, err = next.Open(t.Context(), seal(t, ring(t, key(t, "k2", 2)), parse(t, digits)), binding)
	require.ErrorAs(t, err, new(*pin.MissingKeyError))
	opens(t, next, key(t, "k1", 1), key(t, "k3", 3))
}

// Two changes of one keyring know nothing of each other.
func TestWithoutLeavesOtherChangesAlone(t *testing.T) {
	k := ring(t, key(t, "k6", 6), key(t, "k5", 5), key(t, "k4", 4), key(t, "k3", 3), key(t, "k2", 2), key(t, "k1", 1))
	path := saved(t, k)
	without := func(k *pin.Keyring, id string) *pin.Keyring {
		next, err := k.Without(id)
		require.NoError(t, err)
		return next
	}
	k = without(without(without(k, "k1"), "k2"), "k3")
	one, other := without(k, "k4"), without(k, "k5")
	assert.Equal(t, []string{"k6", "k4"}, other.KeyIDs())
	require.NoError(t, one.Save(path))
	assert.Equal(t, []string{"k6", "k5"}, reload(t, path).KeyIDs())
}

func TestKeyChangesRefuse(t *testing.T) {
	k := ring(t, key(t, "k2", 2), key(t, "k1", 1))
	cases := map[string]struct {
		change func(string) (*pin.Keyring, error)
		id     string
		says   string
	}{
		"remove the active one": {k.Without, "k2", "k2 is active"},
		"remove an unknown one": {k.Without, "k3", `it has ["k2" "k1"]`},
		"remove none":           {k.Without, "", "no key with this ID"},
		"activate an unknown":   {k.Activate, "k3", `it has ["k2" "k1"]`},
		"given a key":           {k.Activate, encoded(1), "no key with this ID"},
		"of no keyring":         {new(pin.Keyring).Without, "k1", "no key with this ID"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			next, err := c.change(c.id)
			requireReason(t, err, pin.ReasonKey)
			assert.Nil(t, next)
			assert.Contains(t, err.Error(), c.says)
			assert.NotContains(t, err.Error(), encoded(1))
		})
	}
}

func TestSave(t *testing.T) {
	path := saved(t, ring(t, key(t, "k2", 2), key(t, "k1", 1), key(t, "k0", 9)))
	k := reload(t, path)
	assert.Equal(t, []string{"k2", "k1", "k0"}, k.KeyIDs())
	opens(t, k, key(t, "k2", 2), key(t, "k1", 1), key(t, "k0", 9))

	without, err := k.Without("k1")
	require.NoError(t, err)
	without, err = without.Rotate().Activate("k2")
	require.NoError(t, err)
	require.NoError(t, without.Save(path))
	assert.Equal(t, without.KeyIDs(), reload(t, path).KeyIDs())
	require.NoError(t, without.Save(path), "once more is the same")

	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing but the keyring is left")
	if runtime.GOOS != "windows" {
		stat, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o600), stat.Mode())
	}
}

func TestSaveReplacesTheFileBehindALink(t *testing.T) {
	path := saved(t, ring(t, key(t, "k1", 1)))
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip("no symbolic links here: ", err)
	}
	next := reload(t, link).Rotate()
	require.NoError(t, next.Save(link))
	assert.Equal(t, next.KeyIDs(), reload(t, path).KeyIDs())
}

func TestSaveLosesNoKey(t *testing.T) {
	first, other := key(t, "k1", 1), key(t, "k1", 2)
	path := saved(t, ring(t, first))
	mine, theirs := reload(t, path).Rotate(), reload(t, path).Rotate()
	require.NoError(t, theirs.Save(path))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, k := range map[string]*pin.Keyring{
		"changed meanwhile":   mine,
		"never loaded":        ring(t, key(t, "k9", 9)),
		"same ID, other key":  ring(t, other).Rotate(),
		"the zero keyring":    {},
		"larger than 64 KiB":  crowd(t, reload(t, path), 1100),
		"removed another one": func() *pin.Keyring { k, err := mine.Without("k1"); require.NoError(t, err); return k }(),
	} {
		t.Run(name, func(t *testing.T) {
			err := k.Save(path)
			requireReason(t, err, pin.ReasonKeyring)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, before, after)
			assert.NoFileExists(t, path+".new")
		})
	}
}

// crowd gives a keyring n more keys.
func crowd(t *testing.T, k *pin.Keyring, n int) *pin.Keyring {
	t.Helper()
	for range n {
		k = k.Rotate()
	}
	return k
}

func TestSaveWantsAFile(t *testing.T) {
	k := ring(t, key(t, "k1", 1))
	path := filepath.Join(t.TempDir(), "keyring")
	require.ErrorIs(t, k.Save(path), fs.ErrNotExist, "a new one is CreateKeyring's")
	require.NoError(t, os.WriteFile(path, []byte("something else"), 0o600))
	requireReason(t, k.Save(path), pin.ReasonKeyring)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "something else", string(text))
}

// TestSaveAfterACrash stops a change at each of its points, as files show them.
func TestSaveAfterACrash(t *testing.T) {
	whole, err := os.ReadFile(saved(t, ring(t, key(t, "k2", 2), key(t, "k1", 1))))
	require.NoError(t, err)
	for _, n := range []int{0, 1, len(whole) / 2, len(whole)} {
		path := saved(t, ring(t, key(t, "k1", 1)))
		require.NoError(t, os.WriteFile(path+".new", whole[:n], 0o600))
		k := reload(t, path)
		opens(t, k, key(t, "k1", 1))
		err := k.Rotate().Save(path)
		require.ErrorIs(t, err, fs.ErrExist)
		assert.Contains(t, err.Error(), "remove the file")
		assert.Contains(t, err.Error(), path+".new")
		require.NoError(t, os.Remove(path+".new"))
		require.NoError(t, k.Rotate().Save(path))
	}
}

func TestSaveByManyLosesNoKey(t *testing.T) {
	path := saved(t, ring(t, key(t, "k1", 1)))
	added := make([]string, 8)
	var racers sync.WaitGroup
	for i := range added {
		racers.Go(func() {
			k, err := pin.LoadKeyring(path)
			if err != nil {
				t.Errorf("a reader met half a file: %v", err)
				return
			}
			if k = k.Rotate(); k.Save(path) == nil {
				added[i] = k.KeyIDs()[0]
			}
		})
	}
	racers.Wait()
	have := reload(t, path).KeyIDs()
	winners := 0
	for _, id := range added {
		if id != "" {
			winners++
			assert.Contains(t, have, id, "a key whose Save returned nil is there")
		}
	}
	assert.Positive(t, winners)
	assert.Len(t, have, winners+1)
}

func TestErrorsOfSaveHoldNoKey(t *testing.T) {
	path := saved(t, ring(t, key(t, "k1", 1)))
	err := ring(t, key(t, "k1", 2)).Save(path)
	require.Error(t, err)
	for _, fill := range []byte{1, 2} {
		assert.NotContains(t, err.Error(), encoded(fill)[:8])
	}
}
