package android_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/pin"
)

// policies draws what a device may ask for.
func policies() *rapid.Generator[android.Policy] {
	return rapid.Custom(func(t *rapid.T) android.Policy {
		least := func(name string) int { return max(0, rapid.IntRange(-2, 3).Draw(t, name)) }
		return android.Policy{
			Quality: rapid.SampledFrom([]android.Quality{
				0, android.QualityBiometricWeak, android.QualitySomething, android.QualityNumeric, android.QualityNumericComplex,
				android.QualityAlphabetic, android.QualityAlphanumeric, android.QualityComplex, android.QualityManaged, 0x55555,
			}).Draw(t, "quality"),
			MinLength: rapid.IntRange(0, 17).Draw(t, "length"), Letters: least("letters"), Numeric: least("numeric"), Symbols: least("symbols"),
			Upper: least("upper"), Lower: least("lower"), NonLetter: least("others"),
			Complexity: rapid.SampledFrom([]android.Complexity{0, android.ComplexityLow, android.ComplexityMedium, android.ComplexityHigh}).Draw(t, "complexity"),
		}
	})
}

// What is generated passes on every level, and only what cannot be met is not generated.
func TestGeneratedPasscodesPassEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := policies().Draw(t, "policy")
		policy := p.PIN(rapid.IntRange(0, 36).Draw(t, "level"))
		secret, err := policy.Generate()
		if p.MinLength > 16 && p.Quality >= android.QualityNumeric && p.Quality < android.QualityManaged {
			require.ErrorIs(t, err, pin.ReasonPolicy)
			return
		}
		require.NoError(t, err)
		require.NoError(t, policy.Check(secret))
		require.LessOrEqual(t, android.MaxLengthSequence(secret.Expose()), 3)
		for level := 0; level <= 36; level++ {
			require.Empty(t, android.Validate(secret, level, p), level)
		}
	})
}

func TestPINPolicies(t *testing.T) {
	cases := map[string]struct {
		policy android.Policy
		length int
		bits   float64 // at least
	}{
		"none":                   {android.Policy{}, 8, 26},
		"numeric, 6":             {android.Policy{Quality: android.QualityNumeric, MinLength: 6}, 8, 26},
		"numeric, 10":            {android.Policy{Quality: android.QualityNumericComplex, MinLength: 10}, 10, 33},
		"numeric, 16":            {android.Policy{Quality: android.QualityNumeric, MinLength: 16}, 16, 52},
		"high":                   {complexity(android.ComplexityHigh), 8, 26},
		"alphabetic":             {quality(android.QualityAlphabetic), 12, 68},
		"alphanumeric, 14":       {android.Policy{Quality: android.QualityAlphanumeric, MinLength: 14}, 14, 78},
		"complex":                {android.Policy{Quality: android.QualityComplex, Letters: 1, Numeric: 1, Symbols: 1}, 12, 68},
		"complex, more of each":  {android.Policy{Quality: android.QualityComplex, Letters: 4, Upper: 2, Lower: 2, Numeric: 4, Symbols: 4}, 12, 40},
		"complex, mostly digits": {android.Policy{Quality: android.QualityComplex, Numeric: 8, MinLength: 12}, 12, 35},
		"complex, 13 at least":   {android.Policy{Quality: android.QualityComplex, Letters: 3, Numeric: 5, Symbols: 5}, 13, 40},
		"too long":               {android.Policy{Quality: android.QualityNumeric, MinLength: 17}, 0, 0},
		"too long a password":    {android.Policy{Quality: android.QualityAlphabetic, MinLength: 17}, 0, 0},
		"too many":               {android.Policy{Quality: android.QualityComplex, Letters: 9, Numeric: 8}, 0, 0},
		"hardly any":             {android.Policy{Quality: android.QualityComplex, Letters: 1, Numeric: 15}, 0, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			policy := c.policy.PIN(34)
			assert.Equal(t, c.length, policy.Length)
			bits, _ := policy.Entropy()
			assert.GreaterOrEqual(t, bits, c.bits)
			assert.Equal(t, pin.RuleAll, policy.Rules)
			assert.False(t, policy.IsZero(), "it must not accept everything")
			_, err := policy.Generate()
			assert.Equal(t, c.length > 0, err == nil)
			if q := c.policy.Quality; q >= android.QualityAlphabetic {
				assert.Positive(t, policy.MinLetters, "digits alone are no password")
			}
		})
	}
}

// What is generated for letters can be read aloud and typed: no character is taken for another.
func TestGeneratedPasscodesAreClear(t *testing.T) {
	for _, p := range []android.Policy{quality(android.QualityAlphabetic), {Quality: android.QualityComplex, Letters: 1, Numeric: 1, Symbols: 1}} {
		assert.NotContains(t, p.PIN(34).Alphabet, " ")
		for _, alike := range "0OolI1|`'\"$" {
			assert.NotContains(t, p.PIN(34).Alphabet, string(alike))
		}
	}
}
