package pin

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Check returns nil when the PIN satisfies the policy, and else an *Error with the first rule that it breaks. The zero PIN
// satisfies no policy. ReasonPolicy means that the policy itself is at fault.
func (p Policy) Check(secret PIN) error {
	if findings := p.Findings(secret); len(findings) > 0 {
		return findings[0]
	}
	return nil
}

// Findings returns all rules that the PIN breaks, in a fixed order: length, alphabet, classes, MaxSequence, the Rules in their order,
// and the values to avoid. It returns a single one when the policy is at fault, when there is no PIN, and for a PIN above 256 bytes.
func (p Policy) Findings(secret PIN) []*Error {
	if err := p.sound(); err != nil {
		return []*Error{err}
	}
	s := secret.Expose()
	switch {
	case s == "":
		return []*Error{{ReasonLength, "there is no PIN"}}
	case p.IsZero():
		return nil
	case len(s) > maxTyped:
		return []*Error{{ReasonLength, "the PIN must have at most 256 bytes"}}
	}
	var found []*Error
	if p.Length > 0 && utf8.RuneCountInString(s) != p.Length {
		found = append(found, &Error{ReasonLength, fmt.Sprintf("the PIN must have exactly %d characters", p.Length)})
	}
	if p.Alphabet != "" && strings.Trim(s, p.Alphabet) != "" {
		found = append(found, &Error{ReasonAlphabet, fmt.Sprintf("the PIN must consist of the characters %s", p.Alphabet)})
	}
	var room [maxTyped]rune
	chars := room[:0]
	for _, r := range s {
		chars = append(chars, r)
	}
	found = append(found, p.lacking(chars)...)
	if p.hasRunIn(chars) {
		found = append(found, &Error{ReasonRun, fmt.Sprintf("the PIN must not have more than %d characters in equal steps", p.MaxSequence)})
	}
	found = append(found, words(p.Rules&weaknesses(chars))...)
	if p.avoids(chars) {
		found = append(found, &Error{ReasonValue, "the PIN must not be part of what others may know, such as a serial or phone number"})
	}
	return found
}

// ruleWords are in the order of the rules' bits. They give no example, which could be the PIN.
var ruleWords = [...]Error{
	{ReasonRepeat, "the PIN must not be one character repeated, nor have it five times in a row"},
	{ReasonSequence, "the PIN must not be a run up or down, nor have one of five characters"},
	{ReasonStep, "the PIN must not go on in equal steps, nor have five characters that do"},
	{ReasonPattern, "the PIN must not repeat one block of characters, nor double each character"},
	{ReasonMirror, "the PIN must not read the same backwards"},
	{ReasonDate, "the PIN must not be a date or a year"},
	{ReasonKeypad, "the PIN must not follow the keys of a keypad or a keyboard"},
	{ReasonCommon, "the PIN must not be one of those that are used most"},
}

func words(broken Rule) []*Error {
	var found []*Error
	for i := range ruleWords {
		if broken&(1<<i) != 0 {
			e := ruleWords[i]
			found = append(found, &e)
		}
	}
	return found
}
