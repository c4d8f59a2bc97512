package lock

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// checkText holds a text of the caller's to what the ledger keeps: valid UTF-8 on one line, at most limit characters.
func checkText(field, value string, limit int, required bool) error {
	switch {
	case value == "" && required:
		return &InputError{Field: field, Rule: "is required"}
	case !utf8.ValidString(value):
		return &InputError{Field: field, Rule: "must be valid UTF-8"}
	case utf8.RuneCountInString(value) > limit:
		return &InputError{Field: field, Rule: fmt.Sprintf("must have at most %d characters", limit)}
	case strings.ContainsFunc(value, unicode.IsControl):
		return &InputError{Field: field, Rule: "must not contain control characters or line breaks"}
	}
	return nil
}

// clip makes a text of a device or of another program fit for the ledger: valid UTF-8, no control characters, at most limit bytes.
func clip(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

// clipFacts bounds what a device says: 32 facts, names of 64 bytes, values of 1,024. The alphabetically first names stay.
func clipFacts(facts map[string]string) map[string]string {
	if len(facts) == 0 {
		return nil
	}
	names := make([]string, 0, len(facts))
	for name := range facts {
		names = append(names, name)
	}
	slices.Sort(names)
	clipped := make(map[string]string, min(len(names), 32))
	for _, name := range names[:min(len(names), 32)] {
		clipped[clip(name, 64)] = clip(facts[name], 1024)
	}
	return clipped
}
