package android_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/android"
	"github.com/latchkey-mdm/latchkey/android/androidtest"
	"github.com/latchkey-mdm/latchkey/pin"
)

// TestPasswordRulesAgreeWithDevices holds Validate against the device's own check, on every level, for any policy and passcode. From API
// level 30 on the reasons agree too; before, Android has none.
func TestPasswordRulesAgreeWithDevices(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.IntRange(22, 36).Draw(t, "level")
		text := rapid.OneOf(
			rapid.StringOfN(rapid.SampledFrom([]rune("aB1!İ™Āű™é😀")), 1, 9, -1), rapid.StringMatching(`[0-9]{1,18}`), rapid.StringMatching(`[a-d1-4]{1,9}`), rapid.StringMatching(`[!-~]{1,18}`),
			rapid.SampledFrom([]string{"1234", "4444", "2580", "abcd99", "aaaa1!", "garden", "Garden7!", "pässword", "12345678", "8901"}),
		).Draw(t, "passcode")
		p := anyPolicy(t)
		code, err := pin.Parse(text)
		if err != nil {
			return // no passcode that this module handles
		}
		var ours []string
		for _, r := range android.Validate(code, level, p) {
			// Which of the two names digits get that are too few is the platform's, and changed with level 33.
			ours = append(ours, strings.TrimSuffix(string(r), "_WHEN_ALL_NUMERIC"))
		}
		theirs := androidtest.Validate(text, level, devicePolicy(p))
		if level >= 30 {
			require.ElementsMatch(t, theirs, ours)
		} else {
			require.Equal(t, len(theirs) == 0, len(ours) == 0, "the device says %v, the rules say %v", theirs, ours)
		}
	})
}

// TestDrawnPasscodesAreTaken: what Policy.PIN draws opens no discussion on any level.
func TestDrawnPasscodesAreTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := rapid.IntRange(22, 36).Draw(t, "level")
		p := anyPolicy(t)
		drawn := p.PIN(level)
		if drawn.Length == 0 {
			return // more than can be drawn
		}
		code, err := drawn.Generate()
		require.NoError(t, err)
		require.Empty(t, androidtest.Validate(code.Expose(), level, devicePolicy(p)))
	})
}

func anyPolicy(t *rapid.T) android.Policy {
	few := func(name string) int { return rapid.IntRange(0, 3).Draw(t, name) }
	return android.Policy{
		Quality: rapid.SampledFrom([]android.Quality{
			android.QualityUnspecified, android.QualityBiometricWeak, android.QualitySomething, android.QualityNumeric, android.QualityNumericComplex,
			android.QualityAlphabetic, android.QualityAlphanumeric, android.QualityComplex, android.QualityManaged,
		}).Draw(t, "quality"),
		MinLength: rapid.IntRange(0, 17).Draw(t, "length"), Letters: few("letters"), Numeric: few("digits"), Symbols: few("symbols"),
		Upper: few("upper"), Lower: few("lower"), NonLetter: few("others"),
		Complexity: rapid.SampledFrom([]android.Complexity{
			android.ComplexityNone, android.ComplexityLow, android.ComplexityMedium, android.ComplexityHigh,
		}).Draw(t, "complexity"),
	}
}

func devicePolicy(p android.Policy) androidtest.Policy {
	return androidtest.Policy{
		Quality: androidtest.Quality(p.Quality), MinLength: p.MinLength, Letters: p.Letters, Numeric: p.Numeric, Symbols: p.Symbols,
		Upper: p.Upper, Lower: p.Lower, NonLetter: p.NonLetter, Complexity: androidtest.Complexity(p.Complexity),
	}
}
