//go:build unix

package pin

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoadKeyringWhereNothingIsSynced(t *testing.T) {
	for step, name := range []string{"file", "folder"} {
		for _, fault := range []error{syscall.EINVAL, syscall.ENOTSUP, syscall.EROFS} {
			t.Run(name+" "+fault.Error(), func(t *testing.T) {
				_, _, err := watch(t, "load", step+1, &fs.PathError{Op: "sync", Path: name, Err: fault})
				require.NoError(t, err)
			})
		}
		t.Run(name+" failed", func(t *testing.T) {
			_, _, err := watch(t, "load", step+1, &fs.PathError{Op: "sync", Path: name, Err: syscall.EIO})
			require.ErrorIs(t, err, syscall.EIO)
			assert.Contains(t, err.Error(), "durable")
		})
	}
}

// ownedByAnother is a keyring file of another user than the one who tests.
func ownedByAnother(t *testing.T) (path string, before *Keyring) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can give a file away")
	}
	path = filepath.Join(t.TempDir(), "keyring")
	before, err := CreateKeyring(path)
	require.NoError(t, err)
	require.NoError(t, os.Chown(path, 4711, 4712))
	return path, before
}

func TestSaveKeepsTheOwner(t *testing.T) {
	path, before := ownedByAnother(t)
	require.NoError(t, before.Rotate().Save(path))
	stat, err := os.Stat(path)
	require.NoError(t, err)
	owner := stat.Sys().(*syscall.Stat_t)
	assert.Equal(t, [2]uint32{4711, 4712}, [2]uint32{owner.Uid, owner.Gid})
	assert.Equal(t, fs.FileMode(0o600), stat.Mode())
}

func TestSaveRefusesToTakeTheFileAway(t *testing.T) {
	path, before := ownedByAnother(t)
	d := system()
	d.chown = func(f *os.File, user, group int) error {
		assert.Equal(t, path+".new", f.Name())
		assert.Equal(t, [2]int{4711, 4712}, [2]int{user, group})
		return &fs.PathError{Op: "chown", Path: f.Name(), Err: syscall.EPERM}
	}
	err := before.Rotate().save(path, d)
	var refusal *Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, ReasonKeyring, refusal.Reason)
	assert.Contains(t, refusal.Rule, "as its owner")
	assert.NoFileExists(t, path+".new")
	after, err := LoadKeyring(path)
	require.NoError(t, err)
	assert.Equal(t, before.KeyIDs(), after.KeyIDs())

	broken := errors.New("broken")
	d.chown = func(*os.File, int, int) error { return broken }
	require.ErrorIs(t, before.Rotate().save(path, d), broken)
}
