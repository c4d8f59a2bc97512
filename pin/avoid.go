package pin

import "unicode"

const maxAvoid = 1024 // bytes of a value; what a device calls itself may be longer, and must not make it impossible to lock

// avoids reports whether a value of Avoid contains the PIN. Digits are looked for among the value's digits, which finds them also where
// nothing divides them.
func (p Policy) avoids(chars []rune) bool {
	if len(p.Avoid) == 0 {
		return false
	}
	digitsAlone, first := number(chars), fold(chars[0])
	for _, value := range p.Avoid {
		value = value[:min(len(value), maxAvoid)]
		for start, r := range value {
			if fold(r) == first && begins(value[start:], chars, digitsAlone) {
				return true
			}
		}
	}
	return false
}

func begins(value string, chars []rune, digitsAlone bool) bool {
	i := 0
	for _, r := range value {
		if digitsAlone && (r < '0' || r > '9') {
			continue
		}
		if fold(r) != fold(chars[i]) {
			return false
		}
		if i++; i == len(chars) {
			return true
		}
	}
	return false
}

// refusedByAvoid returns all strings of the policy's length that the values refuse, in small letters: what avoids finds in them, without
// looking through them again for each string. Other strings than those of ASCII are not among them.
func (p Policy) refusedByAvoid() map[string]bool {
	refused := make(map[string]bool)
	for _, value := range p.Avoid {
		var all, digits []byte
		for _, r := range value[:min(len(value), maxAvoid)] {
			r = fold(r)
			if r > unicode.MaxASCII {
				r = 0 // is in no alphabet
			}
			all = append(all, byte(r))
			if '0' <= r && r <= '9' {
				digits = append(digits, byte(r))
			}
		}
		for _, text := range [...]string{string(all), string(digits)} {
			for end := p.Length; end <= len(text); end++ {
				refused[text[end-p.Length:end]] = true
			}
		}
	}
	return refused
}

// fold returns the same for all cases of a letter: for those of ASCII the small one.
func fold(r rune) rune {
	if r > unicode.MaxASCII {
		return foldBeyond(r)
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// foldBeyond is fold for what is not ASCII, which may be a case of what is: the Kelvin sign is a K.
func foldBeyond(r rune) rune {
	first := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		first = min(first, other)
	}
	if first > unicode.MaxASCII {
		return first
	}
	return fold(first)
}
