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
	keyring, err := createKeyring(path, system())
	if err != nil {
		return nil, fmt.Errorf("pin: create keyring: %w", err)
	}
	return keyring, nil
}

func createKeyring(path string, d disk) (*Keyring, error) {
	keyring := new(Keyring).Rotate()
	f, err := os.CreateTemp(filepath.Dir(path), ".keyring-*") // mode 0600
	if err != nil {
		return nil, err
	}
	// A link, unlike a rename, fails where a file exists.
	if err = d.fill(f, keyring.text()); err == nil {
		err = d.link(f.Name(), path)
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, err
	}
	return keyring, d.syncFolder(path)
}

// LoadKeyring reads a keyring file of at most 64 KiB; the package comment has its format. A file that others than its owner may
// read or write is refused (not on Windows, which has no such mode). Errors name the file and the line, and hold no part of a
// key: *Error with ReasonKeyring or ReasonKey, or what the system says, as fs.ErrNotExist.
//
// On Unix it syncs the file and its entry in the folder, which must be readable: whoever changed it, when LoadKeyring returns without
// an error its keys are durable, and may seal. File systems that have no sync, or are read-only, are left alone.
func LoadKeyring(path string) (*Keyring, error) {
	return loadKeyring(path, system())
}

func loadKeyring(path string, d disk) (*Keyring, error) {
	f, err := openPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := readText(f)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %w", err)
	}
	keyring, err := parseKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %s: %w", path, err)
	}
	if err = d.settle(f, path); err != nil {
		return nil, fmt.Errorf("pin: load keyring: it must be durable before it seals: %w", err)
	}
	return keyring, nil
}

// openPrivate opens a file that is closed to others.
func openPrivate(path string) (*os.File, error) {
	// Looked at before it is opened: to open a named pipe would wait for its writer.
	stat, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() {
		return nil, &Error{ReasonKeyring, path + " is not a regular file"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if stat, err = f.Stat(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if mode := stat.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		_ = f.Close() // it was not read
		return nil, &Error{ReasonKeyring, fmt.Sprintf("others may read or write %s (mode %04o): chmod 600 it, or where its mode "+
			"cannot be changed, pass its text in the environment (ParseKeyring)", path, mode)}
	}
	return f, nil
}

// readText reads up to one byte more than a keyring may have.
func readText(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	return string(data), err
}
