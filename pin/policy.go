package pin

// Policy says which PINs are good ones. A field that is left zero rules nothing, so that the zero Policy accepts every PIN: it is
// the policy where the device makes the PIN.
type Policy struct {
	// Length is the exact number of characters (Unicode code points), at most 256. Generate needs it.
	Length int
	// Alphabet holds the allowed characters, each once: at least two of printable ASCII, no space. Their order means nothing.
	// Generate needs it.
	Alphabet string
	// MinLetters and its siblings are how many characters of a class there must be at least. Letters, capitals, small letters and
	// digits are Unicode's, symbols are the other printable characters of ASCII, and non-letters are digits and symbols.
	MinLetters, MinUpper, MinLower, MinDigits, MinSymbols, MinNonLetters int
	// MaxSequence is how many characters in equal steps there may be in a row at most, counted as Android does: from digit to digit any
	// step, from letter to letter of the same case of ASCII none and one up or down, and of other characters none. Steps do not wrap, as
	// they do for Rules: 8901 is 89 and 01. 0: any number.
	MaxSequence int
	// Rules refuse what people try first.
	Rules Rule
	// Avoid holds values that a guesser may know, such as the serial number and the phone number. A PIN that one of them contains is
	// refused: letters in either case; a PIN of digits also when it is contained in the value's digits alone, so that +44 20 7946
	// refuses 207946. Of each value the first 1,024 bytes count; an empty one counts for nothing.
	Avoid []string
	// FewCodes accepts that fewer than 65,536 PINs satisfy the policy, as with four digits. Without it Generate refuses such a policy.
	FewCodes bool
}

// Rule is a set of refusals. Each of them looks at the PIN alone, never at the policy's other fields, and has the Reason of its name.
type Rule uint16

// The refusals of this package, in the order of Findings. Steps wrap from 9 to 0 and from z to a, in both directions;
// there is no step from a letter to a digit, nor between a capital and a small letter.
const (
	// RuleRepeat refuses one character throughout, or five times in a row: 1111, 711111.
	RuleRepeat Rule = 1 << iota
	// RuleSequence refuses a run up or down throughout, or one of five characters: 1234, 890123, 765439.
	RuleSequence
	// RuleStep refuses any other constant step throughout, or in five characters in a row: 2468, 246807, 505050.
	RuleStep
	// RulePattern refuses a block repeated throughout, the last one perhaps cut short, and doubled characters throughout: 121212,
	// 7397397, 112233.
	RulePattern
	// RuleMirror refuses four or more characters that read the same backwards: 1221, 12321.
	RuleMirror
	// RuleDate refuses four, six or eight digits that are a date. Years are 1900 to 2099, and every year has a 29 February. Four
	// digits: YYYY, DDMM, MMDD. Six: DDMMYY, MMDDYY, YYMMDD, MMYYYY, YYYYMM. Eight: DDMMYYYY, MMDDYYYY, YYYYMMDD.
	RuleDate
	// RuleKeypad refuses four or more characters that follow the keys. On a telephone's keypad (0 below 8): a way from key to
	// neighbouring key, also diagonally, that meets none twice (147896); a way round the corners of a square, as often as one likes
	// (139713); and lines of three, one after the other (159753). On a QWERTY keyboard, either way: a part of a row, of the
	// columns (1qaz2wsx, qazwsx), or of the two upper rows in turn (1q2w3e).
	RuleKeypad
	// RuleCommon refuses those of a list of 92, in either case, that were found to be used most: see the package comment.
	RuleCommon

	// RuleAll is all of them.
	RuleAll Rule = 1<<iota - 1
)

// SixDigits is the policy of six ASCII digits with RuleAll: 905,207 PINs.
func SixDigits() Policy {
	return Policy{Length: 6, Alphabet: "0123456789", Rules: RuleAll}
}

// IsZero reports whether the policy rules nothing.
func (p Policy) IsZero() bool {
	return p.Length == 0 && p.Alphabet == "" && !p.hasClasses() && p.MaxSequence == 0 && p.Rules == 0 && len(p.Avoid) == 0
}

// sound returns an *Error with ReasonPolicy when the policy contradicts itself.
func (p Policy) sound() *Error {
	switch {
	case p.Length < 0 || p.Length > maxTyped:
		return &Error{ReasonPolicy, "the policy's Length must be 0 to 256"}
	case p.MaxSequence < 0 || p.MaxSequence > maxTyped:
		return &Error{ReasonPolicy, "the policy's MaxSequence must be 0 to 256"}
	case p.Rules&^RuleAll != 0:
		return &Error{ReasonPolicy, "the policy's Rules must be among those of RuleAll"}
	case p.Alphabet != "" && !distinct(p.Alphabet):
		return &Error{ReasonPolicy, "the policy's Alphabet must have two or more characters of printable ASCII, each once, and no space"}
	case p.hasClasses():
		return p.soundClasses()
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
