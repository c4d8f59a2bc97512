package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"

	"github.com/latchkey-mdm/latchkey/lock"
)

// Key is a signing key of the server: P-256, for ES256. It does not print, and no encoder takes it; use Marshal. The zero Key is none.
type Key struct {
	private func() *ecdsa.PrivateKey // a closure, since fmt would print a struct's fields
	public  jwk                      // with its ID
}

// NewKey makes a key from the system's random numbers.
func NewKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make a signing key: %w", err)
	}
	return newKey(private)
}

// ParseKey reads what Marshal wrote. An error is a *lock.InputError and holds nothing of it.
func ParseKey(der []byte) (Key, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	private, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || private.Curve != elliptic.P256() {
		return Key{}, &lock.InputError{Field: "key", Rule: "must be a P-256 private key in PKCS #8"}
	}
	return newKey(private)
}

func newKey(private *ecdsa.PrivateKey) (Key, error) {
	public, err := formatJWK(&private.PublicKey)
	if err != nil {
		return Key{}, err
	}
	public.KeyID = public.thumbprint()
	return Key{private: func() *ecdsa.PrivateKey { return private }, public: public}, nil
}

// Marshal returns the private key in PKCS #8 (RFC 5958): seal it, and keep it durable, before the first device enrols. Devices accept
// commands of the keys that they learnt at enrolment alone, so a key that is lost means that they must all enrol again.
func (k Key) Marshal() ([]byte, error) {
	if k.private == nil {
		return nil, &lock.InputError{Field: "key", Rule: "is missing: make one with NewKey"}
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private())
	if err != nil {
		return nil, fmt.Errorf("write the signing key: %w", err)
	}
	return der, nil
}

// ID is the key's name in what it signs: its thumbprint (RFC 7638) in base64url. The zero Key has none.
func (k Key) ID() string { return k.public.KeyID }

// Format writes the key's ID, whatever the verb.
func (k Key) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "key "+k.ID()) }

// LogValue returns the key's ID.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.ID()) }

// MarshalText fails: what is written where the key belongs would lose it.
func (Key) MarshalText() ([]byte, error) {
	return nil, &lock.InputError{Field: "key", Rule: "cannot be encoded: use Marshal, and seal what it returns"}
}
