package pin

import (
	"crypto/subtle"
	"database/sql/driver"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// PIN is a secret: a PIN that a person types, or the bytes of a token. The zero PIN holds nothing.
//
// Everything that prints a PIN writes "[redacted]", and every encoder fails with ErrSecret: a placeholder that is stored where
// the secret belongs would lose it. A PIN cannot be compared with == nor be a map key; use Equal. Reflection does not see into
// it either, so deep comparison of two structs that hold one is always false.
type PIN struct {
	// A closure, since fmt calls no methods on unexported fields: a string here would be printed when a PIN is a field of
	// somebody's struct.
	digits func() string
}

func hold(s string) PIN { return PIN{digits: func() string { return s }} }

// Expose returns the secret in clear, and "" for the zero PIN. It is the only way out: call it where the digits must leave,
// and keep the result no longer than that.
func (p PIN) Expose() string {
	if p.digits == nil {
		return ""
	}
	return p.digits()
}

// Equal reports whether both hold the same secret. Its time depends on the lengths alone. Two zero PINs are equal.
func (p PIN) Equal(q PIN) bool {
	return subtle.ConstantTimeCompare([]byte(p.Expose()), []byte(q.Expose())) == 1
}

// IsZero reports whether the PIN holds nothing.
func (p PIN) IsZero() bool { return p.digits == nil }

// Format writes "[redacted]" whatever the verb and its flags.
func (p PIN) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, redacted) }

// String returns "[redacted]".
func (p PIN) String() string { return redacted }

// GoString returns "[redacted]".
func (p PIN) GoString() string { return redacted }

// LogValue returns "[redacted]".
func (p PIN) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText fails with ErrSecret. With it fail encoding/xml, for elements and attributes, and all encoders that look for text.
func (p PIN) MarshalText() ([]byte, error) { return nil, ErrSecret }

// AppendText fails with ErrSecret.
func (p PIN) AppendText(b []byte) ([]byte, error) { return b, ErrSecret }

// MarshalBinary fails with ErrSecret.
func (p PIN) MarshalBinary() ([]byte, error) { return nil, ErrSecret }

// AppendBinary fails with ErrSecret.
func (p PIN) AppendBinary(b []byte) ([]byte, error) { return b, ErrSecret }

// MarshalJSON fails with ErrSecret.
func (p PIN) MarshalJSON() ([]byte, error) { return nil, ErrSecret }

// MarshalYAML fails with ErrSecret.
func (p PIN) MarshalYAML() (any, error) { return nil, ErrSecret }

// MarshalPlist fails with ErrSecret.
func (p PIN) MarshalPlist() (any, error) { return nil, ErrSecret }

// GobEncode fails with ErrSecret.
func (p PIN) GobEncode() ([]byte, error) { return nil, ErrSecret }

// Value fails with ErrSecret: a database column takes a Box.
func (p PIN) Value() (driver.Value, error) { return nil, ErrSecret }
