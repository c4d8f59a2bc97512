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

// The steps, pairs and palindromes are easily counted by hand: of six digits, 10 are one digit throughout and 180 have five in a row;
// 100 pairs, 1,000 triples and 1,000 doubled ones overlap in 20; 1,000 mirror.
func TestRefusedShare(t *testing.T) {
	six, ofSix := census(t, pin.SixDigits())
	four, ofFour := census(t, fourDigits())
	assert.Equal(t, map[pin.Reason]int{
		pin.ReasonRepeat: 190, pin.ReasonSequence: 380, pin.ReasonStep: 1_330, pin.ReasonPattern: 2_080, pin.ReasonMirror: 1_000,
		pin.ReasonDate: 86_344, pin.ReasonKeypad: 4_110, pin.ReasonCommon: 12,
	}, six)
	assert.Equal(t, map[pin.Reason]int{
		pin.ReasonRepeat: 10, pin.ReasonSequence: 20, pin.ReasonStep: 70, pin.ReasonPattern: 190, pin.ReasonMirror: 100,
		pin.ReasonDate: 764, pin.ReasonKeypad: 650, pin.ReasonCommon: 53,
	}, four)
	requireEntropy(t, pin.SixDigits(), ofSix)
	requireEntropy(t, fourDigits(), ofFour)
	requireDocumented(t, table(six, four, ofSix, ofFour))

	undated := pin.SixDigits()
	undated.Rules &^= pin.RuleDate
	_, more := census(t, undated)
	requireDocumented(t, fmt.Sprintf("without RuleDate, six digits have %.2f bits more", math.Log2(float64(more)/float64(ofSix))))
	requireDocumented(t, "The list of RuleCommon has 92 entries") // as TestCommonHasEachEntryOnceAndInItsPlace counts
}

// table is that of the documentation.
func table(six, four map[pin.Reason]int, ofSix, ofFour int) string {
	var b strings.Builder
	row := func(head, six, moreSix, four, moreFour string) {
		line := fmt.Sprintf("//\t%-20s%21s%-15s%9s%s", head, six, moreSix, four, moreFour)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	b.WriteString("//\t                     of 1,000,000 with six digits   of 10,000 with four\n")
	for _, reason := range []pin.Reason{
		pin.ReasonRepeat, pin.ReasonSequence, pin.ReasonStep, pin.ReasonPattern, pin.ReasonMirror, pin.ReasonDate, pin.ReasonKeypad, pin.ReasonCommon,
	} {
		row("Rule"+strings.ToUpper(string(reason[:1]))+string(reason[1:]), grouped(six[reason]), "", grouped(four[reason]), "")
	}
	row("RuleAll", grouped(1_000_000-ofSix), percent(1_000_000-ofSix, 1_000_000), grouped(10_000-ofFour), percent(10_000-ofFour, 10_000))
	row("accepted", grouped(ofSix), bits(ofSix), grouped(ofFour), bits(ofFour))
	return b.String()
}

// grouped writes a number below a million.
func grouped(n int) string {
	if n < 1_000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%d,%03d", n/1_000, n%1_000)
}

func percent(part, whole int) string {
	return fmt.Sprintf("   (%.2f %%)", 100*float64(part)/float64(whole))
}

func bits(n int) string { return fmt.Sprintf("   (%.2f bits)", math.Log2(float64(n))) }

func fourDigits() pin.Policy {
	return pin.Policy{Length: 4, Alphabet: decimal, Rules: pin.RuleAll, FewCodes: true}
}

// requireDocumented asks that the package comment says this, wherever its lines end.
func requireDocumented(t *testing.T, text string) {
	t.Helper()
	comment, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	if !strings.Contains(string(comment), text) && !strings.Contains(strings.ReplaceAll(string(comment), "\n// ", " "), text) {
		t.Errorf("doc.go must say:\n%s", text)
	}
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
		"a sequence, counted":      {pin.Policy{Length: 6, Alphabet: decimal, MaxSequence: 3}, math.Log2(1e6 - 9_680), true},
		"a sequence, by a bound":   {pin.Policy{Length: 8, Alphabet: decimal, MaxSequence: 3}, math.Log2(95_000_000), false},
		"values alone, counted":    {pin.Policy{Length: 5, Alphabet: decimal, Avoid: []string{"123456"}}, math.Log2(99_998), true},
		"values alone, by a bound": {pin.Policy{Length: 7, Alphabet: decimal, Avoid: []string{"1234567"}}, math.Log2(10_000_000 - 14), false},
		"one PIN":                  {pin.Policy{Length: 1, Alphabet: "aAb1-", MinUpper: 1, FewCodes: true}, 0, true},
		"one PIN of two":           {pin.Policy{Length: 2, Alphabet: "aAb1-", MinUpper: 2, FewCodes: true}, 0, true},
		"non-letters, by classes":  {pin.Policy{Length: 3, Alphabet: "ab1-", MinNonLetters: 2, FewCodes: true}, 5, true},
		"not enough":               {pin.Policy{Length: 4, Alphabet: decimal}, 0, false},
		"no length":                {pin.Policy{Alphabet: decimal}, 0, false},
		"no alphabet":              {pin.Policy{Length: 6}, 0, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			bits, exact := c.policy.Entropy()
			assert.InDelta(t, c.bits, bits, 1e-5)
			assert.GreaterOrEqual(t, bits, 0.)
			assert.Equal(t, c.exact, exact)
		})
	}
}
