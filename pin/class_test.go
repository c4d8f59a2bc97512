package pin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

func TestClasses(t *testing.T) {
	cases := map[string]struct {
		policy pin.Policy
		in     string
		want   []string
	}{
		"letters":               {pin.Policy{MinLetters: 2}, "a1B2", nil},
		"letters lack":          {pin.Policy{MinLetters: 3}, "a1B2", []string{"the PIN must have at least 3 letters"}},
		"one letter lacks":      {pin.Policy{MinLetters: 1}, "1234", []string{"the PIN must have at least 1 letter"}},
		"capitals":              {pin.Policy{MinUpper: 1}, "aB", nil},
		"capitals lack":         {pin.Policy{MinUpper: 2}, "aB", []string{"the PIN must have at least 2 capital letters"}},
		"small letters lack":    {pin.Policy{MinLower: 2}, "aB", []string{"the PIN must have at least 2 small letters"}},
		"digits lack":           {pin.Policy{MinDigits: 2}, "a1-", []string{"the PIN must have at least 2 digits"}},
		"symbols":               {pin.Policy{MinSymbols: 3}, "a- ~", nil},
		"symbols lack":          {pin.Policy{MinSymbols: 1}, "a1", []string{"the PIN must have at least 1 symbol"}},
		"non-letters":           {pin.Policy{MinNonLetters: 2}, "a1-", nil},
		"non-letters lack":      {pin.Policy{MinNonLetters: 3}, "a1-", []string{"the PIN must have at least 3 digits or symbols"}},
		"Unicode's classes":     {pin.Policy{MinUpper: 1, MinLower: 2, MinLetters: 4, MinDigits: 1}, "Äßé密٣", nil},
		"a letter without case": {pin.Policy{MinUpper: 1, MinLower: 1}, "密", []string{"the PIN must have at least 1 capital letter", "the PIN must have at least 1 small letter"}},
		"a symbol is of ASCII":  {pin.Policy{MinSymbols: 1}, "a€", []string{"the PIN must have at least 1 symbol"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range c.policy.Findings(parse(t, c.in)) {
				require.Equal(t, pin.ReasonClass, f.Reason)
				got = append(got, f.Rule)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestAvoid(t *testing.T) {
	cases := map[string]struct {
		avoid string
		in    string
		want  bool
	}{
		"the value":                          {"C02XL0GT", "C02XL0GT", true},
		"the beginning":                      {"739182XL", digits, true},
		"the end":                            {"XL739182", digits, true},
		"inside":                             {"C739182X", digits, true},
		"not inside":                         {"C739183X", digits, false},
		"twice begun":                        {"7739182", digits, true},
		"the value is shorter":               {"73918", digits, false},
		"letters in either case":             {"Anna's MacBook", "macbook", true},
		"letters beyond ASCII":               {"GRÜSSE aus Köln", "grüsse", true},
		"a Kelvin sign":                      {"\u212aoala", "KOALA", true},
		"digits of a phone number":           {"+44 20 7946 0000", "207946", true},
		"digits to the end":                  {"+44 (20) 7946-0000", "460000", true},
		"digits across letters":              {"73 Mac 91 of 82", digits, true},
		"digits not in order":                {"73 Mac 82 of 91", digits, false},
		"letters are not taken out":          {"m1a1c", "mac", false},
		"only digits are compared so":        {"+44 20 7946", "20 79", true},
		"other digits stay":                  {"٧٣٩١٨٢", digits, false},
		"an empty value":                     {"", digits, false},
		"a value that is not UTF-8":          {"\xff739182\xff", digits, true},
		"what a broken character looks like": {"\xff", "\ufffd", true},
		"up to 1,024 bytes":                  {strings.Repeat("x", 1018) + digits, digits, true},
		"not beyond":                         {strings.Repeat("x", 1019) + digits, digits, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := pin.Policy{Avoid: []string{"", "another", c.avoid}}.Check(parse(t, c.in))
			if !c.want {
				require.NoError(t, err)
				return
			}
			requireReason(t, err, pin.ReasonValue)
			require.NotContains(t, err.Error(), c.in)
		})
	}
}
