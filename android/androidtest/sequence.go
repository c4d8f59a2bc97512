package androidtest

// The categories of the sequence rule, and the largest step inside one of them that still makes a sequence.
const (
	lowerCase = iota
	upperCase
	digit
	symbol
)

func category(u uint16) int {
	switch {
	case u >= 'a' && u <= 'z':
		return lowerCase
	case u >= 'A' && u <= 'Z':
		return upperCase
	case u >= '0' && u <= '9':
		return digit
	}
	return symbol
}

func maxStep(category int) int {
	switch category {
	case lowerCase, upperCase:
		return 1
	case digit:
		return 10
	}
	return 0
}

// longestSequence is the length of the longest run with one constant step: 1357, 4444, cba, ;;;;.
// Two neighbours of one category always make a run of two when their step is allowed.
func longestSequence(s []uint16) int {
	best, run, step := min(1, len(s)), 1, 0
	for i := 1; i < len(s); i++ {
		d := int(s[i]) - int(s[i-1])
		allowed := category(s[i]) == category(s[i-1]) && max(d, -d) <= maxStep(category(s[i]))
		switch {
		case !allowed:
			run = 1
		case run > 1 && d != step:
			run = 2 // the one before and this one begin the next run
		default:
			run++
		}
		step = d
		best = max(best, run)
	}
	return best
}
