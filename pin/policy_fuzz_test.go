package pin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

// FuzzPolicy asks any policy about any PIN: no panic, Check is the first finding, and no text repeats the PIN.
func FuzzPolicy(f *testing.F) {
	f.Add(digits, 6, decimal, uint16(pin.RuleAll), 0, 0, "C02XL0GTJGH5")
	f.Add("1qaz2wsx", 0, "", uint16(pin.RuleKeypad), 1, 2, "")
	f.Add("12\xff45", 5, "12\xff", uint16(0xffff), -1, 300, "\xff")
	f.Add("äßçđ\u212a", 0, "", uint16(pin.RuleAll), 3, 1, "ÄSSÇĐK")
	f.Add("19991231", 8, decimal, uint16(pin.RuleAll), 0, 8, "+44 1999 12 31")
	f.Add(strings.Repeat("7", 256), 256, "79", uint16(pin.RuleAll), 0, 0, strings.Repeat("7 ", 900))
	f.Fuzz(func(t *testing.T, s string, length int, alphabet string, rules uint16, letters, others int, avoid string) {
		p, err := pin.Bytes([]byte(s))
		if err != nil {
			return
		}
		policy := pin.Policy{Length: length, Alphabet: alphabet, Rules: pin.Rule(rules), MinLetters: letters, MinNonLetters: others,
			MinUpper: letters / 2, MinDigits: others / 2, MaxSequence: letters, Avoid: []string{avoid, s + avoid}}
		found := policy.Findings(p)
		require.NotEmpty(t, found, "a value contains the PIN")
		require.Equal(t, error(found[0]), policy.Check(p))
		for _, e := range found {
			// The policy may be printed, and a word that is part of a rule's own text says nothing.
			if len(s) >= 4 && !strings.Contains(alphabet, s) && !strings.ContainsFunc(s, wordly) {
				require.NotContains(t, e.Error(), s)
			}
		}
	})
}

func wordly(r rune) bool { return 'a' <= r && r <= 'z' || r == ' ' || r == ',' }
