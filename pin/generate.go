package pin

import "crypto/rand"

// Generate makes a PIN at random, each one that Check accepts with the same probability. The bits come from crypto/rand. The
// policy must have a Length and an Alphabet; an *Error with ReasonPolicy says what is missing or cannot be satisfied, or that fewer than
// 65,536 PINs satisfy a policy without FewCodes.
//
// Its cost is that of a few draws, unless the policy's rules and values refuse so many of so few strings, at most 2^20, that they must be
// counted first: that takes up to 0.5 s each time. A policy that accepts less than one in 4,096 strings of its Length and Alphabet, or whose
// rules might refuse all but so few, is refused.
func (p Policy) Generate() (PIN, error) {
	s, err := p.sampler()
	if err != nil {
		return PIN{}, err
	}
	return s.next()
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
