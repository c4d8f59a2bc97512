package pin

// nonTrivial returns an *Error when s is among the PINs that people try first. It looks at the PIN alone: the order of a policy's
// alphabet says nothing about what is easy to guess.
func nonTrivial(s string) error {
	var room [maxTyped]rune
	chars := room[:0]
	for _, r := range s {
		chars = append(chars, r)
	}
	if err := constantStep(chars); err != nil {
		return err
	}
	// A block that fills at most half of the PIN, repeated; the last one may be cut short.
	for block := 2; block <= len(chars)/2; block++ {
		if periodic(chars, block) {
			return &Error{ReasonPattern, "the PIN must not repeat one block of characters"}
		}
	}
	return nil
}

func constantStep(chars []rune) error {
	if len(chars) < 2 {
		return &Error{ReasonRepeat, "the PIN must not be a single character"}
	}
	size := wrap(chars)
	first := step(chars[0], chars[1], size)
	for i := 2; i < len(chars); i++ {
		if step(chars[i-1], chars[i], size) != first {
			return nil
		}
	}
	switch first {
	case 0:
		return &Error{ReasonRepeat, "the PIN must not be one character repeated"}
	case 1, size - 1:
		return &Error{ReasonSequence, "the PIN must not be a run up or down"}
	}
	return &Error{ReasonStep, "the PIN must not go on in equal steps"}
}

// step is the way up from a to b in a class of that size, so that 9 to 0 is one step.
func step(a, b, size rune) rune { return (b - a + size) % size }

// wrap is the size of the class that all characters belong to: 10 for digits, 26 for letters of one case, and else a number beyond
// all of Unicode, so that nothing wraps.
func wrap(chars []rune) rune {
	for _, class := range [...][2]rune{{'0', '9'}, {'a', 'z'}, {'A', 'Z'}} {
		if within(chars, class[0], class[1]) {
			return class[1] - class[0] + 1
		}
	}
	return 1 << 30
}

func within(chars []rune, low, high rune) bool {
	for _, c := range chars {
		if c < low || c > high {
			return false
		}
	}
	return true
}

func periodic(chars []rune, block int) bool {
	for i := block; i < len(chars); i++ {
		if chars[i] != chars[i-block] {
			return false
		}
	}
	return true
}
