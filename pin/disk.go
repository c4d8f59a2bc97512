package pin

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// disk is what the work on a keyring file asks of the system. A key outlives every box only when these come in the right order, so a
// test puts its own in their place and looks.
type disk struct {
	write        func(f *os.File, text string) error
	sync         func(f *os.File) error // of a file or of a folder
	chown        func(f *os.File, user, group int) error
	link, rename func(from, to string) error
}

func system() disk {
	return disk{
		write: func(f *os.File, text string) error {
			_, err := f.WriteString(text)
			return err
		},
		sync:  (*os.File).Sync,
		chown: (*os.File).Chown,
		link:  os.Link, rename: os.Rename,
	}
}

// fill writes, syncs and closes a new file.
func (d disk) fill(f *os.File, text string) error {
	err := d.write(f, text)
	if err == nil {
		err = d.sync(f)
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes the entry of a file in its folder durable.
func (d disk) syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no sync of a folder; NTFS journals the entry
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.sync(folder), folder.Close())
}

// settle makes a file and its entry durable that somebody else has written: by hand, or in a change that was cut short.
func (d disk) settle(f *os.File, path string) error {
	if err := d.sync(f); err != nil && !cannotSync(err) {
		return err
	}
	path, err := filepath.EvalSymlinks(path) // else the folder of a link would be synced
	if err != nil {
		return err
	}
	if err = d.syncFolder(path); err != nil && !cannotSync(err) {
		return err
	}
	return nil
}
