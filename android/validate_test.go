package android_test

import (
	"flag"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/pin"
)

// The vectors were measured; the first eight also stand in a comment of Android's source.
func TestMaxLengthSequence(t *testing.T) {
	for s, want := range map[string]int{
		"1234": 4, "13579": 5, "1234abc": 4, "aabc": 3, "qwertyuio": 1, "@ABC": 3, ";;;;": 4, ":;<=>": 1,
		"4444": 4, "4321": 4, "2468": 4, "1357": 4, "0369": 4, "9630": 4, "2580": 3, "1112": 3,
		"1122": 2, "1212": 2, "8901": 2, "123123": 3, "111222": 3, "147258": 3, "1590": 3, "12345678": 8,
		"13572468": 4, "00000000": 8, "482915": 2, "abcdEF": 4, "aaaa": 4, "abab": 2, "1a1a1a1a": 1,
		"": 0, "7": 1, "09": 2, "9090": 2, "yzab": 2, "ZYXW": 4, "aceg": 1, "日日日": 3, "😀😀": 1,
	} {
		t.Run(s, func(t *testing.T) { assert.Equal(t, want, android.MaxLengthSequence(s)) })
	}
}

var long = flag.Bool("sequences", false, "count all PINs of seven and eight digits too, which takes half a minute")

// All PINs of so many digits were counted.
func TestMaxLengthSequenceOfAllPINs(t *testing.T) {
	counted := []int{4: 34, 5: 654, 6: 9_680, 7: 128_100, 8: 1_593_004}
	last := 6
	if *long {
		last = 8
	}
	for digits := 4; digits <= last; digits++ {
		t.Run(fmt.Sprint(digits, " digits"), func(t *testing.T) {
			refused := 0
			text := make([]byte, digits)
			for i := range int(math.Pow10(digits)) {
				for at, rest := digits-1, i; at >= 0; at-- {
					text[at] = byte('0' + rest%10)
					rest /= 10
				}
				if android.MaxLengthSequence(string(text)) > 3 {
					refused++
				}
			}
			assert.Equal(t, counted[digits], refused)
		})
	}
}

// Package pin counts with its own means what it generates by.
func TestPINCountsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`[0-9a-dA-D;]{1,12}`), rapid.StringMatching(`[0-9]{1,12}`), rapid.StringMatching(`[a-cX-Z!~ä]{1,8}`)).Draw(t, "code")
		n := android.MaxLengthSequence(s)
		require.NoError(t, pin.Policy{MaxSequence: n}.Check(code(t, s)))
		if n > 1 {
			require.ErrorIs(t, pin.Policy{MaxSequence: n - 1}.Check(code(t, s)), pin.ReasonRun)
		}
	})
}

// quality is a policy of a quality and nothing else.
func quality(q android.Quality) android.Policy { return android.Policy{Quality: q} }

func complexity(c android.Complexity) android.Policy { return android.Policy{Complexity: c} }

type reasons []android.Reason

// The rules by API level: below 30, 30, and from 31 on.
func TestValidate(t *testing.T) {
	classes := android.Policy{Quality: android.QualityComplex, Letters: 1, Numeric: 1, Symbols: 1}
	sequence, weak := reasons{android.ContainsSequence}, reasons{android.WeakCredentialType}
	cases := map[string]struct {
		code            string
		policy          android.Policy
		old, r, current reasons
	}{
		"any, digits":                      {"1111", android.Policy{}, nil, nil, nil},
		"weak biometrics, digits":          {"1111", quality(android.QualityBiometricWeak), nil, nil, nil},
		"something, letters":               {"aaaa", quality(android.QualitySomething), nil, nil, nil},
		"numeric, digits":                  {"1234", quality(android.QualityNumeric), nil, nil, nil},
		"numeric, letters are better":      {"wxab", quality(android.QualityNumeric), nil, nil, nil},
		"numeric complex, digits":          {"4829", quality(android.QualityNumericComplex), nil, nil, nil},
		"numeric complex, a sequence":      {"1234", quality(android.QualityNumericComplex), sequence, sequence, sequence},
		"numeric complex, mixed":           {"1234a", quality(android.QualityNumericComplex), nil, sequence, sequence},
		"numeric complex, letters":         {"abcd", quality(android.QualityNumericComplex), nil, sequence, sequence},
		"alphabetic, digits":               {"4829", quality(android.QualityAlphabetic), reasons{android.NotEnoughNonDigits}, reasons{android.NotEnoughNonDigits}, weak},
		"alphabetic, a letter":             {"482a", quality(android.QualityAlphabetic), nil, nil, nil},
		"alphabetic, a symbol":             {"482!", quality(android.QualityAlphabetic), nil, nil, nil},
		"alphabetic, a sequence":           {"abcd", quality(android.QualityAlphabetic), nil, nil, nil},
		"alphanumeric, digits":             {"4829", quality(android.QualityAlphanumeric), reasons{android.NotEnoughNonDigits}, reasons{android.NotEnoughNonDigits}, weak},
		"alphanumeric, letters":            {"kwob", quality(android.QualityAlphanumeric), reasons{android.NotEnoughDigits}, reasons{android.NotEnoughDigits}, reasons{android.NotEnoughDigits}},
		"alphanumeric, both":               {"kwo7", quality(android.QualityAlphanumeric), nil, nil, nil},
		"complex":                          {"kw7!", classes, nil, nil, nil},
		"complex, digits":                  {"4829", classes, reasons{android.NotEnoughLetters, android.NotEnoughSymbols}, reasons{android.NotEnoughLetters, android.NotEnoughSymbols}, weak},
		"complex that asks for nothing":    {"4829", quality(android.QualityComplex), nil, nil, weak},
		"between two qualities":            {"1234", quality(android.QualityNumericComplex + 1), sequence, sequence, sequence},
		"managed elsewhere":                {"1111", quality(android.QualityManaged), nil, nil, nil},
		"length without a quality":         {"4829", android.Policy{MinLength: 9}, nil, nil, nil},
		"length with something":            {"4829", android.Policy{Quality: android.QualitySomething, MinLength: 9}, nil, nil, nil},
		"length below four":                {"482", android.Policy{Quality: android.QualityNumeric, MinLength: 2}, reasons{android.TooShort}, reasons{android.TooShort}, reasons{android.TooShort}},
		"17 asked for, 16 typed":           {"0000000000000000", android.Policy{Quality: android.QualityNumeric, MinLength: 17}, reasons{android.TooShort}, nil, nil},
		"17 asked for, 15 typed":           {"000000000000000", android.Policy{Quality: android.QualityNumeric, MinLength: 17}, reasons{android.TooShort}, reasons{android.TooShort}, reasons{android.TooShort}},
		"17 asked for and typed":           {"00000000000000000", android.Policy{Quality: android.QualityNumeric, MinLength: 17}, nil, reasons{android.TooLong}, reasons{android.TooLong}},
		"low":                              {"1111", complexity(android.ComplexityLow), nil, nil, nil},
		"medium":                           {"4829", complexity(android.ComplexityMedium), nil, nil, nil},
		"medium, a sequence":               {"1234", complexity(android.ComplexityMedium), nil, nil, sequence},
		"medium, a sequence in a password": {"aaaa1!", complexity(android.ComplexityMedium), nil, nil, sequence},
		"high, eight digits":               {"48291506", complexity(android.ComplexityHigh), nil, nil, nil},
		"low, three digits":                {"482", complexity(android.ComplexityLow), reasons{android.TooShort}, reasons{android.TooShort}, reasons{android.TooShort}},
		"high, six characters":             {"4829a5", complexity(android.ComplexityHigh), nil, nil, nil},
		"high, five characters":            {"4829a", complexity(android.ComplexityHigh), nil, nil, reasons{android.TooShort}},
		"high, five digits":                {"48291", complexity(android.ComplexityHigh), nil, nil, reasons{android.TooShort}},
		"high, a sequence":                 {"abcd99", complexity(android.ComplexityHigh), nil, nil, sequence},
		"high, short and a sequence":       {"abcd9", complexity(android.ComplexityHigh), nil, nil, reasons{android.TooShort, android.ContainsSequence}},
		"none, none set":                   {"", complexity(android.ComplexityLow), nil, nil, weak},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := code(t, c.code)
			for level, want := range map[int]reasons{22: c.old, 26: c.old, 29: c.old, 30: c.r, 31: c.current, 33: c.current, 34: c.current, 35: c.current, 36: c.current} {
				require.Equal(t, want, reasons(android.Validate(p, level, c.policy)), level)
			}
		})
	}
}

// Each class that QualityComplex asks for has its reason.
func TestValidateClasses(t *testing.T) {
	for want, p := range map[android.Reason]android.Policy{
		android.NotEnoughLetters:   {Letters: 4},
		android.NotEnoughUpperCase: {Upper: 2},
		android.NotEnoughLowerCase: {Lower: 3},
		android.NotEnoughDigits:    {Numeric: 4},
		android.NotEnoughSymbols:   {Symbols: 3},
		android.NotEnoughNonLetter: {NonLetter: 6},
	} {
		t.Run(string(want), func(t *testing.T) {
			for _, level := range []int{26, 30, 35} {
				p.Quality = android.QualityAlphanumeric
				require.Empty(t, android.Validate(code(t, "aBc4 8!2"), level, p), "it takes that quality")
				p.Quality = android.QualityComplex
				require.Equal(t, []android.Reason{want}, android.Validate(code(t, "aBc4 8!2"), level, p))
			}
		})
	}
	exact := android.Policy{Quality: android.QualityComplex, Letters: 3, Upper: 1, Lower: 2, Numeric: 3, Symbols: 2, NonLetter: 5}
	require.Empty(t, android.Validate(code(t, "aBc4 8!2"), 34, exact))
}

// The levels differ in what they say of digits that are too few, and in how they look at characters.
func TestValidateByLevel(t *testing.T) {
	high := complexity(android.ComplexityHigh)
	for level, want := range map[int]android.Reason{31: android.TooShort, 32: android.TooShort, 33: android.TooShortWhenAllNumeric, 35: android.TooShortWhenAllNumeric} {
		assert.Equal(t, []android.Reason{want}, android.Validate(code(t, "482915"), level, high), level)
	}
	for _, few := range []string{"4829150", "482915"} {
		assert.NotEmpty(t, android.Validate(code(t, few), 34, high))
	}
	for level, want := range map[int]reasons{
		28: nil, 29: nil, 30: nil, 31: nil, 34: nil, 35: {android.ContainsInvalidCharacter},
	} {
		assert.Equal(t, want, reasons(android.Validate(code(t, "abc™"), level, android.Policy{})), level)
	}
	// U+0130 is cut to a zero.
	for level, want := range map[int]reasons{28: {android.NotEnoughDigits}, 29: nil, 34: nil, 35: {android.ContainsInvalidCharacter}} {
		assert.Equal(t, want, reasons(android.Validate(code(t, "kwobİ"), level, quality(android.QualityAlphanumeric))), level)
	}
	assert.Empty(t, android.Validate(code(t, "48291506482915064829150648291506"), 29, android.Policy{}), "no upper limit")
	assert.Equal(t, []android.Reason{android.TooShort}, android.Validate(code(t, "ab😀"[:2]), 34, android.Policy{}))
	assert.Empty(t, android.Validate(code(t, "ab😀"), 28, android.Policy{}), "two units, as in Java")
}

// Where the level is not known, every level must take it.
func TestValidateWithoutALevel(t *testing.T) {
	assert.Equal(t, []android.Reason{android.TooShort, android.TooShortWhenAllNumeric}, android.Validate(code(t, "482915"), 0, complexity(android.ComplexityHigh)))
	assert.Equal(t, []android.Reason{android.WeakCredentialType}, android.Validate(pin.PIN{}, 0, complexity(android.ComplexityLow)))
	assert.Empty(t, android.Validate(code(t, "48291506"), 0, complexity(android.ComplexityHigh)))
	rapid.Check(t, func(t *rapid.T) {
		p, s := policies().Draw(t, "policy"), rapid.StringMatching(`[0-9a-cA-C!™é]{0,18}`).Draw(t, "code")
		if len(android.Validate(code(t, s), 0, p)) > 0 {
			return
		}
		for level := 22; level <= 36; level++ {
			require.Empty(t, android.Validate(code(t, s), level, p), level)
		}
	})
}

func FuzzValidate(f *testing.F) {
	f.Add("48291506", 34, 0x30000, 6, 1, 1, 1, 0x50000)
	f.Add("a™😀\xff\x00", 30, 0x60000, 16, 2, 2, 2, 0)
	f.Add("", 0, -1, -1, -1, -1, -1, -1)
	f.Fuzz(func(t *testing.T, s string, level, q, length, letters, numeric, symbols, c int) {
		p := android.Policy{Quality: android.Quality(q), MinLength: length, Letters: letters, Numeric: numeric, Symbols: symbols, Complexity: android.Complexity(c)}
		secret, err := pin.Bytes([]byte(s))
		if err != nil {
			return
		}
		n := android.MaxLengthSequence(s)
		require.LessOrEqual(t, n, len(s))
		if level >= 35 && android.QualityNumericComplex == p.Quality && n > 3 {
			require.NotEmpty(t, android.Validate(secret, level, p))
		}
		for _, reason := range android.Validate(secret, level, p) {
			require.NotEmpty(t, reason)
		}
	})
}
