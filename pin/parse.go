package pin

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxTyped  = 256
	maxSecret = 64 << 10
)

// Parse takes a PIN that a person typed or chose: 1 to 256 bytes of valid UTF-8, without control characters, and without white
// space at either end. What it refuses is an *Error with ReasonLength, ReasonEncoding, ReasonControl or ReasonSpace. Which PINs
// are good ones is for a Policy to say.
func Parse(s string) (PIN, error) {
	switch {
	case len(s) < 1 || len(s) > maxTyped:
		return PIN{}, &Error{ReasonLength, "a PIN must have 1 to 256 bytes"}
	case !utf8.ValidString(s):
		return PIN{}, &Error{ReasonEncoding, "a PIN must be valid UTF-8"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return PIN{}, &Error{ReasonControl, "a PIN must not contain control characters"}
	case strings.TrimSpace(s) != s:
		return PIN{}, &Error{ReasonSpace, "a PIN must not begin or end with white space"}
	}
	return hold(strings.Clone(s)), nil
}

// Bytes takes a secret that no person types, such as an unlock token or a bootstrap token: 1 byte to 64 KiB of anything. It
// copies b, which the caller may then wipe. What it refuses is an *Error with ReasonLength.
func Bytes(b []byte) (PIN, error) {
	if len(b) < 1 || len(b) > maxSecret {
		return PIN{}, &Error{ReasonLength, "a secret must have 1 to 65536 bytes"}
	}
	return hold(string(b)), nil
}
