package agent

import (
	"regexp"
	"strings"
	"unicode"
)

// digitRun is what a passcode would look like in a device's own words. The ledger looks for the very passcode of the action, too.
var digitRun = regexp.MustCompile(`[0-9]{4,}`)

// clean replaces what does not print.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// remark is a device's own words, fit for the ledger: at most 256 bytes, without control characters and without runs of digits.
func remark(s string) string {
	const most = 256
	return cut(clean(digitRun.ReplaceAllString(s, "[digits]")), most)
}

// cut shortens a text to at most so many bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
