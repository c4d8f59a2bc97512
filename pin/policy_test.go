package pin_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

const decimal = "0123456789"

// reasons are those of all findings, in their order.
func reasons(found []*pin.Error) []pin.Reason {
	var list []pin.Reason
	for _, f := range found {
		list = append(list, f.Reason)
	}
	return list
}

func TestSixDigits(t *testing.T) {
	cases := map[pin.Reason][]string{
		"":                 {digits, "000012", "123465", "909192", "998877665544"[1:7], "707170", "147530"},
		pin.ReasonLength:   {"1", "73918", "7391820", "密码密码密码密"},
		pin.ReasonAlphabet: {"73918a", "73 182", "７39182", "-39182", "7391.2"},
		pin.ReasonRepeat:   {"000000", "111111", "999999", "000001", "100000"},
		pin.ReasonSequence: {"012345", "456789", "890123", "654321", "210987", "123459", "934567", "098764"},
		pin.ReasonStep:     {"024680", "246802", "135791", "036925", "505050", "024681"},
		pin.ReasonPattern:  {"737373", "848848", "001001", "739739", "447799", "112233"},
		pin.ReasonMirror:   {"739937", "380083"},
		pin.ReasonDate:     {"310599", "053199", "990531", "121995", "199512"},
		pin.ReasonKeypad:   {"147896", "139713", "159753", "478965"},
		pin.ReasonCommon:   {},
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

func TestFindingsLookAt256Bytes(t *testing.T) {
	policy := pin.Policy{Rules: pin.RuleMirror | pin.RuleCommon, MinSymbols: 1}
	for n, want := range map[int][]pin.Reason{256: {pin.ReasonClass, pin.ReasonMirror}, 257: {pin.ReasonLength}} {
		p, err := pin.Bytes([]byte(strings.Repeat("7", n)))
		require.NoError(t, err)
		assert.Equal(t, want, reasons(policy.Findings(p)))
	}
}

func TestCheckOtherPolicies(t *testing.T) {
	cases := map[string]struct {
		policy pin.Policy
		in     string
		reason pin.Reason
	}{
		"no policy":                            {pin.Policy{}, "1", ""},
		"no policy, any characters":            {pin.Policy{}, "Grüße 1", ""},
		"length counts characters":             {pin.Policy{Length: 5}, "Grüße", ""},
		"length alone":                         {pin.Policy{Length: 4}, "Grüße", pin.ReasonLength},
		"alphabet alone":                       {pin.Policy{Alphabet: "abc"}, "cabbac", ""},
		"alphabet refuses":                     {pin.Policy{Alphabet: "abc"}, "cabbad", pin.ReasonAlphabet},
		"order of the alphabet":                {pin.Policy{Alphabet: "5927", Rules: pin.RuleAll}, "5927", ""},
		"few codes are a matter of generation": {pin.Policy{Length: 1, Alphabet: "01"}, "1", ""},
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
	requireReason(t, pin.Policy{Rules: pin.RuleMirror}.Check(token), pin.ReasonLength)
}

func TestFindingsAreAllOfThemInOrder(t *testing.T) {
	strict := pin.Policy{Length: 6, Alphabet: decimal + "abc", MinLetters: 1, MinLower: 1, MaxSequence: 3, Rules: pin.RuleAll, Avoid: []string{"21111112"}}
	cases := map[string]struct {
		policy pin.Policy
		in     string
		want   []pin.Reason
	}{
		"none":            {pin.SixDigits(), digits, nil},
		"a few":           {pin.SixDigits(), "123456", []pin.Reason{pin.ReasonSequence, pin.ReasonKeypad, pin.ReasonCommon}},
		"while typing":    {pin.SixDigits(), "12x", []pin.Reason{pin.ReasonLength, pin.ReasonAlphabet}},
		"length of a run": {pin.SixDigits(), "1234", []pin.Reason{pin.ReasonLength, pin.ReasonSequence, pin.ReasonKeypad, pin.ReasonCommon}},
		"two classes, and more": {strict, "111111", []pin.Reason{pin.ReasonClass, pin.ReasonClass, pin.ReasonRun, pin.ReasonRepeat, pin.ReasonPattern,
			pin.ReasonMirror, pin.ReasonDate, pin.ReasonCommon, pin.ReasonValue}},
		"the policy is at fault": {pin.Policy{Length: -1}, "111111", []pin.Reason{pin.ReasonPolicy}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := parse(t, c.in)
			found := c.policy.Findings(p)
			require.Equal(t, c.want, reasons(found))
			if len(found) > 0 {
				require.Equal(t, error(found[0]), c.policy.Check(p))
			}
		})
	}
	t.Run("no PIN", func(t *testing.T) {
		require.Equal(t, []pin.Reason{pin.ReasonLength}, reasons(strict.Findings(pin.PIN{})))
	})
}

// A caller who changes a finding must not change the next one.
func TestFindingsAreTheCallers(t *testing.T) {
	first := pin.SixDigits().Findings(parse(t, "123456"))
	want := first[0].Rule
	first[0].Rule = "mine"
	assert.Equal(t, want, pin.SixDigits().Findings(parse(t, "123456"))[0].Rule)
}

// Each field that rules something makes a policy that is not zero.
func TestIsZeroPolicy(t *testing.T) {
	assert.True(t, pin.Policy{}.IsZero())
	assert.True(t, pin.Policy{FewCodes: true}.IsZero(), "it permits, and rules nothing")
	assert.True(t, pin.Policy{Avoid: []string{}}.IsZero())
	for _, field := range reflect.VisibleFields(reflect.TypeFor[pin.Policy]()) {
		if field.Name == "FewCodes" {
			continue
		}
		var p pin.Policy
		v := reflect.ValueOf(&p).Elem().FieldByIndex(field.Index)
		switch v.Kind() {
		case reflect.Int:
			v.SetInt(1)
		case reflect.Uint16:
			v.SetUint(1)
		case reflect.String:
			v.SetString("01")
		case reflect.Slice:
			v.Set(reflect.ValueOf([]string{"C02XL0GTJGH5"}))
		default:
			require.Fail(t, "a field of a new type", field.Name)
		}
		assert.False(t, p.IsZero(), field.Name)
	}
}

func TestPoliciesAtFault(t *testing.T) {
	cases := map[string]pin.Policy{
		"negative length":           {Length: -1, Alphabet: "01"},
		"length above 256":          {Length: 257, Alphabet: "01"},
		"alphabet of one":           {Length: 6, Alphabet: "7"},
		"character occurs twice":    {Length: 6, Alphabet: "01230"},
		"space in the alphabet":     {Length: 6, Alphabet: "01 "},
		"control in the alphabet":   {Length: 6, Alphabet: "01\n"},
		"alphabet is not ASCII":     {Length: 6, Alphabet: "01é"},
		"alphabet is not even UTF":  {Length: 6, Alphabet: "01\xff"},
		"negative sequence":         {Length: 6, Alphabet: decimal, MaxSequence: -1},
		"sequence above 256":        {Length: 6, Alphabet: decimal, MaxSequence: 257},
		"unknown rule":              {Length: 6, Alphabet: decimal, Rules: pin.RuleAll + 1},
		"negative minimum":          {Length: 6, Alphabet: decimal, MinDigits: -1},
		"minimum above 256":         {Alphabet: decimal, MinDigits: 257},
		"classes exceed the length": {Length: 6, Alphabet: printable(), MinUpper: 2, MinLower: 2, MinDigits: 2, MinSymbols: 1},
		"letters and non-letters":   {Length: 6, Alphabet: printable(), MinLetters: 4, MinNonLetters: 3},
		"classes exceed any length": {MinLetters: 200, MinDigits: 57},
		"no capital in alphabet":    {Length: 6, Alphabet: "abc012", MinUpper: 1},
		"no letter in alphabet":     {Length: 6, Alphabet: decimal, MinLetters: 1},
		"no symbol in alphabet":     {Length: 6, Alphabet: "abc012", MinSymbols: 1},
		"letters only":              {Length: 6, Alphabet: "abc", MinNonLetters: 1},
	}
	for name, policy := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := policy.Generate()
			requireReason(t, err, pin.ReasonPolicy)
			requireReason(t, policy.Check(parse(t, digits)), pin.ReasonPolicy)
			bits, exact := policy.Entropy()
			assert.Zero(t, bits)
			assert.False(t, exact)
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
