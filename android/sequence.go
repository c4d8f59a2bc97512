package android

const maxSequence = 3 // characters in equal steps (PasswordMetrics.MAX_ALLOWED_SEQUENCE)

// MaxLengthSequence is how many characters of a text follow each other in equal steps at most, as PasswordMetrics.maxLengthSequence counts
// them on every API level from 22 to 35: from digit to digit any step, from letter to letter of the same case of ASCII none and one up or
// down, and of all other characters none. Steps do not wrap. It is 0 for the empty text. Characters are UTF-16 code units, as in Java.
func MaxLengthSequence(s string) int { return longestSequence(units(s)) }

func longestSequence(chars []int) int {
	if len(chars) == 0 {
		return 0
	}
	best, run, last := 1, 1, 0
	for i := 1; i < len(chars); i++ {
		step := chars[i] - chars[i-1]
		switch {
		case !follows(chars[i-1], step):
			run = 1
		case step != last:
			run = 2
		default:
			run++
		}
		last = step
		best = max(best, run)
	}
	return best
}

// follows reports whether a step leads from a character to another of its category, and is none that is too long for it.
func follows(from, step int) bool {
	longest := 0
	switch categoryOf(from) {
	case digit:
		longest = 10
	case lower, upper:
		longest = 1
	}
	return -longest <= step && step <= longest && categoryOf(from) == categoryOf(from+step)
}

// category is what PasswordMetrics sorts a character into.
type category int

const (
	symbol category = iota
	lower
	upper
	digit
)

func categoryOf(char int) category {
	switch {
	case 'a' <= char && char <= 'z':
		return lower
	case 'A' <= char && char <= 'Z':
		return upper
	case '0' <= char && char <= '9':
		return digit
	}
	return symbol
}
