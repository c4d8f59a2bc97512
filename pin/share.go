package pin

import "math"

const (
	fewest   = 1 << 16   // PINs that a policy must accept, unless it has FewCodes
	maxCount = 1 << 20   // strings of a length and alphabet that are counted out
	minShare = 1. / 4096 // of draws that must be good, so that 170,000 draws find a PIN all but surely
)

// drawable returns an *Error with ReasonPolicy when there is nothing to draw from.
func (p Policy) drawable() *Error {
	if err := p.sound(); err != nil {
		return err
	}
	if p.Length == 0 || p.Alphabet == "" {
		return &Error{ReasonPolicy, "the policy needs a Length and an Alphabet to generate from"}
	}
	return nil
}

// refusal says what is wrong with a policy that accepts that share of all strings.
func (p Policy) refusal(share float64) *Error {
	switch {
	case share < minShare:
		return &Error{ReasonPolicy, "the policy refuses nearly all PINs of its Length and Alphabet: take another Length or a narrower " +
			"Alphabet, or fewer rules"}
	case !p.FewCodes && share*p.space() < fewest-0.5:
		return &Error{ReasonPolicy, "the policy must accept 65,536 PINs or more: make them longer, or let it have FewCodes"}
	}
	return nil
}

// space is the number of strings of the policy's length and alphabet, +Inf when there are more than a float64 can hold.
func (p Policy) space() float64 { return power(float64(len(p.Alphabet)), p.Length) }

// atLeast returns a share of all strings that the policy accepts for certain, without looking at any of them. It is exact when the policy
// has neither Rules nor values to avoid. Otherwise it may be far too low, and even negative.
func (p Policy) atLeast() (share float64, exact bool) {
	return p.classShare() - p.refused(), p.Rules == 0 && len(p.Avoid) == 0
}

// refused returns a share of all strings that the rules and the values to avoid do not exceed: a string that breaks two of them is
// counted twice, and all patterns count as if the alphabet had their characters.
func (p Policy) refused() float64 {
	n, k := p.Length, float64(len(p.Alphabet))
	one := power(1/k, n) // the share of a single string
	// So many strings may differ in case alone.
	cases := 1.0
	if c := p.offered(); c.upper > 0 && c.lower > 0 {
		cases = math.Ldexp(1, n)
	}
	sum := 0.0
	if p.Rules&(RuleRepeat|RuleSequence|RuleStep) != 0 {
		sum += stepShare(n, k)
	}
	if p.Rules&RulePattern != 0 {
		sum += power(1/k, n/2) // doubled
		for block := 2; block <= n/2; block++ {
			sum += power(1/k, n-block)
		}
	}
	if p.Rules&RuleMirror != 0 {
		sum += power(1/k, n/2)
	}
	if p.Rules&RuleDate != 0 {
		sum += one * float64(at(maxDates[:], n))
	}
	if p.Rules&RuleKeypad != 0 {
		sum += one * keyed(n, cases)
	}
	if p.Rules&RuleCommon != 0 && n < len(common) {
		sum += one * cases * float64(len(common[n]))
	}
	for _, value := range p.Avoid {
		sum += one * cases * float64(2*min(len(value), maxAvoid)) // as it stands, and its digits
	}
	return sum
}

// stepShare bounds the constant steps: the first two characters settle those that follow.
func stepShare(n int, k float64) float64 {
	if n < longRun {
		return power(1/k, max(n-2, 0))
	}
	return float64(n-longRun+1) * power(1/k, longRun-2)
}

// maxDates counts each form of a date on its own: 366 days, 100 or 200 years. maxWalks counts the ways over neighbouring keys.
var (
	maxDates = [...]int{4: 200 + 2*366, 6: 3*366*100 + 2*12*200, 8: 3 * 366 * 200}
	maxWalks = [...]int{4: 630, 1714, 3756, 6458, 8228, 6928, 2780}
)

// keyed bounds the number of strings of n characters that RuleKeypad refuses.
func keyed(n int, cases float64) float64 {
	keys := 0
	for _, line := range keyLines {
		keys += len(line)
	}
	const ways = 2
	sum := float64(at(maxWalks[:], n)+len(squares)*4*ways) + cases*float64(keys*ways)
	if n%3 == 0 {
		sum += power(9*ways, n/3) // nine lines of three
	}
	return sum
}

func at(table []int, n int) int {
	if n < len(table) {
		return table[n]
	}
	return 0
}

func power(base float64, n int) float64 {
	product := 1.0
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			product *= base
		}
		base *= base
	}
	return product
}

// counted returns the share of strings that the policy accepts by trying all of them, at most maxCount.
func (p Policy) counted() float64 {
	chars, index := make([]rune, p.Length), make([]int, p.Length)
	for i := range chars {
		chars[i] = rune(p.Alphabet[0])
	}
	good := 0
	for i := 0; i >= 0; {
		if p.accepts(chars) {
			good++
		}
		// The next string is the next number to the base of the alphabet's size.
		for i = p.Length - 1; i >= 0; i-- {
			index[i] = (index[i] + 1) % len(p.Alphabet)
			chars[i] = rune(p.Alphabet[index[i]])
			if index[i] != 0 {
				break
			}
		}
	}
	return float64(good) / p.space()
}
