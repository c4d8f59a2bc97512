package console

import (
	"slices"
	"unicode"
)

const (
	maskedPIN = "••••••"
	pinLength = 6 // digits; what is shorter is not typed out yet, and not looked for in a text
)

// mask replaces the PIN that was typed wherever a text has it, whatever stands between its digits: 48 39-20 gives 483920 away. found is
// false, and the text as it was, when it does not have it.
func mask(text, typed string) (masked string, found bool) {
	code := significant(typed)
	if len(code) < pinLength {
		return text, false
	}
	var out, seen []rune // seen is what is significant of out
	var places []int     // of seen in out
	for _, r := range text {
		out = append(out, r)
		if !isSignificant(r) {
			continue
		}
		seen, places = append(seen, r), append(places, len(out)-1)
		if n := len(seen) - len(code); n >= 0 && slices.Equal(seen[n:], code) {
			// What is before it and behind it are neighbours now, and may be the PIN again.
			out, seen, places = append(out[:places[n]], []rune(maskedPIN)...), seen[:n], places[:n]
			found = true
		}
	}
	if !found {
		return text, false
	}
	return string(out), true
}

func significant(text string) []rune {
	return slices.DeleteFunc([]rune(text), func(r rune) bool { return !isSignificant(r) })
}

func isSignificant(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
