package pin

import "math"

// sampler is a policy that is ready for many strings of its length and alphabet.
type sampler struct {
	policy  Policy
	refused map[string]bool // what Avoid refuses, in small letters; nil: the values are looked through each time
	share   float64         // of the strings: that many at least are accepted
}

// sampler returns an *Error with ReasonPolicy when there is nothing to draw from, or too little.
func (p Policy) sampler() (sampler, *Error) {
	s := sampler{policy: p}
	if err := p.drawable(); err != nil {
		return s, err
	}
	share, exact := p.atLeast()
	refusal := p.refusal(share, exact)
	if refusal != nil && !exact && p.space() <= maxCount {
		s.refused = p.refusedByAvoid()
		share = s.counted()
		refusal = p.refusal(share, true)
	}
	s.share = share
	return s, refusal
}

// next draws one PIN.
func (s *sampler) next() (PIN, error) {
	var room [maxTyped]byte
	var runes [maxTyped]rune
	code, chars := room[:s.policy.Length], runes[:s.policy.Length]
	for range tries(s.share) {
		draw(code, s.policy.Alphabet)
		for i, c := range code {
			chars[i] = rune(c)
		}
		if s.accepts(chars) {
			return hold(string(code)), nil
		}
	}
	return PIN{}, &Error{ReasonPolicy, "no PIN was found that satisfies the policy"}
}

// accepts is Findings for a PIN that has the policy's length and alphabet: it says only whether there are any.
func (s *sampler) accepts(chars []rune) bool {
	p := &s.policy
	return p.hasClassesIn(chars) && !p.hasRunIn(chars) && (p.Rules == 0 || p.Rules&weaknesses(chars) == 0) && !s.avoids(chars)
}

func (s *sampler) avoids(chars []rune) bool {
	if s.refused == nil {
		return s.policy.avoids(chars)
	}
	var room [maxTyped]byte
	small := room[:len(chars)]
	for i, c := range chars {
		small[i] = byte(fold(c))
	}
	return s.refused[string(small)]
}

// counted returns the share of strings that the policy accepts by trying all of them, at most maxCount.
func (s *sampler) counted() float64 {
	length, alphabet := s.policy.Length, s.policy.Alphabet
	chars, index := make([]rune, length), make([]int, length)
	for i := range chars {
		chars[i] = rune(alphabet[0])
	}
	good := 0
	for i := 0; i >= 0; {
		if s.accepts(chars) {
			good++
		}
		// The next string is the next number to the base of the alphabet's size.
		for i = length - 1; i >= 0; i-- {
			index[i] = (index[i] + 1) % len(alphabet)
			chars[i] = rune(alphabet[index[i]])
			if index[i] != 0 {
				break
			}
		}
	}
	return float64(good) / s.policy.space()
}

// tries is how many draws find nothing with a probability below 2^-60, when at least that share of them is good: one more than that
// takes, since the share was rounded.
func tries(share float64) int {
	return 2 + int(60*math.Ln2/-math.Log1p(-share))
}
