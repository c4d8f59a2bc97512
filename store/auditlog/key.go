package auditlog

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"

	"github.com/latchkey-mdm/latchkey/lock"
)

// maxOrigin is the length of an origin in bytes.
const maxOrigin = 200

// NewKey makes an Ed25519 key pair for a log, in the text form of https://c2sp.org/signed-note: the signer is for Config.Key and is a
// secret, the verifier is public and goes to the auditors. The origin names the log, for all time and all who read its checkpoints: a host
// name with a path, as in "mdm.example.org/ledger". An *lock.InputError says what is wrong with it.
func NewKey(origin string) (signer, verifier string, err error) {
	if err := checkOrigin(origin); err != nil {
		return "", "", err
	}
	return note.GenerateKey(rand.Reader, origin)
}

// checkOrigin holds what https://c2sp.org/signed-note asks of the name of a key: the origin of a log is the name of its key.
func checkOrigin(origin string) error {
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '+' }
	if origin == "" || len(origin) > maxOrigin || !utf8.ValidString(origin) || strings.ContainsFunc(origin, odd) {
		return &lock.InputError{Field: "origin", Rule: "must be 1 to 200 bytes of printable text without spaces and without +, " +
			"as in mdm.example.org/ledger"}
	}
	return nil
}

// PublicKey returns the verifier that belongs to a signer of NewKey. An *lock.InputError says that it is none.
func PublicKey(signer string) (verifier string, err error) {
	s, err := newSigner(signer)
	if err != nil {
		return "", err
	}
	// What newSigner took has five parts. The last is the algorithm and the seed in base64, which may have a + of its own.
	parts := strings.SplitN(signer, "+", 5)
	data, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errKey()
	}
	public, ok := ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey)
	if !ok {
		return "", errKey()
	}
	return note.NewEd25519VerifierKey(s.Name(), public)
}

func newSigner(signer string) (note.Signer, error) {
	s, err := note.NewSigner(signer)
	if err != nil {
		return nil, errKey()
	}
	return s, checkOrigin(s.Name())
}

// errKey never repeats the text.
func errKey() error {
	return &lock.InputError{Field: "key", Rule: "must be a signer in the text form that NewKey makes, PRIVATE+KEY+origin+..."}
}

// verifier checks the checkpoints of one log.
type verifier struct {
	origin string
	known  note.Verifiers
}

func newVerifier(key string) (verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(key))
	if err == nil {
		err = checkOrigin(v.Name())
	}
	if err != nil {
		return verifier{}, &lock.InputError{Field: "key", Rule: "must be the public key of the log, origin+hash+key", Err: err}
	}
	return verifier{v.Name(), note.VerifierList(v)}, nil
}

var errCheckpoint = errors.New("is no checkpoint of this log")
