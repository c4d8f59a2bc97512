package main

import (
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// removal is the command on a keyring with a retired key. It counts what is recorded.
func removal(t *testing.T, needed int) (j keyringJob, retired string, records *int) {
	t.Helper()
	l := newLive(t)
	retired, records = l.box.KeyID(), new(int)
	return keyringJob{
		path: l.path, ring: l.rotate(), stdout: io.Discard,
		sealed: func(context.Context) (map[string]int, error) { return map[string]int{retired: needed}, nil },
		record: func(context.Context, string, string) error { *records++; return nil },
	}, retired, records
}

// The file is the new one, and only its folder could not be made durable.
func TestRemovedKeyIsCheckedAlthoughTheSaveFailed(t *testing.T) {
	failed := errors.New("sync folder: disk gone")
	for name, c := range map[string]struct {
		out             bool // the key is out of the file
		unfit           bool // the file cannot be loaded, as when its folder fails
		needed, records int
		there           bool // the key is in the file in the end
		says            string
	}{
		"out, not needed": {out: true, records: 1, says: "is out of the keyring, and may be in it again"},
		"out, not loaded": {out: true, unfit: true, records: 1, says: "is out of the keyring"},
		"out, needed":     {out: true, needed: 2, there: true, says: "put back"},
		"still there":     {there: true, says: "disk gone"},
	} {
		t.Run(name, func(t *testing.T) {
			j, retired, records := removal(t, c.needed)
			if c.out {
				smaller, err := j.ring.Without(retired)
				require.NoError(t, err)
				require.NoError(t, smaller.Save(j.path))
			}
			if c.unfit {
				require.NoError(t, os.Chmod(j.path, 0o644))
			}
			err := j.removed(t.Context(), retired, failed)
			require.ErrorIs(t, err, failed)
			require.ErrorContains(t, err, c.says)
			assert.Equal(t, c.records, *records)
			there, err := j.has(retired)
			require.NoError(t, err)
			assert.Equal(t, c.there, there)
		})
	}
}

func TestRemovedKeyIsPutBackWhateverTheSaveSays(t *testing.T) {
	for name, c := range map[string]struct {
		there bool
		says  string
	}{"there": {true, "the key was put back"}, "not there": {false, "put the line of "}} {
		t.Run(name, func(t *testing.T) {
			j, retired, _ := removal(t, 1)
			if !c.there {
				smaller, err := j.ring.Without(retired)
				require.NoError(t, err)
				require.NoError(t, smaller.Save(j.path))
			}
			require.NoError(t, os.WriteFile(j.path+".new", nil, 0o600))
			why := errors.New("needed")
			err := j.putBack(retired, why)
			require.ErrorIs(t, err, why)
			require.ErrorIs(t, err, os.ErrExist)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestRemoveStopsAtASaveThatDidNothing(t *testing.T) {
	j, retired, records := removal(t, 0)
	require.NoError(t, os.WriteFile(j.path+".new", nil, 0o600))
	require.ErrorIs(t, j.remove(t.Context(), retired), os.ErrExist)
	assert.Zero(t, *records)
	ring, err := pin.LoadKeyring(j.path)
	require.NoError(t, err)
	assert.Contains(t, ring.KeyIDs(), retired)
}

// Who may read the file may read the key: it is written only when that is nobody else.
func TestRemovedKeyIsNotWrittenWhereOthersMayRead(t *testing.T) {
	const file = "/proc/self/comm" // takes a text, and no other mode, from root neither
	before, err := os.ReadFile(file)
	if runtime.GOOS != "linux" || err != nil {
		t.Skip("needs a file whose mode cannot be changed")
	}
	j, retired, records := removal(t, 0)
	require.NoError(t, os.Symlink(file, j.removedPath()))
	require.ErrorIs(t, j.remove(t.Context(), retired), os.ErrPermission)
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
	assert.Zero(t, *records)
	there, err := j.has(retired)
	require.NoError(t, err)
	assert.True(t, there)
}
