package lock

import (
	"math/bits"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// shape is what can be seen of a word without reading it.
type shape struct {
	size  int   // in characters
	kinds uint8 // of its characters
}

// The kinds of characters.
const (
	letters = 1 << iota
	numbers
	others
)

func shapeOf(text string) shape {
	s := shape{size: utf8.RuneCountInString(text)}
	for _, r := range text {
		switch {
		case unicode.IsLetter(r):
			s.kinds |= letters
		case unicode.IsNumber(r):
			s.kinds |= numbers
		default:
			s.kinds |= others
		}
	}
	return s
}

// hides reports whether a word of this shape may be, or contain, a PIN of that one. Of a PIN of one kind a longer word is taken for another,
// or hardly any would be left.
func (s shape) hides(code shape) bool {
	return code.kinds&^s.kinds == 0 && (s.size == code.size || s.size > code.size && bits.OnesCount8(code.kinds) > 1)
}

var (
	word  = regexp.MustCompile(`\S+`)
	inner = regexp.MustCompile(`[\pL\pN]+`)
)

// maskShapes replaces the words that may be, or contain, PINs of these shapes: what stands beside such a word, as a comma, is no part of it,
// if the PIN has letters and digits alone.
func maskShapes(text string, codes []shape) string {
	if len(codes) == 0 {
		return text
	}
	masked := func(s string, more uint8) bool {
		return slices.ContainsFunc(codes, func(code shape) bool { return code.kinds&others == more && shapeOf(s).hides(code) })
	}
	return word.ReplaceAllStringFunc(text, func(s string) string {
		if masked(s, others) {
			return withheld
		}
		return inner.ReplaceAllStringFunc(s, func(s string) string {
			if masked(s, 0) {
				return withheld
			}
			return s
		})
	})
}
