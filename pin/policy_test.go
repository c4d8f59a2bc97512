package pin_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func TestSixDigits(t *testing.T) {
	cases := map[pin.Reason][]string{
		"":                 {"739182", "000001", "112233", "123455", "234561", "121213", "909091", "098764", "123124", "110111"},
		pin.ReasonLength:   {"1", "73918", "7391820", "密码密码密码密"},
		pin.ReasonAlphabet: {"73918a", "73 182", "７39182", "-39182", "7391.2"},
		pin.ReasonRepeat:   {"000000", "111111", "999999"},
		pin.ReasonSequence: {"012345", "123456", "456789", "567890", "890123", "901234", "654321", "987654", "210987", "109876"},
		pin.ReasonStep:     {"024680", "246802", "135791", "036925", "864208", "505050"},
		pin.ReasonPattern:  {"121212", "909090", "123123", "001001", "739739", "110110"},
	}
	for reason, pins := range cases {
		for _, s := range pins {
			t.Run(string(reason)+" "+s, func(t *testing.T) {
				err := pin.SixDigits().Check(parse(t, s))
				if reason == "" {
					require.NoError(t, err)
					return
				}
				requireReason(t, err, reason)
			})
		}
	}
}

// The number is counted by hand: 100 constant steps, 100 pairs (20 of them steps), 1,000 triples (10 of them steps and pairs).
func TestSixDigitsAcceptsAllButTheTrivial(t *testing.T) {
	accepted := 0
	for i := range 1_000_000 {
		p, err := pin.Parse(fmt.Sprintf("%06d", i))
		if err == nil && pin.SixDigits().Check(p) == nil {
			accepted++
		}
	}
	assert.Equal(t, 998_830, accepted)
}

func TestCheckOtherPolicies(t *testing.T) {
	cases := map[string]struct {
		policy pin.Policy
		in     string
		reason pin.Reason
	}{
		"no policy":                        {pin.Policy{}, "1", ""},
		"no policy, any characters":        {pin.Policy{}, "Grüße 1", ""},
		"length counts characters":         {pin.Policy{Length: 5}, "Grüße", ""},
		"length alone":                     {pin.Policy{Length: 4}, "Grüße", pin.ReasonLength},
		"alphabet alone":                   {pin.Policy{Alphabet: "abc"}, "cabbac", ""},
		"alphabet refuses":                 {pin.Policy{Alphabet: "abc"}, "cabbad", pin.ReasonAlphabet},
		"trivial: one character":           {pin.Policy{NoTrivial: true}, "7", pin.ReasonRepeat},
		"trivial: letters wrap":            {pin.Policy{NoTrivial: true}, "xyzabc", pin.ReasonSequence},
		"trivial: letters down":            {pin.Policy{NoTrivial: true}, "DCBA", pin.ReasonSequence},
		"trivial: mixed letters":           {pin.Policy{NoTrivial: true}, "aBcDeF", ""},
		"trivial: wraps in no other class": {pin.Policy{NoTrivial: true}, "AB]^", ""},
		"trivial: beyond ASCII":            {pin.Policy{NoTrivial: true}, "äääää", pin.ReasonRepeat},
		"trivial: run beyond ASCII, down":  {pin.Policy{NoTrivial: true}, "γβα", pin.ReasonSequence},
		"trivial: block of four":           {pin.Policy{NoTrivial: true}, "73917391", pin.ReasonPattern},
		"trivial: block cut short":         {pin.Policy{NoTrivial: true}, "7397397", pin.ReasonPattern},
		"trivial: more than half":          {pin.Policy{NoTrivial: true}, "739473", ""},
		"trivial: order of the alphabet":   {pin.Policy{Alphabet: "5927", NoTrivial: true}, "5927", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.policy.Check(parse(t, c.in))
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			requireReason(t, err, c.reason)
		})
	}
}

func TestCheckRefusesNothingAndTokens(t *testing.T) {
	requireReason(t, pin.Policy{}.Check(pin.PIN{}), pin.ReasonLength)
	requireReason(t, pin.SixDigits().Check(pin.PIN{}), pin.ReasonLength)

	token, err := pin.Bytes([]byte(strings.Repeat("a", 64<<10-1) + "b"))
	require.NoError(t, err)
	require.NoError(t, pin.Policy{}.Check(token))
	requireReason(t, pin.Policy{NoTrivial: true}.Check(token), pin.ReasonLength)
}

func TestIsZeroPolicy(t *testing.T) {
	assert.True(t, pin.Policy{}.IsZero())
	assert.False(t, pin.Policy{NoTrivial: true}.IsZero())
	assert.False(t, pin.SixDigits().IsZero())
}

func TestImpossiblePolicies(t *testing.T) {
	cases := map[string]pin.Policy{
		"negative length":          {Length: -1, Alphabet: "01"},
		"length above 256":         {Length: 257, Alphabet: "01"},
		"all are trivial":          {Length: 2, Alphabet: "0123456789", NoTrivial: true},
		"alphabet of one":          {Length: 6, Alphabet: "7"},
		"character occurs twice":   {Length: 6, Alphabet: "01230"},
		"space in the alphabet":    {Length: 6, Alphabet: "01 "},
		"control in the alphabet":  {Length: 6, Alphabet: "01\n"},
		"alphabet is not ASCII":    {Length: 6, Alphabet: "01é"},
		"alphabet is not even UTF": {Length: 6, Alphabet: "01\xff"},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Generate()
			requireReason(t, err, pin.ReasonPolicy)
			requireReason(t, policy.Check(parse(t, digits)), pin.ReasonPolicy)
		})
	}
	for name, policy := range map[string]pin.Policy{"zero": {}, "no length": {Alphabet: "01"}, "no alphabet": {Length: 6}} {
		t.Run("generate: "+name, func(t *testing.T) {
			_, err := policy.Generate()
			requireReason(t, err, pin.ReasonPolicy)
		})
	}
}

// Small policies are counted out: each PIN that Check accepts must come, about equally often, and no other.
func TestGenerateIsUniformOverWhatCheckAccepts(t *testing.T) {
	cases := map[string]pin.Policy{
		"three digits":         {Length: 3, Alphabet: "0123456789"},
		"three, none trivial":  {Length: 3, Alphabet: "0123456789", NoTrivial: true},
		"half are trivial":     {Length: 3, Alphabet: "05", NoTrivial: true},
		"alphabet of two":      {Length: 4, Alphabet: "ab", NoTrivial: true},
		"alphabet of seven":    {Length: 3, Alphabet: "2345679"},
		"one of 94 characters": {Length: 1, Alphabet: printable()},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			cryptotest.SetGlobalRandom(t, 1) // a fixed stream: the figures below hold always or never
			want := accepted(t, policy)
			got := make(map[string]int, len(want))
			draws := 200 * len(want)
			for range draws {
				p, err := policy.Generate()
				require.NoError(t, err)
				got[p.Expose()]++
			}
			assert.Len(t, got, len(want))
			chi := 0.0
			for _, s := range want {
				chi += float64((got[s]-200)*(got[s]-200)) / 200
			}
			// For n-1 degrees of freedom the mean is n-1 and the deviation about sqrt(2n): five deviations, and some for small n.
			limit := float64(len(want)) + 5*math.Sqrt(2*float64(len(want))) + 5
			assert.Less(t, chi, limit)
		})
	}
}

func printable() string {
	var b strings.Builder
	for c := byte('!'); c <= '~'; c++ {
		b.WriteByte(c)
	}
	return b.String()
}

// accepted lists all PINs of the policy's length and alphabet that Check accepts.
func accepted(t *testing.T, policy pin.Policy) []string {
	t.Helper()
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
		if policy.Check(parse(t, s)) == nil {
			good = append(good, s)
		}
	}
	require.NotEmpty(t, good)
	return good
}

func TestGenerateSixDigits(t *testing.T) {
	seen := make(map[string]bool)
	for range 2000 {
		p, err := pin.SixDigits().Generate()
		require.NoError(t, err)
		require.NoError(t, pin.SixDigits().Check(p))
		seen[p.Expose()] = true
	}
	assert.Greater(t, len(seen), 1900, "two in a thousand may meet")
}

func TestGenerateLongest(t *testing.T) {
	policy := pin.Policy{Length: 256, Alphabet: printable(), NoTrivial: true}
	p, err := policy.Generate()
	require.NoError(t, err)
	require.NoError(t, policy.Check(p))
}
