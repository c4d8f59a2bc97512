package pin_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/latchkey-mdm/latchkey/pin"
)

type ruleCase struct {
	rule pin.Rule
	in   string
	want bool
}

var ruleCases = map[pin.Reason]map[string]ruleCase{
	pin.ReasonRepeat: {
		"a single character":         {pin.RuleRepeat, "7", true},
		"two":                        {pin.RuleRepeat, "77", true},
		"throughout":                 {pin.RuleRepeat, "7777", true},
		"five within":                {pin.RuleRepeat, "1777773", true},
		"four within":                {pin.RuleRepeat, "177773", false},
		"beyond ASCII":               {pin.RuleRepeat, "äääää", true},
		"both cases differ":          {pin.RuleRepeat, "aAaA", false},
		"other steps are not its":    {pin.RuleRepeat, "1234", false},
		"a class in between":         {pin.RuleRepeat, "777a77", false},
		"five after a class":         {pin.RuleRepeat, "a77777", true},
		"four after a class":         {pin.RuleRepeat, "a7777", false},
		"four after a class, again":  {pin.RuleRepeat, "77a7777", false},
		"one class after the other":  {pin.RuleRepeat, "7a7a7a", false},
		"five of symbols at the end": {pin.RuleRepeat, "a7-----", true},
	},
	pin.ReasonSequence: {
		"letters wrap":             {pin.RuleSequence, "xyzabc", true},
		"letters down":             {pin.RuleSequence, "DCBA", true},
		"letters down, wrap":       {pin.RuleSequence, "cbazy", true},
		"digits wrap":              {pin.RuleSequence, "8901", true},
		"digits down, wrap":        {pin.RuleSequence, "2109", true},
		"five within letters":      {pin.RuleSequence, "x-abcde", true},
		"four within letters":      {pin.RuleSequence, "x-abcd", false},
		"five within, down":        {pin.RuleSequence, "77543210", true},
		"mixed cases":              {pin.RuleSequence, "aBcDeF", false},
		"wraps in no other class":  {pin.RuleSequence, "AB]^", false},
		"not over a class's end":   {pin.RuleSequence, "789:;", false},
		"beyond ASCII, down":       {pin.RuleSequence, "γβα", true},
		"repeats are not its":      {pin.RuleSequence, "7777", false},
		"other steps are not its":  {pin.RuleSequence, "2468", false},
		"up and down again is not": {pin.RuleSequence, "123432", false},
	},
	pin.ReasonStep: {
		"by two":                  {pin.RuleStep, "2468", true},
		"by two, wrap":            {pin.RuleStep, "6802", true},
		"down by three":           {pin.RuleStep, "9630", true},
		"by five, there and back": {pin.RuleStep, "5050", true},
		"letters by two":          {pin.RuleStep, "acegi", true},
		"five within":             {pin.RuleStep, "7246807", true},
		"four within":             {pin.RuleStep, "724687", false},
		"by one is not its":       {pin.RuleStep, "1234", false},
		"none is not its":         {pin.RuleStep, "1111", false},
	},
	pin.ReasonPattern: {
		"pairs":               {pin.RulePattern, "7373", true},
		"block of four":       {pin.RulePattern, "73917391", true},
		"block cut short":     {pin.RulePattern, "7397397", true},
		"more than half":      {pin.RulePattern, "739473", false},
		"doubled":             {pin.RulePattern, "773399", true},
		"doubled but one":     {pin.RulePattern, "7733991", false},
		"three characters":    {pin.RulePattern, "737", false},
		"words":               {pin.RulePattern, "passpass", true},
		"the case may differ": {pin.RulePattern, "passPass", false},
	},
	pin.ReasonMirror: {
		"even":         {pin.RuleMirror, "739937", true},
		"odd":          {pin.RuleMirror, "73937", true},
		"four":         {pin.RuleMirror, "7337", true},
		"three":        {pin.RuleMirror, "737", false},
		"nearly":       {pin.RuleMirror, "739938", false},
		"beyond ASCII": {pin.RuleMirror, "äßßä", true},
	},
	pin.ReasonCommon: {
		"four digits":     {pin.RuleCommon, "2580", true},
		"five":            {pin.RuleCommon, "12345", true},
		"six digits":      {pin.RuleCommon, "159753", true},
		"seven":           {pin.RuleCommon, "8675309", true},
		"a word":          {pin.RuleCommon, "letmein", true},
		"in either case":  {pin.RuleCommon, "LetMeIn", true},
		"nine":            {pin.RuleCommon, "password1", true},
		"longer than any": {pin.RuleCommon, "password12", false},
		"not in the list": {pin.RuleCommon, digits, false},
	},
}

func TestRules(t *testing.T) {
	for reason, cases := range ruleCases {
		for name, c := range cases {
			t.Run(string(reason)+"/"+name, func(t *testing.T) { requireRule(t, reason, c) })
		}
	}
}

// requireRule looks at one rule alone, and that no other policy minds.
func requireRule(t *testing.T, reason pin.Reason, c ruleCase) {
	t.Helper()
	p := parse(t, c.in)
	var want []pin.Reason
	if c.want {
		want = []pin.Reason{reason}
	}
	require.Equal(t, want, reasons(pin.Policy{Rules: c.rule}.Findings(p)))
	require.Equal(t, c.want, contains(reasons(pin.Policy{Rules: pin.RuleAll}.Findings(p)), reason))
}

func contains(list []pin.Reason, reason pin.Reason) bool {
	for _, r := range list {
		if r == reason {
			return true
		}
	}
	return false
}

// What the documentation calls gaps must be some.
func TestRulesDoNotSee(t *testing.T) {
	for _, s := range []string{"000999", "777888", "135246", "202122", "511990"} {
		require.Empty(t, pin.SixDigits().Findings(parse(t, s)), s)
		requireDocumented(t, s)
	}
}

func TestDates(t *testing.T) {
	cases := map[string]struct {
		yes, no []string
	}{
		"four digits": {
			yes: []string{"1900", "2099", "3112", "1231", "2902", "0229", "3004", "0101"},
			no:  []string{"1899", "2100", "3113", "3002", "0230", "3104", "0431", "0012", "0100", "3200", "1332"},
		},
		"six digits": {
			yes: []string{"311299", "123199", "991231", "290203", "022903", "030229", "121900", "012099", "190012", "209901"},
			no:  []string{"311399", "133299", "993113", "300299", "023099", "990230", "131900", "001900", "131899", "190000", "190013", "210099"},
		},
		"eight digits": {
			yes: []string{"31121999", "12312099", "19991231", "29022001", "02292001", "20010229"},
			no:  []string{"31131999", "31121899", "12312100", "18991231", "19993112", "19991331", "30022000", "00000000"},
		},
		"other lengths": {
			no: []string{"199", "19991", "1999123", "199912312"},
		},
		"not digits": {
			no: []string{"1９99", "199912a1", "19-12-31"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, s := range c.yes {
				requireRule(t, pin.ReasonDate, ruleCase{pin.RuleDate, s, true})
			}
			for _, s := range c.no {
				requireRule(t, pin.ReasonDate, ruleCase{pin.RuleDate, s, false})
			}
		})
	}
}

func TestKeypads(t *testing.T) {
	cases := map[string]struct {
		yes, no []string
	}{
		"ways over neighbours":   {yes: []string{"1478", "2580", "0852", "1470", "147896", "7089", "1235789"}, no: []string{"147"}},
		"a key twice":            {no: []string{"147414", "25852"}},
		"no neighbour":           {no: []string{"1738", "4805", "4608"}},
		"round a square":         {yes: []string{"1397", "7931", "2684", "139713", "971397", "125412", "590759"}, no: []string{"1379", "139715", "268421"}},
		"lines of three":         {yes: []string{"147369", "159357", "159753", "789456", "741852963", "580123"}, no: []string{"147368", "135135", "1473690", "111222", "148369"}},
		"rows of a keyboard":     {yes: []string{"qwerty", "POIUYT", "asdf", "mnbvcxz", "7890", "0987", "1234567890"}, no: []string{"qwe", "qwertz", "asdfg1", "qwas"}},
		"columns of a keyboard":  {yes: []string{"1qaz", "1qaz2wsx", "xsw2zaq1", "qazwsx", "RFVTGB"}, no: []string{"1qaz3edc", "qazxsw"}},
		"two rows in turn":       {yes: []string{"1q2w3e4r", "w2q1", "Q2W3"}, no: []string{"1q2w4r"}},
		"the Kelvin sign is a K": {yes: []string{"jhgf", "hj\u212al"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, s := range c.yes {
				requireRule(t, pin.ReasonKeypad, ruleCase{pin.RuleKeypad, s, true})
			}
			for _, s := range c.no {
				requireRule(t, pin.ReasonKeypad, ruleCase{pin.RuleKeypad, s, false})
			}
		})
	}
}
