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

// refusal says what is wrong with a policy that accepts that share of all strings: exactly, or at least.
func (p Policy) refusal(share float64, exact bool) *Error {
	none, few := share < minShare, !p.FewCodes && share*p.space() < fewest-0.5
	switch {
	case !none && !few:
		return nil
	case !exact:
		return &Error{ReasonPolicy, "it cannot be shown that the policy leaves enough PINs of its Length and Alphabet: take a larger Alphabet, " +
			"another Length, or fewer rules and classes"}
	case none:
		return &Error{ReasonPolicy, "the policy refuses nearly all PINs of its Length and Alphabet: take another Length, an Alphabet with " +
			"more of what it asks for and less of the rest, or fewer rules and classes"}
	}
	return &Error{ReasonPolicy, "the policy must accept 65,536 PINs or more: make them longer, or let it have FewCodes"}
}

// space is the number of strings of the policy's length and alphabet, +Inf when there are more than a float64 can hold.
func (p Policy) space() float64 { return power(float64(len(p.Alphabet)), p.Length) }

// atLeast returns a share of all strings that the policy accepts for certain, without looking at any of them. It is exact when the policy
// has neither MaxSequence nor Rules nor values to avoid. Otherwise it may be far too low, and even negative.
func (p Policy) atLeast() (share float64, exact bool) {
	share, exact = p.classShare()-p.runShare()-p.refused(), p.MaxSequence == 0 && p.Rules == 0 && len(p.Avoid) == 0
	if p.Rules&stepRules == 0 {
		return share, exact
	}
	refused := stepShare(p.Length, float64(len(p.Alphabet)))
	if p.refusal(share-refused, exact) != nil && p.Length >= longRun && len(p.Alphabet) <= maxStepped {
		refused = p.stepped()
	}
	return share - refused, exact
}

// refused returns a share of all strings that the rules, but for stepRules, and the values to avoid do not exceed: a string that breaks
// two of them is counted twice, and all patterns count as if the alphabet had their characters.
func (p Policy) refused() float64 {
	n, k := p.Length, float64(len(p.Alphabet))
	one := power(1/k, n) // the share of a single string
	// So many strings may differ in case alone.
	c, cases := p.offered(), 1.0
	if c.upper > 0 && c.lower > 0 {
		cases = math.Ldexp(1, n)
	}
	sum := 0.0
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
		sum += one * keyed(n, c.numerals, cases)
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

// keyed bounds the number of strings of n characters, of which so many are numerals, that RuleKeypad refuses.
func keyed(n, numerals int, cases float64) float64 {
	parts := 0 // of the lines
	for _, line := range keyLines {
		parts += max(0, len(line)-n+1)
	}
	const ways = 2
	sum := float64(at(maxWalks[:], n)+len(squares)*4*ways) + cases*float64(parts*ways)
	if n%3 == 0 {
		sum += power(float64(min(9*ways, numerals*(numerals-1))), n/3) // nine lines of three, which two of their keys settle
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
