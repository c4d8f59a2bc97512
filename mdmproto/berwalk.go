package mdmproto

// Limits of one Mdm-Signature. A real one is two kilobytes with about a hundred objects, ten levels deep.
const (
	maxHeader     = 16 << 10 // characters of base64
	maxBERDepth   = 24
	maxBERObjects = 1_500
)

// CheckBER refuses a CMS message, such as one of SCEP, that would cost its parser more than its size is worth: nested deeper than 24,
// of more than 1,500 values, with a length beyond its parent, or with something after it. The error is a *DecodeError. The caller bounds
// the size.
func CheckBER(message []byte) error {
	if _, rule := walkBER(message); rule != "" {
		return &DecodeError{Rule: rule}
	}
	return nil
}

// walkBER checks the shape of one BER value in one flat pass: every length inside its parent, limited depth and number of
// objects, nothing after it. The converter behind it recurses, reads children beyond their parent, and copies at each
// level, so that a crafted value would cost it seconds and gigabytes. Indefinite lengths are accepted; real encoders use
// them. It returns how many objects it looked at.
func walkBER(der []byte) (objects int, rule Rule) {
	var ends []int // of the open constructed values; indefinite for those that end by a mark
	for at := 0; objects == 0 || len(ends) > 0; {
		objects++
		h, ok := readBERHeader(der, at)
		switch {
		case objects > maxBERObjects:
			return objects, RuleElements
		case !ok:
			return objects, RuleSyntax
		case !h.constructed || h.end == h.body:
			at = h.end
		case len(ends) >= maxBERDepth:
			return objects, RuleDepth
		default:
			at = h.body
			ends = append(ends, h.end)
		}
		if at, ends, ok = closeBER(der, at, ends); !ok {
			return objects, RuleSyntax
		}
		if len(ends) == 0 && at != len(der) {
			return objects, RuleTrailing
		}
	}
	return objects, ""
}

// indefinite is the end of a value of indefinite length.
const indefinite = -1

// A berHeader is tag and length of one value.
type berHeader struct {
	body, end   int
	constructed bool
}

// readBERHeader reads tag and length at a position, and only such as the converter reads in the same way.
func readBERHeader(der []byte, at int) (h berHeader, ok bool) {
	if at+2 > len(der) {
		return h, false
	}
	tag := der[at]
	h.constructed = tag&0x20 != 0
	if at++; tag&0x1f == 0x1f { // long form: bytes up to the first without the top bit
		for at < len(der) && der[at]&0x80 != 0 {
			at++
		}
		if at++; at >= len(der) {
			return h, false
		}
	}
	length := int(der[at])
	at++
	switch {
	case length == 0x80:
		// An indefinite value with nothing in it is read in two ways.
		h.body, h.end = at, indefinite
		return h, h.constructed && !isEndMark(der, at)
	case length > 0x80:
		n := length & 0x7f
		if n > 4 || at+n > len(der) {
			return h, false
		}
		length = 0
		for _, b := range der[at : at+n] {
			length = length<<8 | int(b)
		}
		at += n
	}
	h.body, h.end = at, at+length
	return h, length <= len(der)-at
}

// closeBER leaves the values that end at a position. A value that ends beyond its parent is refused.
func closeBER(der []byte, at int, ends []int) (int, []int, bool) {
	for len(ends) > 0 {
		switch end := ends[len(ends)-1]; {
		case end == indefinite && isEndMark(der, at):
			at += 2
		case end == indefinite || at < end:
			return at, ends, true
		case at > end:
			return at, ends, false
		}
		ends = ends[:len(ends)-1]
	}
	return at, ends, true
}

// isEndMark reports whether a value of indefinite length ends here.
func isEndMark(der []byte, at int) bool { return at+2 <= len(der) && der[at] == 0 && der[at+1] == 0 }
