package pin

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	maxKeyFile    = 64 << 10
	keyFileFormat = "latchkey-keyring 1"
	keyFileHelp   = `# Whoever has this file can open every sealed PIN; whoever loses it can open none. Back it up.
# The active key seals, and all keys open. To change keys, call the active one older and add a new active one.
# The key is 32 random bytes in base64, the ID is new for every key: letters, digits, dot, underscore, hyphen.
`
)

// CreateKeyring makes a keyring with one new random key in a new file of mode 0600. When it returns without an error, the file and
// its entry in the folder have been synced, so that the key outlives every box. The file appears whole or not at all, and an
// existing one is never overwritten: the error is fs.ErrExist. The folder must exist, and support hard links.
func CreateKeyring(path string) (*Keyring, error) {
	secret, id := make([]byte, keySize), make([]byte, 6)
	_, _ = rand.Read(secret) // never fails
	_, _ = rand.Read(id)
	key := Key{ID: hex.EncodeToString(id), Secret: hold(string(secret))}
	text := fmt.Sprintf("%s\n%sactive %s %s\n", keyFileFormat, keyFileHelp, key.ID, base64.StdEncoding.EncodeToString(secret))
	if err := writeNew(path, text); err != nil {
		return nil, fmt.Errorf("pin: create keyring: %w", err)
	}
	return NewKeyring(key)
}

// writeNew writes a temporary file and links it into place, since a link, unlike a rename, fails where a file exists.
func writeNew(path, text string) error {
	folder := filepath.Dir(path)
	f, err := os.CreateTemp(folder, ".keyring-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no sync of a folder; NTFS journals the entry
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// LoadKeyring reads a keyring file of at most 64 KiB; the package comment has its format. A file that others than its owner may
// read or write is refused (not on Windows, which has no such mode). Errors name the file and the line, and hold no part of a
// key: *Error with ReasonKeyring or ReasonKey, or what the system says, as fs.ErrNotExist.
func LoadKeyring(path string) (*Keyring, error) {
	data, err := readPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %w", err)
	}
	keyring, err := parseKeyring(data)
	if err != nil {
		return nil, fmt.Errorf("pin: load keyring: %s: %w", path, err)
	}
	return keyring, nil
}

func readPrivate(path string) ([]byte, error) {
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
	defer func() { _ = f.Close() }()
	if stat, err = f.Stat(); err != nil {
		return nil, err
	}
	if mode := stat.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, &Error{ReasonKeyring, fmt.Sprintf("others may read or write %s (mode %04o): chmod 600 it", path, mode)}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(data) > maxKeyFile {
		err = &Error{ReasonKeyring, path + " is larger than 64 KiB"}
	}
	return data, err
}

// keyFile is what has been read of a keyring file.
type keyFile struct {
	begun         bool
	active, older []Key
}

func parseKeyring(data []byte) (*Keyring, error) {
	var file keyFile
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' {
			continue
		}
		if fault := file.add(text); fault != "" {
			return nil, &Error{ReasonKeyring, fmt.Sprintf("line %d %s", number, fault)}
		}
	}
	if len(file.active) == 0 {
		return nil, &Error{ReasonKeyring, "no active key"}
	}
	return NewKeyring(file.active[0], file.older...)
}

// add takes one line, and returns what is wrong with it. That is never a quotation: a key may be anywhere in a line gone wrong.
func (f *keyFile) add(text string) (fault string) {
	if !f.begun {
		f.begun = true
		if text != keyFileFormat {
			return `must be "` + keyFileFormat + `", before any key`
		}
		return ""
	}
	fields := strings.Fields(text)
	if len(fields) != 3 || fields[0] != "active" && fields[0] != "older" {
		return `must be "active ID KEY" or "older ID KEY"`
	}
	if !validKeyID(fields[1]) {
		return "has a malformed key ID"
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(fields[2])
	if err != nil || len(secret) != keySize {
		return "has a key that is not 32 bytes in base64"
	}
	key := Key{ID: fields[1], Secret: hold(string(secret))}
	switch {
	case fields[0] == "older":
		f.older = append(f.older, key)
	case len(f.active) > 0:
		return "is a second active key: call all but one older"
	default:
		f.active = append(f.active, key)
	}
	return ""
}
