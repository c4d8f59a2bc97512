package android

import (
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/pin"
)

const (
	pinLength      = 8  // digits: what ComplexityHigh asks for
	passwordLength = 12 // characters, where letters are asked for
)

// What is drawn from: characters that every keyboard has and that are not easily mistaken for one another.
const (
	numerals     = "0123456789"
	clearDigits  = "23456789"
	clearLetters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
	fewLetters   = "adehkrADEHKR" // where a policy asks for many characters of the other classes
	clearSymbols = "!#%+-=?@"
)

// printable is what may be typed: ASCII without space (33 to 126), which every API level takes.
const printable = "!\"#$%&'()*+,-./" + numerals + ":;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// PIN returns the policy by which a passcode is generated for the device: what it draws, Validate accepts on every API level, so that the
// level makes no difference today. Where digits will do there are eight of them, or as many as the policy asks for; where letters are
// asked for there are at least 12 characters that are not easily mistaken. At most three follow each other in equal steps, and pin.RuleAll
// holds. Of a policy that nothing satisfies on all levels, or hardly anything, the result has no Length, and its Generate fails with
// pin.ReasonPolicy.
func (p Policy) PIN(_ int) pin.Policy {
	drawn := pin.Policy{MaxSequence: maxSequence, Rules: pin.RuleAll, Alphabet: numerals}
	q := p.Quality.effective()
	if q < QualityAlphabetic {
		if n := max(pinLength, p.minLength()); n <= longest {
			drawn.Length = n
		}
		return drawn
	}
	drawn.MinLetters = 1
	symbols := ""
	switch q {
	case QualityAlphanumeric:
		drawn.MinDigits = 1
	case QualityComplex:
		drawn.MinLetters, drawn.MinUpper, drawn.MinLower = max(1, p.Letters), p.Upper, p.Lower
		drawn.MinDigits, drawn.MinSymbols, drawn.MinNonLetters = p.Numeric, p.Symbols, p.NonLetter
		if p.Symbols > 0 {
			symbols = clearSymbols
		}
	}
	for drawn.Length = max(passwordLength, p.minLength()); drawn.Length <= longest; drawn.Length++ {
		for _, letters := range [...]string{clearLetters, fewLetters} {
			drawn.Alphabet = letters + clearDigits + symbols
			if bits, _ := drawn.Entropy(); bits > 0 {
				return drawn
			}
		}
	}
	drawn.Length = 0
	return drawn
}

// chosen is what a passcode of the caller's own must obey beside Validate: that everybody can type it, and that it is not tried first.
func chosen(code pin.PIN) pin.Policy {
	return pin.Policy{Length: min(utf8.RuneCountInString(code.Expose()), 256), Alphabet: printable, Rules: pin.RuleAll}
}
