package android

import (
	"strings"

	"github.com/latchkey-mdm/latchkey/pin"
)

// Reason is what a passcode breaks, by the name that Android gives it (PasswordValidationError).
type Reason string

// The reasons.
const (
	WeakCredentialType       Reason = "WEAK_CREDENTIAL_TYPE" //nolint:gosec // a reason: digits for a password, or nothing
	ContainsInvalidCharacter Reason = "CONTAINS_INVALID_CHARACTERS"
	TooLong                  Reason = "TOO_LONG"
	TooShort                 Reason = "TOO_SHORT"
	TooShortWhenAllNumeric   Reason = "TOO_SHORT_WHEN_ALL_NUMERIC" // long enough if it had a character that is no digit
	NotEnoughLetters         Reason = "NOT_ENOUGH_LETTERS"
	NotEnoughUpperCase       Reason = "NOT_ENOUGH_UPPER_CASE"
	NotEnoughLowerCase       Reason = "NOT_ENOUGH_LOWER_CASE"
	NotEnoughDigits          Reason = "NOT_ENOUGH_DIGITS"
	NotEnoughSymbols         Reason = "NOT_ENOUGH_SYMBOLS"
	NotEnoughNonLetter       Reason = "NOT_ENOUGH_NON_LETTER"
	NotEnoughNonDigits       Reason = "NOT_ENOUGH_NON_DIGITS"
	ContainsSequence         Reason = "CONTAINS_SEQUENCE"
)

const (
	shortest = 4  // LockPatternUtils.MIN_LOCK_PASSWORD_SIZE
	longest  = 16 // MAX_PASSWORD_LENGTH, from API level 30 on; PasswordMetrics holds the length that a policy asks for to it too
)

// Validate returns all that a device of that API level has against a passcode, and nothing when it takes it. The zero PIN stands for no
// passcode. A device below API level 30 refuses without a reason, so that its rules are given the names that later levels have for them; it
// takes any characters, and more than 16. The API level 0, of a device that has not said its own, stands for all from 26 on: what one of
// them refuses is refused.
func Validate(code pin.PIN, apiLevel int, p Policy) []Reason {
	text := code.Expose()
	if apiLevel > 0 {
		return p.refuses(text, apiLevel)
	}
	var all []Reason
	for _, level := range [...]int{android8, android11, android12, android13, android15} {
		all = union(all, p.refuses(text, level))
	}
	return all
}

func union(list, more []Reason) []Reason {
	for _, r := range more {
		list = appendNew(list, r)
	}
	return list
}

func appendNew(list []Reason, r Reason) []Reason {
	for _, have := range list {
		if have == r {
			return list
		}
	}
	return append(list, r)
}

func (p Policy) refuses(text string, apiLevel int) []Reason {
	if text == "" {
		if p.AllowsNone(apiLevel) {
			return nil
		}
		return []Reason{WeakCredentialType}
	}
	m := measure(text, apiLevel)
	if apiLevel < android11 {
		return p.refusesByQuality(m)
	}
	return p.refusesByMetrics(m, apiLevel)
}

// lack is a reason that holds for some passcodes.
type lack struct {
	holds  bool
	reason Reason
}

func those(list ...lack) (reasons []Reason) {
	for _, l := range list {
		if l.holds {
			reasons = append(reasons, l.reason)
		}
	}
	return reasons
}

// refusesByQuality is DevicePolicyManagerService below API level 30: the passcode has a quality, which must be the one that is asked for
// or better. Four characters are what the lock settings ask for after that.
func (p Policy) refusesByQuality(m *metrics) []Reason {
	q := p.Quality.effective()
	return those(append([]lack{
		{m.length < p.minLength(), TooShort},
		{q == QualityAlphanumeric && m.numeric == 0, NotEnoughDigits},
		{(q == QualityAlphabetic || q == QualityAlphanumeric) && m.nonNumeric() == 0, NotEnoughNonDigits},
		{q == QualityNumericComplex && m.nonNumeric() == 0 && m.sequence > maxSequence, ContainsSequence},
	}, p.classes(q, m)...)...)
}

// classes are the least numbers of characters that QualityComplex asks for.
func (p Policy) classes(q Quality, m *metrics) []lack {
	if q != QualityComplex {
		return nil
	}
	return []lack{
		{m.letters < p.Letters, NotEnoughLetters},
		{m.upper < p.Upper, NotEnoughUpperCase},
		{m.lower < p.Lower, NotEnoughLowerCase},
		{m.numeric < p.Numeric, NotEnoughDigits},
		{m.symbols < p.Symbols, NotEnoughSymbols},
		{m.nonLetter() < p.NonLetter, NotEnoughNonLetter},
	}
}

// refusesByMetrics is PasswordMetrics.validatePassword. API level 30 takes digits alone for a password, and takes no heed of complexity.
func (p Policy) refusesByMetrics(m *metrics, apiLevel int) []Reason {
	q, c := p.Quality.effective(), p.complexityAt(apiLevel)
	switch {
	case q >= QualityAlphabetic && m.digits && apiLevel >= android12:
		return []Reason{WeakCredentialType}
	case m.strange:
		return []Reason{ContainsInvalidCharacter}
	}
	asked := min(p.minLength(), longest)
	least, short := max(asked, c.shortest(m.digits)), TooShort
	if apiLevel >= android13 && m.length >= max(asked, c.shortest(false)) {
		short = TooShortWhenAllNumeric
	}
	reasons := those(lack{m.length > longest, TooLong}, lack{m.length < least, short})
	reasons = append(reasons, those(p.classes(q, m)...)...)
	return append(reasons, those(
		lack{q == QualityAlphanumeric && m.numeric == 0, NotEnoughDigits},
		lack{(q == QualityAlphabetic || q == QualityAlphanumeric) && m.nonNumeric() == 0, NotEnoughNonDigits},
		lack{(q == QualityNumericComplex || c >= ComplexityMedium) && m.sequence > maxSequence, ContainsSequence},
	)...)
}

// code is the reason as the code of a finding.
func (r Reason) code() string { return strings.ToLower(string(r)) }

// words says the reason; they give no example, which could be the passcode.
func (r Reason) words() string {
	switch r {
	case WeakCredentialType:
		return "it must be a password with letters or symbols, not digits alone"
	case ContainsInvalidCharacter:
		return "it may have characters of ASCII only"
	case TooLong:
		return "it must have at most 16 characters"
	case TooShort:
		return "it is too short"
	case TooShortWhenAllNumeric:
		return "of digits alone it is too short"
	case NotEnoughLetters:
		return "it has too few letters"
	case NotEnoughUpperCase:
		return "it has too few capital letters"
	case NotEnoughLowerCase:
		return "it has too few small letters"
	case NotEnoughDigits:
		return "it has too few digits"
	case NotEnoughSymbols:
		return "it has too few symbols"
	case NotEnoughNonLetter:
		return "it has too few digits or symbols"
	case NotEnoughNonDigits:
		return "it needs a character that is no digit"
	case ContainsSequence:
		return "more than three characters follow each other in equal steps"
	}
	return "it breaks a rule of its own"
}
