package computers

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// keySize is that of AES-256.
const keySize = 32

// What is encrypted, each with a key of its own for each device.
const (
	whatDigest  = "digest"
	whatSession = "session"
)

// cipher is what encrypts one thing of one device: a value that is moved to another place does not open there.
func (s *Store) cipher(what, device string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, []byte(s.key.Expose()), nil, "latchkey windows "+what+"\n"+device, keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *Store) encrypt(what, device string, plain []byte) ([]byte, error) {
	aead, err := s.cipher(what, device)
	if err != nil {
		return nil, fmt.Errorf("encrypt the %s of a Windows device: %w", what, err)
	}
	return aead.Seal(nil, nil, plain, nil), nil //nolint:gosec // it draws the nonce itself
}

func (s *Store) decrypt(what, device string, box []byte) ([]byte, error) {
	aead, err := s.cipher(what, device)
	if err != nil {
		return nil, fmt.Errorf("decrypt the %s of a Windows device: %w", what, err)
	}
	plain, err := aead.Open(nil, nil, box, nil)
	if err != nil {
		return nil, fmt.Errorf("the %s of a Windows device does not decrypt: the database is damaged", what)
	}
	return plain, nil
}
