package pin

import "strings"

// keyLines are read in both directions. No line has a key twice.
var keyLines = [...]string{
	"1234567890",                         // the row of digits, the only line with two of them side by side
	"qwertyuiop", "asdfghjkl", "zxcvbnm", // the other rows
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", // columns
	"1q2w3e4r5t6y7u8i9o0p", // the two upper rows in turn
}

// squares have their corners in order: the four of neighbouring keys, the corners of the nine keys, and those that stand on edge.
var squares = [...]string{"1254", "2365", "4587", "5698", "1397", "2684", "5907"}

func followsKeys(chars []rune) bool {
	if len(chars) < 4 {
		return false
	}
	if number(chars) {
		return walks(chars) || circles(chars) || threes(chars) || onLine(keyLines[0], chars)
	}
	for _, line := range keyLines[1:] {
		if onLine(line, chars) {
			return true
		}
	}
	return false
}

func onLine(line string, chars []rune) bool {
	at := strings.IndexRune(line, fold(chars[0]))
	return at >= 0 && (reads(line, at, 1, chars) || reads(line, at, -1, chars))
}

func reads(line string, at, way int, chars []rune) bool {
	for _, c := range chars {
		if at < 0 || at >= len(line) || rune(line[at]) != fold(c) {
			return false
		}
		at += way
	}
	return true
}

// place is where a digit stands on a telephone's keypad, counted from the upper left corner.
func place(digit rune) (x, y int) {
	n := int(digit - '1')
	if digit == '0' {
		n = 10
	}
	return n % 3, n / 3
}

// walks looks for a way over neighbouring keys that meets none twice.
func walks(digits []rune) bool {
	seen := 1 << (digits[0] - '0')
	x, y := place(digits[0])
	for _, d := range digits[1:] {
		toX, toY := place(d)
		dx, dy, key := toX-x, toY-y, 1<<(d-'0')
		if seen&key != 0 || dx*dx > 1 || dy*dy > 1 {
			return false
		}
		seen |= key
		x, y = toX, toY
	}
	return true
}

// circles looks for a way round a square, which meets each corner again four keys later.
func circles(digits []rune) bool {
	if !periodic(digits, 4) {
		return false
	}
	for _, square := range squares {
		at := strings.IndexRune(square, digits[0])
		if at >= 0 && (turns(square, at, 1, digits) || turns(square, at, 3, digits)) {
			return true
		}
	}
	return false
}

func turns(square string, at, way int, digits []rune) bool {
	for i, d := range digits {
		if rune(square[(at+i*way)%len(square)]) != d {
			return false
		}
	}
	return true
}

// threes looks for lines of three neighbouring keys, one after the other.
func threes(digits []rune) bool {
	if len(digits)%3 != 0 {
		return false
	}
	for i := 0; i < len(digits); i += 3 {
		x0, y0 := place(digits[i])
		x1, y1 := place(digits[i+1])
		x2, y2 := place(digits[i+2])
		if digits[i] == digits[i+1] || x0+x2 != 2*x1 || y0+y2 != 2*y1 {
			return false
		}
	}
	return true
}
