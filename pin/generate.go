package pin

import "crypto/rand"

// maxTries bounds the search for a PIN that is not trivial. The worst policy, three characters of the alphabet 05, accepts half
// of all draws.
const maxTries = 128

// Generate makes a PIN at random, each one that Check accepts with the same probability. The bits come from crypto/rand. The
// policy must have a Length and an Alphabet; an *Error with ReasonPolicy says what is missing or cannot be satisfied.
func (p Policy) Generate() (PIN, error) {
	if err := p.sound(); err != nil {
		return PIN{}, err
	}
	if p.Length == 0 || p.Alphabet == "" {
		return PIN{}, &Error{ReasonPolicy, "the policy needs a Length and an Alphabet to generate from"}
	}
	var room [maxTyped]byte
	for range maxTries {
		draw(room[:p.Length], p.Alphabet)
		s := string(room[:p.Length])
		if !p.NoTrivial || nonTrivial(s) == nil {
			return hold(s), nil
		}
	}
	return PIN{}, &Error{ReasonPolicy, "the policy leaves nothing to generate"}
}

// draw fills out with characters of the alphabet, which has at most 94, all equally likely.
func draw(out []byte, alphabet string) {
	// Bytes at and above the largest multiple of the alphabet's size are thrown away: taken modulo, they would favour its beginning.
	size := len(alphabet)
	limit := 256 - 256%size
	var random [32]byte
	for i := 0; i < len(out); {
		// crypto/rand never returns an error: it ends the program when the system has no randomness.
		_, _ = rand.Read(random[:])
		for _, b := range random {
			if int(b) < limit && i < len(out) {
				out[i] = alphabet[int(b)%size]
				i++
			}
		}
	}
}
