package android

import "unicode/utf16"

// metrics is what PasswordMetrics counts.
type metrics struct {
	length, letters, upper, lower, numeric, symbols int
	sequence                                        int
	digits                                          bool // nothing but ASCII digits
	strange                                         bool // a character outside of 32 to 127
}

func (m *metrics) nonLetter() int  { return m.numeric + m.symbols }
func (m *metrics) nonNumeric() int { return m.letters + m.symbols }

// units are the UTF-16 code units of a text.
func units(s string) []int {
	var chars []int
	for _, u := range utf16.Encode([]rune(s)) {
		chars = append(chars, int(u))
	}
	return chars
}

// measure counts as the API level does: 29 to 34 cut each character to its lowest byte first.
func measure(s string, apiLevel int) *metrics {
	chars := units(s)
	m := &metrics{length: len(chars), digits: len(chars) > 0}
	for i, c := range chars {
		if categoryOf(c) != digit {
			m.digits = false
		}
		if apiLevel >= android10 && apiLevel < android15 {
			chars[i] = c & 0xff
		}
		m.add(chars[i])
	}
	m.sequence = longestSequence(chars)
	return m
}

func (m *metrics) add(char int) {
	if char < 32 || char > 127 {
		m.strange = true
	}
	switch categoryOf(char) {
	case lower:
		m.letters++
		m.lower++
	case upper:
		m.letters++
		m.upper++
	case digit:
		m.numeric++
	default:
		m.symbols++
	}
}
