package pin

import (
	"math"
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
		}
		if policy.sound() != nil {
			return
		}
		bound, exact := policy.atLeast()
		there := policy.counted()
		require.LessOrEqual(t, bound, there+1e-12)
		if exact {
			require.InDelta(t, there, bound, 1e-12)
		}
	})
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
			assert.LessOrEqual(t, bound, policy.counted())
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
		"letters":     {Length: 4, Alphabet: "abcdefghijklmnopqrstuvwxyz", Rules: RuleAll, Avoid: serial},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			share, _ := policy.atLeast()
			assert.Nil(t, policy.refusal(share))
			assert.Greater(t, share, 0.5)
		})
	}
}

func TestTries(t *testing.T) {
	for _, share := range []float64{1, 0.9, 0.5, 0.01, minShare} {
		n := tries(share)
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
