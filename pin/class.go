package pin

import (
	"fmt"
	"unicode"
)

// counts is how many characters of each class there are.
type counts struct{ letters, upper, lower, numerals, symbols int }

func (c *counts) add(r rune) {
	switch {
	case unicode.IsUpper(r):
		c.letters++
		c.upper++
	case unicode.IsLower(r):
		c.letters++
		c.lower++
	case unicode.IsLetter(r):
		c.letters++
	case unicode.IsDigit(r):
		c.numerals++
	case ' ' <= r && r <= '~':
		c.symbols++
	}
}

func count(chars []rune) (c counts) {
	for _, r := range chars {
		c.add(r)
	}
	return c
}

// offered counts the alphabet.
func (p Policy) offered() (c counts) {
	for _, r := range p.Alphabet {
		c.add(r)
	}
	return c
}

// minimum is how many characters of a class there must be, and how many there are.
type minimum struct {
	least, have int
	one, more   string
}

func (p Policy) minimums(c counts) [6]minimum {
	return [...]minimum{
		{p.MinLetters, c.letters, "letter", "letters"},
		{p.MinUpper, c.upper, "capital letter", "capital letters"},
		{p.MinLower, c.lower, "small letter", "small letters"},
		{p.MinDigits, c.numerals, "digit", "digits"},
		{p.MinSymbols, c.symbols, "symbol", "symbols"},
		{p.MinNonLetters, c.numerals + c.symbols, "digit or symbol", "digits or symbols"},
	}
}

func (p Policy) hasClasses() bool {
	return p.MinLetters|p.MinUpper|p.MinLower|p.MinDigits|p.MinSymbols|p.MinNonLetters != 0
}

// lacking returns a finding for each class that has too few characters.
func (p Policy) lacking(chars []rune) []*Error {
	if !p.hasClasses() {
		return nil
	}
	var found []*Error
	for _, m := range p.minimums(count(chars)) {
		if m.have >= m.least {
			continue
		}
		class := m.more
		if m.least == 1 {
			class = m.one
		}
		found = append(found, &Error{ReasonClass, fmt.Sprintf("the PIN must have at least %d %s", m.least, class)})
	}
	return found
}

func (p Policy) hasClassesIn(chars []rune) bool {
	if !p.hasClasses() {
		return true
	}
	for _, m := range p.minimums(count(chars)) {
		if m.have < m.least {
			return false
		}
	}
	return true
}

// soundClasses is sound for the classes.
func (p Policy) soundClasses() *Error {
	for _, m := range p.minimums(p.offered()) {
		switch {
		case m.least < 0 || m.least > maxTyped:
			return &Error{ReasonPolicy, "the policy's least number of " + m.more + " must be 0 to 256"}
		case m.least > 0 && m.have == 0 && p.Alphabet != "":
			return &Error{ReasonPolicy, "the policy asks for " + m.more + ", and its Alphabet has none"}
		}
	}
	room := p.Length
	if room == 0 {
		room = maxTyped
	}
	if max(p.MinLetters, p.MinUpper+p.MinLower)+max(p.MinNonLetters, p.MinDigits+p.MinSymbols) > room {
		return &Error{ReasonPolicy, "the policy asks for more characters of its classes than its Length has room for"}
	}
	return nil
}

// classShare returns how probable it is that a string of the policy's length, each character drawn from the alphabet, has enough
// of each class. It sums positive terms only, so that it is exact but for the rounding of a float64.
func (p Policy) classShare() float64 {
	if !p.hasClasses() {
		return 1
	}
	n, c := p.Length, p.offered()
	rest := c.numerals + c.symbols
	letters := both(n, p.MinUpper, p.MinLower, share(c.upper, c.letters))
	others := both(n, p.MinDigits, p.MinSymbols, share(c.numerals, rest))
	odds := binomial{1}
	for range n {
		odds.draw(n, share(c.letters, c.letters+rest))
	}
	sum := 0.0
	for x := p.MinLetters; x <= n-p.MinNonLetters; x++ {
		sum += odds[x] * letters[x] * others[n-x]
	}
	return min(sum, 1) // rounding can lead above it
}

func share(part, whole int) float64 { return float64(part) / float64(max(whole, 1)) }

// binomial holds, at x, the probability that x of the characters drawn so far belong to a class.
type binomial [maxTyped + 1]float64

// draw adds a character, which belongs to the class with probability q; there are at most n in all.
func (b *binomial) draw(n int, q float64) {
	for x := n; x > 0; x-- {
		b[x] = b[x]*(1-q) + b[x-1]*q
	}
	b[0] *= 1 - q
}

// both returns, at m, how probable it is that of m characters at least a belong to one class and at least b do not.
func both(n, a, b int, q float64) (out binomial) {
	odds := binomial{1}
	for m := range n + 1 {
		for x := a; x <= m-b; x++ {
			out[m] += odds[x]
		}
		odds.draw(n, q)
	}
	return out
}
