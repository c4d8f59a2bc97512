package pin

// hasRunIn reports whether more characters than MaxSequence follow each other in equal steps.
func (p Policy) hasRunIn(chars []rune) bool {
	if p.MaxSequence == 0 {
		return false
	}
	run, last := 1, rune(0)
	for i := range chars {
		if i > 0 {
			next, ok := straight(chars[i-1], chars[i])
			run = onward(run, last, next, ok)
			last = next
		}
		if run > p.MaxSequence {
			return true
		}
	}
	return false
}

// straight is the way from a to b that Android counts as a step (PasswordMetrics.maxLengthSequence): it does not wrap, and where it is too
// long there is none.
func straight(a, b rune) (way rune, ok bool) {
	low, _ := class(a)
	if other, _ := class(b); other != low {
		return 0, false
	}
	longest := rune(1)
	switch low {
	case '0':
		longest = 9
	case 0:
		longest = 0
	}
	way = b - a
	return way, -longest <= way && way <= longest
}

// runShare bounds the share of all strings that MaxSequence refuses. Each of them has such a run of one character more, which two digits
// settle, or a letter and one of three steps, or another character.
func (p Policy) runShare() float64 {
	size := p.MaxSequence + 1
	if p.MaxSequence == 0 || p.Length < size {
		return 0
	}
	c := p.offered()
	runs := float64(c.numerals*c.numerals + 3*c.letters + c.symbols)
	return float64(p.Length-size+1) * runs * power(1/float64(len(p.Alphabet)), size)
}
