//go:build unix

package pin

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// cannotSync tells a file system that has no sync, or nothing to write, from one that failed.
func cannotSync(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EROFS) || errors.Is(err, errors.ErrUnsupported)
}

// keepOwner gives a new file to the owner of the one that it will replace: another one may save it, as root does.
func (d disk) keepOwner(f *os.File, path string) error {
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	made, err := f.Stat()
	if err != nil {
		return err
	}
	was, known := old.Sys().(*syscall.Stat_t)
	is, also := made.Sys().(*syscall.Stat_t)
	if !known || !also || was.Uid == is.Uid {
		return nil
	}
	err = d.chown(f, int(was.Uid), int(was.Gid))
	if errors.Is(err, fs.ErrPermission) {
		return &Error{ReasonKeyring, "the keyring file belongs to another user, who could not read the new one: change it as its owner"}
	}
	return err
}
