package pin

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Policy says which PINs are good ones. A field that is left zero rules nothing, so that the zero Policy accepts every PIN: it is
// the policy where the device makes the PIN.
type Policy struct {
	// Length is the exact number of characters (Unicode code points), at most 256.
	Length int
	// Alphabet holds the allowed characters, each once: at least two of printable ASCII, no space. Their order means nothing.
	Alphabet string
	// NoTrivial refuses what people try first: one character throughout (111111), runs up and down (123456, 890123, 654321),
	// any other constant step (246802), and a block repeated (121212, 123123). Steps wrap from 9 to 0 and from z to a.
	NoTrivial bool
}

// SixDigits is the policy of six ASCII digits that are not trivial: 998,830 PINs.
func SixDigits() Policy {
	return Policy{Length: 6, Alphabet: "0123456789", NoTrivial: true}
}

// IsZero reports whether the policy rules nothing.
func (p Policy) IsZero() bool { return p == Policy{} }

// Check returns nil when the PIN satisfies the policy, and else an *Error with the first rule that it breaks. The zero PIN
// satisfies no policy. ReasonPolicy means that the policy itself is at fault.
func (p Policy) Check(secret PIN) error {
	if err := p.sound(); err != nil {
		return err
	}
	s := secret.Expose()
	switch {
	case s == "":
		return &Error{ReasonLength, "there is no PIN"}
	case len(s) > maxTyped && !p.IsZero():
		return &Error{ReasonLength, "the PIN must have at most 256 bytes"}
	case p.Length > 0 && utf8.RuneCountInString(s) != p.Length:
		return &Error{ReasonLength, fmt.Sprintf("the PIN must have exactly %d characters", p.Length)}
	case p.Alphabet != "" && strings.Trim(s, p.Alphabet) != "":
		return &Error{ReasonAlphabet, fmt.Sprintf("the PIN must consist of the characters %s", p.Alphabet)}
	case p.NoTrivial:
		return nonTrivial(s)
	}
	return nil
}

// sound refuses a policy that contradicts itself.
func (p Policy) sound() error {
	switch {
	case p.Length < 0 || p.Length > maxTyped:
		return &Error{ReasonPolicy, "the policy's Length must be 0 to 256"}
	case p.NoTrivial && (p.Length == 1 || p.Length == 2):
		return &Error{ReasonPolicy, "the policy has a Length below 3, and every such PIN is trivial"}
	case p.Alphabet != "" && !distinct(p.Alphabet):
		return &Error{ReasonPolicy, "the policy's Alphabet must have two or more characters of printable ASCII, each once, and no space"}
	}
	return nil
}

func distinct(alphabet string) bool {
	var seen [128]bool
	for i := range len(alphabet) {
		c := alphabet[i]
		if c <= ' ' || c > '~' || seen[c] {
			return false
		}
		seen[c] = true
	}
	return len(alphabet) >= 2
}
