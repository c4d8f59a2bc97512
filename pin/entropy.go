package pin

import "math"

// Entropy returns the logarithm, to the base of two, of the number of PINs that the policy accepts: so many bits a guesser has to find
// who knows the policy and nothing else. It is exact when the policy has neither MaxSequence, Rules nor values to avoid, and when there are at
// most 2^20 strings of its Length and Alphabet, which are counted (in up to 0.5 s, so keep the result). Otherwise at least so many PINs
// are accepted, and exact is false. A policy that Generate refuses has 0 bits, not exact.
func (p Policy) Entropy() (bits float64, exact bool) {
	if p.drawable() != nil {
		return 0, false
	}
	share, exact := p.atLeast()
	few := p.space() <= maxCount
	if few && !exact {
		s := sampler{policy: p, refused: p.refusedByAvoid()}
		share, exact = s.counted(), true
	}
	if p.refusal(share, exact) != nil {
		return 0, false
	}
	if few {
		return math.Log2(math.Round(share * p.space())), true // of a whole number, so that a single PIN has 0 bits, and not less
	}
	return float64(p.Length)*math.Log2(float64(len(p.Alphabet))) + math.Log2(share), exact
}
