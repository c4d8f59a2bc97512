package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2id as OWASP asks for it: 19 MiB, two passes, one lane.
const (
	argonTime    = 2
	argonMemory  = 19 << 10 // KiB
	argonThreads = 1
	hashSize     = 32
	saltSize     = 16
	maxHashes    = 2 // at a time: each takes memory and most of a core
)

// decoy is the hash of no password.
const decoy = "argon2id$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func newSalt() []byte {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return salt
}

// hash is a password as it is kept: the algorithm with the parameters above, salt and hash.
func (s *Store) hash(ctx context.Context, password string, salt []byte) (string, error) {
	select {
	case s.hashes <- struct{}{}:
		defer func() { <-s.hashes }()
	case <-ctx.Done():
		return "", fmt.Errorf("check the password: %w", ctx.Err())
	}
	sum := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonThreads, hashSize)
	encode := base64.RawStdEncoding.EncodeToString
	return "argon2id$" + encode(salt) + "$" + encode(sum), nil
}

func (s *Store) matches(ctx context.Context, kept, password string) (bool, error) {
	fields := strings.Split(kept, "$")
	if len(fields) != 3 || fields[0] != "argon2id" {
		return false, errors.New("the account's password is kept in an unknown way")
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[1])
	if err != nil {
		return false, errors.New("the account's password is kept in an unknown way")
	}
	hash, err := s.hash(ctx, password, salt)
	return subtle.ConstantTimeCompare([]byte(hash), []byte(kept)) == 1, err
}
