package pin_test

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// census counts the codes of that many digits which each reason refuses, and those that none does.
func census(t *testing.T, policy pin.Policy) (refused map[pin.Reason]int, accepted int) {
	t.Helper()
	refused = make(map[pin.Reason]int)
	for i := range int(math.Pow10(policy.Length)) {
		found := policy.Findings(parse(t, fmt.Sprintf("%0*d", policy.Length, i)))
		for _, f := range found {
			refused[f.Reason]++
		}
		if len(found) == 0 {
			accepted++
		}
	}
	return refused, accepted
}

// The figures are those of the documentation. The steps, pairs and palindromes among them are easily counted by hand: of six digits,
// 10 are one digit throughout and 180 have five in a row; 100 pairs, 1,000 triples and 1,000 doubled ones overlap in 20; 1,000 mirror.
func TestRefusedShare(t *testing.T) {
	t.Run("six digits", func(t *testing.T) {
		refused, accepted := census(t, pin.SixDigits())
		assert.Equal(t, map[pin.Reason]int{
			pin.ReasonRepeat: 190, pin.ReasonSequence: 380, pin.ReasonStep: 1_330, pin.ReasonPattern: 2_080, pin.ReasonMirror: 1_000,
			pin.ReasonDate: 86_344, pin.ReasonKeypad: 4_110, pin.ReasonCommon: 12,
		}, refused)
		assert.Equal(t, 905_207, accepted)
		requireDocumented(t, "190", "380", "1,330", "2,080", "1,000", "86,344", "4,110", "94,793", "9.48 %", "905,207", "19.79 bits")
		requireEntropy(t, pin.SixDigits(), accepted)
	})
	t.Run("four digits", func(t *testing.T) {
		policy := fourDigits()
		refused, accepted := census(t, policy)
		assert.Equal(t, map[pin.Reason]int{
			pin.ReasonRepeat: 10, pin.ReasonSequence: 20, pin.ReasonStep: 70, pin.ReasonPattern: 190, pin.ReasonMirror: 100,
			pin.ReasonDate: 764, pin.ReasonKeypad: 650, pin.ReasonCommon: 53,
		}, refused)
		assert.Equal(t, 8_271, accepted)
		requireDocumented(t, "1,729", "17.29 %", "8,271", "13.01 bits")
		requireEntropy(t, policy, accepted)
	})
}

func fourDigits() pin.Policy {
	return pin.Policy{Length: 4, Alphabet: decimal, Rules: pin.RuleAll, FewCodes: true}
}

// requireDocumented asks that the package comment states the figures.
func requireDocumented(t *testing.T, figures ...string) {
	t.Helper()
	comment, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var missing []string
	for _, figure := range figures {
		if !strings.Contains(string(comment), figure) {
			missing = append(missing, figure)
		}
	}
	assert.Empty(t, missing)
}

func requireEntropy(t *testing.T, policy pin.Policy, accepted int) {
	t.Helper()
	bits, exact := policy.Entropy()
	assert.True(t, exact)
	assert.InDelta(t, math.Log2(float64(accepted)), bits, 1e-9)
}

func TestEntropy(t *testing.T) {
	cases := map[string]struct {
		policy pin.Policy
		bits   float64
		exact  bool
	}{
		"length and alphabet":      {pin.Policy{Length: 16, Alphabet: "0123456789abcdef"}, 64, true},
		"the longest":              {pin.Policy{Length: 256, Alphabet: printable()}, 256 * math.Log2(94), true},
		"all but digits alone":     {pin.Policy{Length: 8, Alphabet: "0123456789abcdef", MinLetters: 1}, math.Log2(0x1p32 - 1e8), true},
		"one digit in two places":  {pin.Policy{Length: 2, Alphabet: "0123456789abcdef", MinDigits: 1, MinLetters: 1, FewCodes: true}, math.Log2(120), true},
		"rules, by a bound":        {pin.Policy{Length: 12, Alphabet: decimal, Rules: pin.RuleAll}, 12*math.Log2(10) + math.Log2(1-0.00800211), false},
		"values alone, counted":    {pin.Policy{Length: 5, Alphabet: decimal, Avoid: []string{"123456"}}, math.Log2(99_998), true},
		"values alone, by a bound": {pin.Policy{Length: 7, Alphabet: decimal, Avoid: []string{"1234567"}}, math.Log2(10_000_000 - 14), false},
		"not enough":               {pin.Policy{Length: 4, Alphabet: decimal}, 0, false},
		"no length":                {pin.Policy{Alphabet: decimal}, 0, false},
		"no alphabet":              {pin.Policy{Length: 6}, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bits, exact := c.policy.Entropy()
			assert.InDelta(t, c.bits, bits, 1e-5)
			assert.Equal(t, c.exact, exact)
		})
	}
}
