package pin

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

const (
	keySize   = 32
	saltSize  = 32
	suite     = 1 // HKDF-SHA256, AES-256-GCM, padding to powers of two
	info      = "latchkey pin box 1"
	overhead  = 12 + 16 // nonce and tag
	minPadded = 32
)

// Key is one key of a Keyring. Secret comes from Bytes and has exactly 32 bytes of good randomness; as a PIN it is not printed.
type Key struct {
	ID     string // 1 to 64 characters of A-Z, a-z, 0-9, dot, underscore and hyphen; never used again for another key
	Secret PIN
}

// Keyring seals with its active key and opens with all of them. It does not change, and may be used concurrently. The zero
// Keyring has no key.
type Keyring struct {
	keys []Key    // active first
	gone []string // IDs that Without took away, so that Save can tell them from keys that it never saw
}

var _ Sealer = (*Keyring)(nil)

// NewKeyring makes a keyring of keys that are kept elsewhere. The active key must be durable there before the first Seal. A
// malformed ID, one that occurs twice, or a secret of another size is an *Error with ReasonKey.
func NewKeyring(active Key, retired ...Key) (*Keyring, error) {
	keys := append([]Key{active}, retired...)
	seen := make(map[string]bool, len(keys))
	for _, k := range keys {
		switch {
		case !validKeyID(k.ID):
			return nil, errKeyID
		case seen[k.ID]:
			return nil, &Error{ReasonKey, fmt.Sprintf("key %s occurs twice", k.ID)}
		case len(k.Secret.Expose()) != keySize:
			return nil, &Error{ReasonKey, fmt.Sprintf("key %s must have exactly 32 bytes", k.ID)}
		}
		seen[k.ID] = true
	}
	return &Keyring{keys: keys}, nil
}

// KeyIDs returns the IDs of all keys, the active one first, then the retired ones.
func (k *Keyring) KeyIDs() []string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.ID
	}
	return ids
}

// index is the place of a key in the ring, and -1 when it is not there.
func (k *Keyring) index(id string) int {
	return slices.IndexFunc(k.keys, func(key Key) bool { return key.ID == id })
}

// Seal seals with the active key. The box tells the size of the secret only as a power of two, and nothing of one of up to 32
// bytes. The zero PIN is an *Error with ReasonLength, an incomplete binding one with ReasonBinding. The context is not used.
func (k *Keyring) Seal(_ context.Context, p PIN, b Binding) (Box, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	if p.IsZero() {
		return nil, &Error{ReasonLength, "there is no PIN to seal"}
	}
	if len(k.keys) == 0 {
		return nil, &Error{ReasonKeyring, "the keyring has no key: make it with CreateKeyring, LoadKeyring or NewKeyring"}
	}
	plain := pad(p.Expose())
	box := header(k.keys[0].ID, 1+saltSize+overhead+len(plain))
	box = append(box, suite)
	salt := len(box)
	box = box[:salt+saltSize]
	_, _ = rand.Read(box[salt:]) // never fails
	aead, err := derive(k.keys[0], box[salt:])
	if err != nil {
		return nil, err
	}
	return aead.Seal(box, nil, plain, b.append(slices.Clone(box))), nil
}

// Open opens a box that any key of the ring sealed; see Sealer for the errors. The context is not used.
func (k *Keyring) Open(_ context.Context, box Box, b Binding) (PIN, error) {
	id, payload := box.split()
	if len(payload) < 1+saltSize+overhead || payload[0] != suite {
		return PIN{}, ErrOpen
	}
	at := k.index(id)
	if at < 0 {
		return PIN{}, &MissingKeyError{KeyID: id}
	}
	salt, sealed := payload[1:1+saltSize], payload[1+saltSize:]
	aead, err := derive(k.keys[at], salt)
	if err != nil {
		return PIN{}, err
	}
	head := box[:len(box)-len(sealed)]
	plain, err := aead.Open(nil, nil, sealed, b.append(slices.Clone(head)))
	if err != nil {
		return PIN{}, ErrOpen
	}
	return unpad(plain)
}

// derive makes the key of one record, so that no key ever seals two, however many records a keyring seals.
func derive(k Key, salt []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(k.Secret.Expose()), salt, info, keySize)
	if err != nil {
		return nil, fmt.Errorf("pin: derive the record's key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("pin: derive the record's key: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// pad returns the length less one in two bytes, the secret, and zeros up to the next power of two, 32 at least.
func pad(secret string) []byte {
	size := minPadded
	for size < len(secret) {
		size *= 2
	}
	plain := make([]byte, 2+size)
	binary.BigEndian.PutUint16(plain, uint16(len(secret)-1))
	copy(plain[2:], secret)
	return plain
}

func unpad(plain []byte) (PIN, error) {
	if len(plain) < 2 {
		return PIN{}, ErrOpen
	}
	n := int(binary.BigEndian.Uint16(plain)) + 1
	if n > len(plain)-2 {
		return PIN{}, ErrOpen
	}
	return Bytes(plain[2 : 2+n])
}
