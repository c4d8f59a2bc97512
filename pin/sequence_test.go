package pin_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// longestSequences are what Android counts (PasswordMetrics.maxLengthSequence); the first eight stand in a comment of its source.
var longestSequences = map[string]int{
	"1234": 4, "13579": 5, "1234abc": 4, "aabc": 3, "qwertyuio": 1, "@ABC": 3, ";;;;": 4, ":;<=>": 1,
	"4444": 4, "4321": 4, "2468": 4, "1357": 4, "0369": 4, "9630": 4, "2580": 3, "1112": 3,
	"1122": 2, "1212": 2, "8901": 2, "123123": 3, "111222": 3, "147258": 3, "1590": 3, "12345678": 8,
	"13572468": 4, "00000000": 8, "482915": 2, "abcdEF": 4, "aaaa": 4, "abab": 2, "1a1a1a1a": 1,
	"7": 1, "09": 2, "9090": 2, "aceg": 1, "zabc": 3, "DCBA": 4, "äääa": 3, "äöü": 1, "٣٤٥": 1,
}

func TestMaxSequence(t *testing.T) {
	for s, longest := range longestSequences {
		t.Run(s, func(t *testing.T) {
			p := parse(t, s)
			require.NoError(t, pin.Policy{MaxSequence: longest}.Check(p))
			if longest > 1 {
				requireReason(t, pin.Policy{MaxSequence: longest - 1}.Check(p), pin.ReasonRun)
			}
		})
	}
}

// Android refuses so many PINs by it (facts of the platform, counted out).
func TestMaxSequenceOfAllPINs(t *testing.T) {
	requireDocumented(t, "with three: that refuses 34 PINs of four digits, 654 of five and 9,680 of six.")
	for digits, want := range map[int]int{4: 34, 5: 654, 6: 9_680} {
		t.Run(fmt.Sprint(digits, " digits"), func(t *testing.T) {
			refused, accepted := census(t, pin.Policy{Length: digits, Alphabet: decimal, MaxSequence: 3})
			assert.Equal(t, map[pin.Reason]int{pin.ReasonRun: want}, refused)
			assert.Equal(t, int(math.Pow10(digits))-want, accepted)
		})
	}
}
