package console

import (
	"strings"
	"unicode/utf8"

	"github.com/latchkey-mdm/latchkey/lock"
)

// arming is what somebody has to type who orders, so that no other device gets the order: the end of the serial number, of a device without
// one its name, and of one that has neither the end of its ID.
type arming struct {
	What  string // it is
	Shown string // the whole of it
	Typed string // what of it is typed
}

func armingOf(d lock.Device) arming {
	const end = 4
	switch {
	case utf8.RuneCountInString(d.Serial) >= end:
		return arming{"serial number", d.Serial, last(d.Serial, end)}
	case strings.TrimSpace(d.Name) != "":
		return arming{"name", d.Name, d.Name}
	default:
		return arming{"device ID", d.ID, last(d.ID, end)}
	}
}

// last are the last n characters of a text.
func last(text string, n int) string {
	characters := []rune(text)
	return string(characters[max(0, len(characters)-n):])
}

// Whole reports whether all of it is typed.
func (a arming) Whole() bool { return a.Typed == a.Shown }

// Label says what to type.
func (a arming) Label() string {
	if a.Whole() {
		return "Type the " + a.What + " of the device"
	}
	return "Type the last four characters of the " + a.What
}

// Slip says that something else was typed.
func (a arming) Slip() string {
	if a.Whole() {
		return "This is not the " + a.What + " of the device."
	}
	return "These are not the last four characters."
}

// fits reports whether that was typed.
func (a arming) fits(typed string) bool { return same(typed, a.Typed) }

// same compares what was typed with what was to be typed: neither case nor the number of spaces matters.
func same(typed, want string) bool {
	return strings.EqualFold(strings.Join(strings.Fields(typed), " "), strings.Join(strings.Fields(want), " "))
}
