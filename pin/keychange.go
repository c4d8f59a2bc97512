package pin

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Rotate returns a keyring with a new random key that is active, and all keys of k retired. It is for Save before it seals; k
// stays as it is. With several replicas, see the package comment.
func (k *Keyring) Rotate() *Keyring {
	id, secret := make([]byte, 6), make([]byte, keySize)
	_, _ = rand.Read(id) // never fails
	for k.index(hex.EncodeToString(id)) >= 0 {
		_, _ = rand.Read(id)
	}
	_, _ = rand.Read(secret)
	key := Key{ID: hex.EncodeToString(id), Secret: hold(string(secret))}
	return &Keyring{keys: append([]Key{key}, k.keys...), gone: k.gone}
}

// Activate returns a keyring in which the key with this ID is active, and all others are retired. An ID that is not there is an
// *Error with ReasonKey.
func (k *Keyring) Activate(id string) (*Keyring, error) {
	at := k.index(id)
	if at < 0 {
		return nil, k.unknown()
	}
	others := slices.Delete(slices.Clone(k.keys), at, at+1)
	return &Keyring{keys: append([]Key{k.keys[at]}, others...), gone: k.gone}, nil
}

// Without returns a keyring that lacks the retired key with this ID. Ask the ledger first: a box that the key sealed will never
// open again. The active key, and an ID that is not there, are an *Error with ReasonKey.
func (k *Keyring) Without(id string) (*Keyring, error) {
	switch k.index(id) {
	case -1:
		return nil, k.unknown()
	case 0:
		return nil, &Error{ReasonKey, "the key " + id + " is active: make another one active before it is removed"}
	}
	keys := slices.DeleteFunc(slices.Clone(k.keys), func(key Key) bool { return key.ID == id })
	return &Keyring{keys: keys, gone: append(slices.Clone(k.gone), id)}, nil
}

// unknown does not repeat the ID: it came from somebody's hand, and may be a key.
func (k *Keyring) unknown() error {
	return &Error{ReasonKey, fmt.Sprintf("no key with this ID in the keyring; it has %q", k.KeyIDs())}
}

// Save replaces the keyring file at path, which must be there (CreateKeyring makes one). After a crash the file is the old one or
// the new one; when Save returns without an error it is the new one, and durable. Its mode is 0600, its comments are those that
// CreateKeyring writes. On Unix its owner stays, also when root saves it; who may not give a file to the owner is refused, with
// ReasonKeyring.
//
// No key is lost by accident: Save refuses, with ReasonKeyring, when the file has a key that k neither has nor had before
// Without, as after a change by somebody else. Changes at the same time exclude each other by the file path + ".new": while it is
// there the error is fs.ErrExist. A Save that was cut short may leave it behind; then remove it.
func (k *Keyring) Save(path string) error {
	if err := k.save(path, system()); err != nil {
		return fmt.Errorf("pin: save keyring: %w", err)
	}
	return nil
}

func (k *Keyring) save(path string, d disk) error {
	text := k.text()
	if _, err := parseKeyring(text); err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(path) // else a link would be replaced, and not the file
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("it is being changed, or a change was cut short: if nobody changes it now, remove the file: %w", err)
	}
	if err != nil {
		return err
	}
	if err = errors.Join(d.keepOwner(f, path), k.covers(path, d), d.fill(f, text)); err == nil {
		err = d.rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return d.syncFolder(path)
}

// covers refuses to replace a file with keys that would be lost.
func (k *Keyring) covers(path string, d disk) error {
	present, err := loadKeyring(path, d)
	if err != nil {
		return err
	}
	for _, key := range present.keys {
		at := k.index(key.ID)
		kept := at >= 0 && k.keys[at].Secret.Equal(key.Secret)
		if !kept && !slices.Contains(k.gone, key.ID) {
			return &Error{ReasonKeyring, "the file was changed meanwhile, and has another key " + key.ID + ": load it again, and repeat the change"}
		}
	}
	return nil
}
