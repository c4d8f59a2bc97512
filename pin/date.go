package pin

// isDate takes digits.
func isDate(digits []rune) bool {
	two := func(i int) int { return int(digits[i]-'0')*10 + int(digits[i+1]-'0') }
	switch len(digits) {
	case 4:
		a, b := two(0), two(2)
		return isCentury(a) || isDay(a, b) || isDay(b, a)
	case 6:
		a, b, c := two(0), two(2), two(4)
		return isDay(a, b) || isDay(b, a) || isDay(c, b) || isMonth(a) && isCentury(b) || isCentury(a) && isMonth(c)
	case 8:
		a, b, c, d := two(0), two(2), two(4), two(6)
		return isCentury(c) && (isDay(a, b) || isDay(b, a)) || isCentury(a) && isDay(d, c)
	}
	return false
}

// isCentury reports whether a year may begin so.
func isCentury(n int) bool { return n == 19 || n == 20 }

func isMonth(n int) bool { return 1 <= n && n <= 12 }

// isDay leaves the leap years aside: who was born on 29 February may well leave the year out.
func isDay(day, month int) bool {
	days := [...]int{1: 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	return isMonth(month) && 1 <= day && day <= days[month]
}
