package androidtest

import (
	"strings"
	"unicode/utf16"
)

// Quality is a password quality of setPasswordQuality, with the platform's numbers.
type Quality int

// The qualities.
const (
	QualityUnspecified    Quality = 0
	QualityBiometricWeak  Quality = 0x8000
	QualitySomething      Quality = 0x10000
	QualityNumeric        Quality = 0x20000
	QualityNumericComplex Quality = 0x30000
	QualityAlphabetic     Quality = 0x40000
	QualityAlphanumeric   Quality = 0x50000
	QualityComplex        Quality = 0x60000
	QualityManaged        Quality = 0x80000
)

// Complexity is a band of setRequiredPasswordComplexity, with the platform's numbers. Levels before 31 have none and ignore it.
type Complexity int

// The complexity bands.
const (
	ComplexityNone   Complexity = 0
	ComplexityLow    Complexity = 0x10000
	ComplexityMedium Complexity = 0x30000
	ComplexityHigh   Complexity = 0x50000
)

// Policy is what an admin demands of passcodes. The minima per class matter with QualityComplex alone, and MinLength from
// QualityNumeric on; all are taken as they stand (Android's own defaults for QualityComplex are one letter, one digit, one symbol).
type Policy struct {
	Quality    Quality
	MinLength  int
	Letters    int
	Numeric    int
	Symbols    int
	Upper      int
	Lower      int
	NonLetter  int
	Complexity Complexity
}

// Validate returns the platform's reasons (names of PasswordValidationError) for which a level refuses a new passcode under a
// policy; none: it is accepted. An empty passcode stands for no lock at all. Levels before 30 only know yes and no: there the
// reasons are the nearest names, and fewer than four characters are an exception later on, which is TOO_SHORT here.
func Validate(passcode string, apiLevel int, p Policy) []string {
	if apiLevel >= 30 {
		return validateMetrics(passcode, apiLevel, p)
	}
	reasons := validateQuality(passcode, apiLevel, p)
	if passcode != "" && measure(passcode, apiLevel).length < minPassword {
		reasons = append(reasons, tooShort)
	}
	return reasons
}

// The reasons.
const (
	weakType      = "WEAK_CREDENTIAL_TYPE"
	invalidChars  = "CONTAINS_INVALID_CHARACTERS"
	tooLong       = "TOO_LONG"
	tooShort      = "TOO_SHORT"
	fewLetters    = "NOT_ENOUGH_LETTERS"
	fewUpper      = "NOT_ENOUGH_UPPER_CASE"
	fewLower      = "NOT_ENOUGH_LOWER_CASE"
	fewDigits     = "NOT_ENOUGH_DIGITS"
	fewSymbols    = "NOT_ENOUGH_SYMBOLS"
	fewNonLetter  = "NOT_ENOUGH_NON_LETTER"
	fewNonDigits  = "NOT_ENOUGH_NON_DIGITS"
	hasSequence   = "CONTAINS_SEQUENCE"
	minPassword   = 4
	maxPassword   = 16
	maxSequence   = 3
	highPIN       = 8
	highPassword  = 6
	anyLongSeries = 1 << 30
)

// metrics count the characters of a passcode, in UTF-16 units as Java does.
type metrics struct {
	length, letters, upper, lower, digits, symbols, sequence int
}

func (m metrics) nonLetter() int { return m.digits + m.symbols }
func (m metrics) nonDigit() int  { return m.letters + m.symbols }

// characters are what the level looks at: API 29 to 34 cut each UTF-16 unit to its low byte first, so that some exotic ones pass for others.
func characters(passcode string, apiLevel int) []uint16 {
	units := utf16.Encode([]rune(passcode))
	if apiLevel >= 29 && apiLevel < 35 {
		for i := range units {
			units[i] &= 0xff
		}
	}
	return units
}

func measure(passcode string, apiLevel int) metrics {
	units := characters(passcode, apiLevel)
	m := metrics{length: len(units), sequence: longestSequence(units)}
	for _, u := range units {
		switch category(u) {
		case lowerCase:
			m.lower++
		case upperCase:
			m.upper++
		case digit:
			m.digits++
		default:
			m.symbols++
		}
	}
	m.letters = m.upper + m.lower
	return m
}

// kindOf goes by the characters as they were typed.
func kindOf(passcode string) Credential {
	switch {
	case passcode == "":
		return NoCredential
	case strings.Trim(passcode, "0123456789") == "":
		return PIN
	}
	return Password
}

// validateQuality is the check of API 22 to 29: the quality that the text reaches, the length, and the classes for complex.
func validateQuality(passcode string, apiLevel int, p Policy) []string {
	required := p.Quality
	if required == QualityManaged || required == QualityUnspecified {
		return nil
	}
	m := measure(passcode, apiLevel)
	var reasons []string
	if reached := quality(m); reached < required && required != QualityComplex {
		reason := weakType
		if reached == QualityNumeric && required == QualityNumericComplex {
			reason = hasSequence
		}
		reasons = append(reasons, reason)
	}
	if required >= QualityNumeric && m.length < p.MinLength {
		reasons = append(reasons, tooShort)
	}
	if required == QualityComplex {
		reasons = append(reasons, lackingClasses(m, p)...)
	}
	return reasons
}

func quality(m metrics) Quality {
	switch {
	case m.nonDigit() > 0 && m.digits > 0:
		return QualityAlphanumeric
	case m.nonDigit() > 0:
		return QualityAlphabetic
	case m.digits > 0 && m.sequence > maxSequence:
		return QualityNumeric
	case m.digits > 0:
		return QualityNumericComplex
	}
	return QualityUnspecified
}

func lackingClasses(m metrics, p Policy) []string {
	var reasons []string
	for _, c := range []struct {
		have, need int
		reason     string
	}{
		{m.letters, p.Letters, fewLetters}, {m.upper, p.Upper, fewUpper}, {m.lower, p.Lower, fewLower}, {m.digits, p.Numeric, fewDigits},
		{m.symbols, p.Symbols, fewSymbols}, {m.nonLetter(), p.NonLetter, fewNonLetter},
	} {
		if c.have < c.need {
			reasons = append(reasons, c.reason)
		}
	}
	return reasons
}

// rank orders credentials as Android does; a pattern lies between none and PIN, and no admin can set one.
func (c Credential) rank() int {
	return map[Credential]int{NoCredential: rankNone, PIN: rankPIN, Password: rankPassword}[c]
}

const (
	rankNone = iota
	rankPattern
	rankPIN
	rankPassword
)

// validateMetrics is the check of API 30 and later: the type of the credential, its characters, then everything else together.
func validateMetrics(passcode string, apiLevel int, p Policy) []string {
	m, kind := measure(passcode, apiLevel), kindOf(passcode)
	if apiLevel == 30 && kind == PIN {
		kind = Password // Android 11 takes every text for a password
	}
	complexity := p.Complexity
	if apiLevel < 31 {
		complexity = ComplexityNone
	}
	if kind.rank() < minRank(p.Quality) || kind.rank() < complexity.minRank() {
		return []string{weakType}
	}
	if kind == NoCredential {
		return nil
	}
	if !validCharacters(passcode, apiLevel) {
		return []string{invalidChars}
	}
	return compare(m, p, complexity, kind)
}

func minRank(q Quality) int {
	switch q {
	case QualityUnspecified, QualityManaged:
		return rankNone
	case QualityBiometricWeak, QualitySomething:
		return rankPattern
	case QualityNumeric, QualityNumericComplex:
		return rankPIN
	default:
		return rankPassword
	}
}

func (c Complexity) minRank() int {
	switch {
	case c >= ComplexityMedium:
		return rankPIN
	case c >= ComplexityLow:
		return rankPattern
	}
	return rankNone
}

func compare(m metrics, p Policy, complexity Complexity, kind Credential) []string {
	var reasons []string
	if m.length > maxPassword {
		reasons = append(reasons, tooLong)
	}
	if m.length < minLength(p, complexity, kind) {
		reasons = append(reasons, tooShort)
	}
	switch p.Quality {
	case QualityAlphabetic, QualityAlphanumeric:
		if p.Quality == QualityAlphanumeric && m.digits < 1 {
			reasons = append(reasons, fewDigits)
		}
		if m.nonDigit() < 1 {
			reasons = append(reasons, fewNonDigits)
		}
	case QualityComplex:
		reasons = append(reasons, lackingClasses(m, p)...)
	}
	longest := anyLongSeries
	if p.Quality == QualityNumericComplex || complexity >= ComplexityMedium {
		longest = maxSequence
	}
	if m.sequence > longest {
		reasons = append(reasons, hasSequence)
	}
	return reasons
}

func minLength(p Policy, complexity Complexity, kind Credential) int {
	n := minPassword
	if p.Quality >= QualityNumeric && p.Quality <= QualityComplex {
		n = max(n, p.MinLength)
	}
	if complexity >= ComplexityHigh {
		if kind == PIN {
			n = max(n, highPIN)
		} else {
			n = max(n, highPassword)
		}
	}
	return min(n, maxPassword)
}

// validCharacters wants 32 to 127.
func validCharacters(passcode string, apiLevel int) bool {
	for _, u := range characters(passcode, apiLevel) {
		if u < 32 || u > 127 {
			return false
		}
	}
	return true
}
