package android

// Quality is DevicePolicyManager's password quality, by its numbers. Qualities between two of these count as the lower one.
type Quality int

// The qualities (setPasswordQuality, API level 8 and later).
const (
	QualityUnspecified    Quality = 0
	QualityBiometricWeak  Quality = 0x8000
	QualitySomething      Quality = 0x10000
	QualityNumeric        Quality = 0x20000
	QualityNumericComplex Quality = 0x30000
	QualityAlphabetic     Quality = 0x40000
	QualityAlphanumeric   Quality = 0x50000
	QualityComplex        Quality = 0x60000
	QualityManaged        Quality = 0x80000 // counts as QualityUnspecified
)

// Complexity is DevicePolicyManager's required password complexity, by its numbers. Devices below API level 31 take no heed of it.
type Complexity int

// The complexities (setRequiredPasswordComplexity, API level 31 and later).
const (
	ComplexityNone   Complexity = 0
	ComplexityLow    Complexity = 0x10000
	ComplexityMedium Complexity = 0x30000
	ComplexityHigh   Complexity = 0x50000
)

// Policy is what a device asks of a passcode, of all administrators together. The zero Policy asks for nothing, not even a passcode.
type Policy struct {
	Quality    Quality
	MinLength  int // with QualityNumeric and stronger; from API level 30 on, more than 16 counts as 16
	Letters    int // this and the next five: least numbers of characters, with QualityComplex
	Numeric    int
	Symbols    int // everything but ASCII letters and digits
	Upper      int
	Lower      int
	NonLetter  int
	Complexity Complexity
}

// effective is the quality as one of the constants.
func (q Quality) effective() Quality {
	if q >= QualityManaged {
		return QualityUnspecified
	}
	for _, known := range [...]Quality{
		QualityComplex, QualityAlphanumeric, QualityAlphabetic, QualityNumericComplex, QualityNumeric, QualitySomething, QualityBiometricWeak,
	} {
		if q >= known {
			return known
		}
	}
	return QualityUnspecified
}

// complexityAt is the complexity that counts on that API level.
func (p Policy) complexityAt(apiLevel int) Complexity {
	if apiLevel < android12 {
		return ComplexityNone
	}
	return p.Complexity
}

// shortest is how many characters a complexity asks for, of digits alone or of others too.
func (c Complexity) shortest(digits bool) int {
	switch {
	case c >= ComplexityHigh && digits:
		return 8
	case c >= ComplexityHigh:
		return 6
	case c > ComplexityNone:
		return shortest
	}
	return 0
}

// AllowsNone reports whether the policy is content without a passcode. On a level that is not known every rule counts.
func (p Policy) AllowsNone(apiLevel int) bool {
	return p.Quality.effective() == QualityUnspecified && (p.Complexity <= ComplexityNone || apiLevel > 0 && apiLevel < android12)
}

// minLength is the least length that the quality gives weight to.
func (p Policy) minLength() int {
	if p.Quality.effective() < QualityNumeric {
		return shortest
	}
	return max(shortest, p.MinLength)
}
