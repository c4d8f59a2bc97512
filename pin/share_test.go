package pin

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What Generate trusts without counting must never be more than what there is.
func TestAtLeastIsALowerBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := Policy{
			Length:   rapid.IntRange(1, 6).Draw(t, "length"),
			Alphabet: rapid.SampledFrom([]string{"01", "ab", "aA", "aAb1-", "1qaz", "qaQA", "159", "05:", "89:;", "12/.", "258"}).Draw(t, "alphabet"),
			Rules:    Rule(rapid.Uint16Max(uint16(RuleAll)).Draw(t, "rules")), Avoid: rapid.SliceOfN(rapid.StringMatching(`[01aAb ]{0,9}`), 0, 2).Draw(t, "avoid"),
			MinDigits: rapid.IntRange(0, 1).Draw(t, "digits"), MinLetters: rapid.IntRange(0, 1).Draw(t, "letters"),
			MinUpper: rapid.IntRange(0, 1).Draw(t, "upper"), MinNonLetters: rapid.IntRange(0, 2).Draw(t, "others"),
			MaxSequence: max(0, rapid.IntRange(-4, 6).Draw(t, "sequence")),
		}
		if policy.sound() != nil {
			return
		}
		bound, exact := policy.atLeast()
		there := countedOut(policy)
		require.LessOrEqual(t, bound, there+1e-12)
		if exact {
			require.InDelta(t, there, bound, 1e-12)
		}
	})
}

// Where MaxSequence alone rules, nothing else makes up for what its bound lacks.
func TestAtLeastHoldsForSequences(t *testing.T) {
	for _, alphabet := range []string{"ab", "abc", "aceg", "a-", "-!", "05", "aAb1-", "0123456789"} {
		for length := 1; length <= 5; length++ {
			for most := 1; most <= 5; most++ {
				policy := Policy{Length: length, Alphabet: alphabet, MaxSequence: most}
				bound, exact := policy.atLeast()
				assert.False(t, exact)
				assert.LessOrEqual(t, bound, countedOut(policy)+1e-12, "%d of %s, at most %d", length, alphabet, most)
			}
		}
	}
}

// What is compared in either case may refuse 2^n strings for each.
func TestAtLeastCountsBothCases(t *testing.T) {
	cases := map[string]Policy{
		"values": {Length: 6, Alphabet: "abcABC", Avoid: []string{"abcabc"}},
		"list":   {Length: 5, Alphabet: "adminADMIN", Rules: RuleCommon},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			bound, _ := policy.atLeast()
			assert.LessOrEqual(t, bound, countedOut(policy))
		})
	}
}

// The common policies must not be counted out for each PIN.
func TestCommonPoliciesAreDrawnAtOnce(t *testing.T) {
	serial := []string{"C02XL0GTJGH5", "+44 20 7946 0000", strings.Repeat("long 123", 200)}
	sixDigits := SixDigits()
	sixDigits.Avoid = serial
	cases := map[string]Policy{
		"six digits":  sixDigits,
		"four digits": {Length: 4, Alphabet: "0123456789", Rules: RuleAll, FewCodes: true},
		"16 digits":   {Length: 16, Alphabet: "0123456789", Rules: RuleAll, Avoid: serial},
		"for Android": {Length: 8, Alphabet: "0123456789", MaxSequence: 3, Rules: RuleAll, Avoid: serial},
		"letters":     {Length: 4, Alphabet: "abcdefghijklmnopqrstuvwxyz", Rules: RuleAll, Avoid: serial},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			share, _ := policy.atLeast()
			assert.Nil(t, policy.refusal(share, false))
			assert.Greater(t, share, 0.5)
		})
	}
}

func TestTries(t *testing.T) {
	for _, share := range []float64{1, 1 - 0x1p-53, 1 - 0x1p-20, 0.9, 0.5, 0.01, minShare} {
		n := tries(share)
		assert.GreaterOrEqual(t, n, 2, "a share that is rounded to 1 may be less")
		assert.LessOrEqual(t, math.Pow(1-share, float64(n)), 0x1p-60, "%v", share)
		assert.LessOrEqual(t, n, 175_000)
	}
}

// maxWalks says how many ways there are; the longest are too many to look for among all strings of digits.
func TestMaxWalks(t *testing.T) {
	for n := 4; n < len(maxWalks); n++ {
		assert.Equal(t, maxWalks[n], waysOn(nil, n), "%d keys", n)
	}
	assert.Zero(t, waysOn(nil, 11))
}

func waysOn(way []rune, n int) int {
	if len(way) == n {
		return 1
	}
	sum := 0
	for d := '0'; d <= '9'; d++ {
		if next := append(way[:len(way):len(way)], d); walks(next) {
			sum += waysOn(next, n)
		}
	}
	return sum
}

func TestCommonHasEachEntryOnceAndInItsPlace(t *testing.T) {
	seen := make(map[string]bool)
	for n, entries := range common {
		for _, entry := range entries {
			assert.Len(t, entry, n)
			assert.Equal(t, strings.ToLower(entry), entry, "it is compared with small letters")
			assert.False(t, seen[entry], entry)
			seen[entry] = true
		}
	}
	assert.Len(t, seen, 92, "the documentation says so")
}

func countedOut(p Policy) float64 {
	s := sampler{policy: p, refused: p.refusedByAvoid()}
	return s.counted()
}

// digitsRefused counts the strings of n digits that each rule refuses, by its bit, and under 0 those that any does.
func digitsRefused(n int) map[Rule]int {
	refused := make(map[Rule]int)
	chars := make([]rune, n)
	for i := range int(math.Pow10(n)) {
		for at, rest := n-1, i; at >= 0; at-- {
			chars[at] = rune('0' + rest%10)
			rest /= 10
		}
		broken := weaknesses(chars)
		if broken != 0 {
			refused[0]++
		}
		for rule := Rule(1); rule < RuleAll; rule <<= 1 {
			if broken&rule != 0 {
				refused[rule]++
			}
		}
	}
	return refused
}

// The bound is what lets Generate promise that it finds a PIN: of each rule alone, where no other one makes up for what it lacks.
func TestAtLeastHoldsForDigits(t *testing.T) {
	for n := 3; n <= 6; n++ {
		refused := digitsRefused(n)
		for rule, count := range refused {
			t.Run(fmt.Sprintf("%d digits, rules %b", n, rule), func(t *testing.T) {
				bound, _ := Policy{Length: n, Alphabet: "0123456789", Rules: cmp.Or(rule, RuleAll)}.atLeast()
				assert.LessOrEqual(t, bound, 1-float64(count)/math.Pow10(n)+1e-12)
			})
		}
	}
}

// There are too many strings of eight digits to look at, and too many of 40.
func TestAtLeastHoldsForLongerDigits(t *testing.T) {
	dates := make(map[string]bool)
	for i := range 200 * 12 * 31 {
		year, month, day := 1900+i/12/31, 1+i/31%12, 1+i%31
		for _, s := range []string{
			fmt.Sprintf("%02d%02d%d", day, month, year), fmt.Sprintf("%02d%02d%d", month, day, year), fmt.Sprintf("%d%02d%02d", year, month, day),
		} {
			if isDate([]rune(s)) {
				dates[s] = true
			}
		}
	}
	assert.Len(t, dates, 190_800)
	assert.LessOrEqual(t, len(dates), maxDates[8])

	circled := make(map[string]bool)
	for _, square := range squares {
		for at := range square {
			corners := square[at:] + square[:at]
			back := []byte(corners)
			slices.Reverse(back)
			for _, s := range []string{strings.Repeat(corners, 10), strings.Repeat(string(back), 10)} {
				require.True(t, followsKeys([]rune(s)))
				circled[s] = true
			}
		}
	}
	assert.LessOrEqual(t, float64(len(circled)), keyed(40, 10, 1))
}

func TestSteppedIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := Policy{
			Length:   rapid.IntRange(longRun, 8).Draw(t, "length"),
			Alphabet: rapid.SampledFrom([]string{"01", "05", "159", "aA", "a1", "az", "98:", "aceg", "24680"}).Draw(t, "alphabet"),
			Rules:    rapid.SampledFrom([]Rule{RuleRepeat, RuleSequence, RuleStep, RuleRepeat | RuleStep, stepRules}).Draw(t, "rules"),
		}
		require.InDelta(t, 1-countedOut(policy), policy.stepped(), 1e-12)
	})
}

// Long PINs of few characters need more than the bound that is quick; it is not asked for where that one is enough.
func TestLongPINsOfFewCharacters(t *testing.T) {
	cases := map[string]Policy{
		"24 of two":       {Length: 24, Alphabet: "01", Rules: RuleAll},
		"64 of two":       {Length: 64, Alphabet: "ab", Rules: RuleAll},
		"40 of three":     {Length: 39, Alphabet: "159", Rules: RuleAll},
		"20, not counted": {Length: 20, Alphabet: "01", Rules: RuleAll},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			s, err := policy.sampler()
			require.Nil(t, err)
			assert.Nil(t, s.refused, "nothing was counted")
			_, fault := s.next()
			require.NoError(t, fault)
		})
	}
}

// refusedByAvoid must be what avoids finds.
func TestRefusedByAvoid(t *testing.T) {
	alphabets := []string{"01", "012ab", "abAB", "kK1-"}
	rapid.Check(t, func(t *rapid.T) {
		policy := Policy{
			Length: rapid.IntRange(1, 4).Draw(t, "length"), Alphabet: rapid.SampledFrom(alphabets).Draw(t, "alphabet"),
			Avoid: rapid.SliceOfN(rapid.StringMatching(`[012abABkK \-ä\x{212a}]{0,9}`), 1, 3).Draw(t, "avoid"),
		}
		policy.Avoid = append(policy.Avoid, strings.Repeat("x", rapid.IntRange(maxAvoid-4, maxAvoid).Draw(t, "before"))+"1a0b")
		direct := sampler{policy: policy}
		require.Equal(t, direct.counted(), countedOut(policy)) //nolint:testifylint // both are the same division
	})
}

func TestRefusals(t *testing.T) {
	cases := map[string]struct {
		policy Policy
		says   string
	}{
		"nearly all, known":     {Policy{Length: 16, Alphabet: "0abcdefghijklmnopqrstuvwxyz", MinDigits: 8}, "refuses nearly all"},
		"all but one step":      {Policy{Length: 200, Alphabet: "0123456789", MaxSequence: 3}, "cannot be shown"},
		"all, counted":          {Policy{Length: 2, Alphabet: "0123456789", Rules: RuleAll, FewCodes: true}, "refuses nearly all"},
		"too few, counted":      {Policy{Length: 4, Alphabet: "0123456789", Rules: RuleAll}, "65,536"},
		"perhaps all":           {Policy{Length: 40, Alphabet: "aA", Avoid: []string{strings.Repeat("a", 40)}}, "cannot be shown"},
		"perhaps too few":       {Policy{Length: 21, Alphabet: "01", Rules: RuleAll, MinDigits: 1, Avoid: many(990)}, "cannot be shown"},
		"a long one is unknown": {Policy{Length: 256, Alphabet: "01", Rules: RuleAll}, "cannot be shown"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := c.policy.Generate()
			require.ErrorIs(t, err, ReasonPolicy)
			assert.Contains(t, err.Error(), c.says)
		})
	}
}

// many are so many values of the greatest length.
func many(n int) []string {
	return slices.Repeat([]string{strings.Repeat("x", maxAvoid)}, n)
}
