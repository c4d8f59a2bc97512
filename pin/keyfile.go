package pin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// CreateKeyring makes a keyring with one new random key in a new file of mode 0600. When it returns without an error, the file and
// its entry in the folder have been synced, so that the key outlives every box. The file appears whole or not at all, and an
// existing one is never overwritten: the error is fs.ErrExist. The folder must exist, and support hard links.
func CreateKeyring(path string) (*Keyring, error) {
	keyring := new(Keyring).Rotate()
	f, err := os.CreateTemp(filepath.Dir(path), ".keyring-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("pin: create keyring: %w", err)
	}
	// A link, unlike a rename, fails where a file exists.
	if err = write(f, keyring.text()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if err = errors.Join(err, os.Remove(f.Name())); err == nil {
		err = syncFolder(path)
	}
	if err != nil {
		return nil, fmt.Errorf("pin: create keyring: %w", err)
	}
	return keyring, nil
}

// write fills, syncs and closes a new file.
func write(f *os.File, text string) error {
	_, err := f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder makes the entry of a file in its folder durable.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no sync of a folder; NTFS journals the entry
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadKeyring reads a keyring file of at most 64 KiB; the package comment has its format. A file that others than its owner may
// read or write is refused (not on Windows, which has no such mode). Errors name the file and the line, and hold no part of a
// key: *Error with ReasonKeyring or ReasonKey, or what the system says, as fs.ErrNotExist.
func LoadKeyring(path string) (*Keyring, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %w", err)
	}
	keyring, err := parseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %s: %w", path, err)
	}
	return keyring, nil
}

// readPrivate reads a file that is closed to others, up to one byte more than a keyring may have.
func readPrivate(path string) (string, error) {
	// Looked at before it is opened: to open a named pipe would wait for its writer.
	stat, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !stat.Mode().IsRegular() {
		return "", &Error{ReasonKeyring, path + " is not a regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	if stat, err = f.Stat(); err != nil {
		return "", err
	}
	if mode := stat.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return "", &Error{ReasonKeyring, fmt.Sprintf("others may read or write %s (mode %04o): chmod 600 it", path, mode)}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	return string(data), err
}
