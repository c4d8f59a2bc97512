package pin_test

import (
	"math"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/latchkey-mdm/latchkey/pin"
)

// android is a policy like those that a passcode must obey there.
func android() pin.Policy {
	return pin.Policy{
		Length: 12, Alphabet: printable(), MinUpper: 1, MinLower: 1, MinDigits: 2, MinSymbols: 1, MinNonLetters: 4,
		Rules: pin.RuleAll, Avoid: []string{"C02XL0GTJGH5", "+44 20 7946 0000", "Anna's MacBook"},
	}
}

// Small policies are counted out: each PIN that Check accepts must come, about equally often, and no other.
func TestGenerateIsUniformOverWhatCheckAccepts(t *testing.T) {
	const each = 100
	cases := map[string]pin.Policy{
		"three digits":         {Length: 3, Alphabet: decimal},
		"three, none weak":     {Length: 3, Alphabet: decimal, Rules: pin.RuleAll},
		"half are weak":        {Length: 3, Alphabet: "05", Rules: pin.RuleAll},
		"most are weak":        {Length: 8, Alphabet: "01", Rules: pin.RuleAll},
		"alphabet of two":      {Length: 4, Alphabet: "ab", Rules: pin.RuleAll},
		"alphabet of seven":    {Length: 3, Alphabet: "2345679"},
		"one of 94 characters": {Length: 1, Alphabet: printable()},
		"classes":              {Length: 3, Alphabet: "abCD012-", MinLetters: 1, MinUpper: 1, MinDigits: 1},
		"no three in steps":    {Length: 4, Alphabet: "0124aB", MaxSequence: 2},
		"values":               {Length: 3, Alphabet: "0123", Avoid: []string{"+3 (201) 10-0", "112233"}},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1) // a fixed stream: the figures below hold always or never
			policy.FewCodes = true
			want := accepted(t, policy)
			require.NotEmpty(t, want)
			got := make(map[string]int, len(want))
			for range each * len(want) {
				p, err := policy.Generate()
				if err != nil {
					require.NoError(t, err)
				}
				got[p.Expose()]++
			}
			assert.Len(t, got, len(want))
			chi := 0.0
			for _, s := range want {
				chi += float64((got[s]-each)*(got[s]-each)) / each
			}
			// For n-1 degrees of freedom the mean is n-1 and the deviation about sqrt(2n): five deviations, and some for small n.
			assert.Less(t, chi, float64(len(want))+5*math.Sqrt(2*float64(len(want)))+5)
		})
	}
}

// accepted lists all PINs of the policy's length and alphabet that Check accepts.
func accepted(t require.TestingT, policy pin.Policy) []string {
	all := []string{""}
	for range policy.Length {
		var longer []string
		for _, s := range all {
			for _, c := range policy.Alphabet {
				longer = append(longer, s+string(c))
			}
		}
		all = longer
	}
	var good []string
	for _, s := range all {
		p, err := pin.Parse(s)
		require.NoError(t, err)
		if policy.Check(p) == nil {
			good = append(good, s)
		}
	}
	return good
}

// policies draws policies of a length up to the longest. They need not be sound.
func policies(longest int, alphabets ...string) *rapid.Generator[pin.Policy] {
	return rapid.Custom(func(t *rapid.T) pin.Policy {
		least := func(name string) int { return max(0, rapid.IntRange(-6, 2).Draw(t, name)) }
		return pin.Policy{
			Length: rapid.IntRange(1, longest).Draw(t, "length"), Alphabet: rapid.SampledFrom(alphabets).Draw(t, "alphabet"),
			MinLetters: least("letters"), MinUpper: least("upper"), MinLower: least("lower"), MinDigits: least("digits"),
			MinSymbols: least("symbols"), MinNonLetters: least("others"), MaxSequence: max(0, rapid.IntRange(-4, 5).Draw(t, "sequence")),
			Rules:    rapid.SampledFrom([]pin.Rule{0, pin.RuleAll, pin.Rule(rapid.Uint16Max(uint16(pin.RuleAll)).Draw(t, "bits"))}).Draw(t, "rules"),
			Avoid:    rapid.SliceOfN(rapid.StringMatching(`[0-9a-dB \-]{0,8}`), 0, 3).Draw(t, "avoid"),
			FewCodes: rapid.Bool().Draw(t, "few"),
		}
	})
}

func TestGenerateNeverYieldsWhatCheckRefuses(t *testing.T) {
	fixed := []pin.Policy{pin.SixDigits(), fourDigits(), android(), {Length: 256, Alphabet: printable(), Rules: pin.RuleAll}}
	for _, policy := range fixed {
		for range 2_000 {
			p, err := policy.Generate()
			require.NoError(t, err)
			require.NoError(t, policy.Check(p))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		policy := policies(16, decimal, "01", "05", "aAb1-", "0123456789abcdef", "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", printable()).Draw(t, "policy")
		p, err := policy.Generate()
		bits, _ := policy.Entropy()
		if err != nil {
			require.ErrorIs(t, err, pin.ReasonPolicy)
			require.Zero(t, bits)
			return
		}
		require.NoError(t, policy.Check(p))
		require.GreaterOrEqual(t, bits, 0.)
	})
}

// Where all strings can be looked at, Generate and Entropy know exactly how many are accepted.
func TestSmallPoliciesAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := policies(4, decimal, "01", "05", "aAb1-", "qwert12", "19", "2580-B").Draw(t, "policy")
		good := accepted(t, policy)
		p, err := policy.Generate()
		bits, exact := policy.Entropy()
		if len(good) == 0 || !policy.FewCodes {
			require.ErrorIs(t, err, pin.ReasonPolicy)
			require.False(t, exact)
			return
		}
		require.NoError(t, err)
		require.Contains(t, good, p.Expose())
		require.True(t, exact)
		require.InDelta(t, math.Log2(float64(len(good))), bits, 1e-9)
	})
}

// A share of nearly all must not be rounded to more than all.
func TestGenerateDrawsFromEveryLength(t *testing.T) {
	alphabets := map[string]string{
		"digits": decimal, "hex": "0123456789abcdef", "a-z0-9": "abcdefghijklmnopqrstuvwxyz" + decimal,
		"a-zA-Z0-9": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" + decimal, "printable": printable(),
	}
	minimums := map[string]pin.Policy{
		"letters": {MinLetters: 1}, "capitals": {MinUpper: 1}, "small letters": {MinLower: 1}, "digits": {MinDigits: 1},
		"symbols": {MinSymbols: 1}, "non-letters": {MinNonLetters: 1},
	}
	for of, alphabet := range alphabets {
		for name, policy := range minimums {
			t.Run(of+" with "+name, func(t *testing.T) {
				policy.Alphabet, policy.FewCodes = alphabet, true
				for policy.Length = 1; policy.Length <= 256; policy.Length++ {
					p, err := policy.Generate()
					if err != nil && strings.HasSuffix(err.Error(), "its Alphabet has none") {
						return
					}
					require.NoError(t, err, policy.Length)
					require.NoError(t, policy.Check(p), policy.Length)
				}
			})
		}
	}
}

func TestPoliciesThatCannotBeDrawn(t *testing.T) {
	cases := map[string]pin.Policy{
		"zero":                              {},
		"no length":                         {Alphabet: "01"},
		"no alphabet":                       {Length: 6},
		"ten thousand":                      {Length: 4, Alphabet: decimal},
		"fewer than 65,536, by the rules":   {Length: 4, Alphabet: "0123456789abcdef", Rules: pin.RuleDate},
		"fewer than 65,536, by a value":     {Length: 4, Alphabet: "0123456789abcdef", Avoid: []string{"beef"}},
		"all are weak":                      {Length: 2, Alphabet: decimal, Rules: pin.RuleAll, FewCodes: true},
		"one character":                     {Length: 1, Alphabet: decimal, Rules: pin.RuleRepeat, FewCodes: true},
		"all are avoided":                   {Length: 2, Alphabet: "01", Avoid: []string{"00110"}, FewCodes: true},
		"hopeless: digits of an alphabet":   {Length: 16, Alphabet: printable(), MinDigits: 16},
		"hopeless: a rule might refuse all": {Length: 256, Alphabet: "01", Rules: pin.RuleRepeat},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Generate()
			requireReason(t, err, pin.ReasonPolicy)
			bits, exact := policy.Entropy()
			assert.Zero(t, bits)
			assert.False(t, exact)
		})
	}
	t.Run("65,536 are enough", func(t *testing.T) {
		_, err := pin.Policy{Length: 4, Alphabet: "0123456789abcdef"}.Generate()
		require.NoError(t, err)
	})
}
