package mdmproto

import (
	"errors"
	"log/slog"
)

// Token is a push token or a PushMagic: no secret that opens anything, but enough to name a device to APNs, so it does
// not print. Bytes is the only way out; every encoder fails. The zero Token is empty.
type Token struct{ value func() []byte } // a closure, since fmt prints unexported fields without asking their methods

// newToken keeps b, which must not change afterwards.
func newToken(b []byte) Token {
	if len(b) == 0 {
		return Token{}
	}
	return Token{value: func() []byte { return b }}
}

// Bytes is the token itself, for APNs and the table of enrolments; nil when it is empty. Do not change it.
func (t Token) Bytes() []byte {
	if t.value == nil {
		return nil
	}
	return t.value()
}

// String implements fmt.Stringer: always [redacted].
func (Token) String() string { return "[redacted]" }

// LogValue implements slog.LogValuer.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText fails, so that no encoder writes a placeholder where the token should be.
func (Token) MarshalText() ([]byte, error) {
	return nil, errors.New("mdmproto: a Token is not encoded: store Token.Bytes")
}
