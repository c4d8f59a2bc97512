package pin

const longRun = 5 // so many characters with one constant step are refused wherever they stand

// weaknesses returns all rules that the characters break. It looks at them alone: the order of a policy's alphabet says nothing about
// what is easy to guess. It allocates nothing.
func weaknesses(chars []rune) Rule {
	broken := steps(chars)
	if repeatsBlock(chars) || doubles(chars) {
		broken |= RulePattern
	}
	if mirrors(chars) {
		broken |= RuleMirror
	}
	if number(chars) && isDate(chars) {
		broken |= RuleDate
	}
	if followsKeys(chars) {
		broken |= RuleKeypad
	}
	if isCommon(chars) {
		broken |= RuleCommon
	}
	return broken
}

// steps looks for the constant steps that are long enough: the whole PIN, or longRun characters of it.
func steps(chars []rune) Rule {
	if len(chars) < 2 {
		return RuleRepeat
	}
	var broken Rule
	enough, run, last := min(len(chars), longRun), 1, rune(0)
	for i := 1; i < len(chars); i++ {
		next, ok := step(chars[i-1], chars[i])
		run = onward(run, last, next, ok)
		if last = next; run >= enough {
			broken |= stepRule(next)
		}
	}
	return broken
}

// onward is how many characters have one constant step after the next one, when it was that many with the last step before it.
func onward(run int, last, next rune, ok bool) int {
	switch {
	case !ok:
		return 1
	case run == 1 || next != last:
		return 2
	}
	return run + 1
}

func stepRule(step rune) Rule {
	switch step {
	case 0:
		return RuleRepeat
	case 1, -1:
		return RuleSequence
	}
	return RuleStep
}

// step is the shorter way from a to b, round the end of their class if need be, so that 9 to 0 is one step up. There is none between
// two classes: a digit and a letter, or a capital and a small letter.
func step(a, b rune) (way rune, ok bool) {
	low, size := class(a)
	if other, _ := class(b); other != low {
		return 0, false
	}
	way = b - a
	switch {
	case size > 0 && way > size/2:
		way -= size
	case size > 0 && way <= -size/2:
		way += size
	}
	return way, true
}

// class returns the first character and the size of what wraps, and 0 for all other characters, which do not.
func class(r rune) (low, size rune) {
	switch {
	case '0' <= r && r <= '9':
		return '0', 10
	case 'a' <= r && r <= 'z':
		return 'a', 26
	case 'A' <= r && r <= 'Z':
		return 'A', 26
	}
	return 0, 0
}

// repeatsBlock looks for a block of two or more that fills at most half of the PIN, repeated; the last one may be cut short.
func repeatsBlock(chars []rune) bool {
	for block := 2; block <= len(chars)/2; block++ {
		if periodic(chars, block) {
			return true
		}
	}
	return false
}

func periodic(chars []rune, block int) bool {
	for i := block; i < len(chars); i++ {
		if chars[i] != chars[i-block] {
			return false
		}
	}
	return true
}

func doubles(chars []rune) bool {
	for i := 1; i < len(chars); i += 2 {
		if chars[i] != chars[i-1] {
			return false
		}
	}
	return len(chars) > 0 && len(chars)%2 == 0
}

func mirrors(chars []rune) bool {
	for i := range len(chars) / 2 {
		if chars[i] != chars[len(chars)-1-i] {
			return false
		}
	}
	return len(chars) >= 4
}

// number reports whether all characters are ASCII digits.
func number(chars []rune) bool {
	for _, c := range chars {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
