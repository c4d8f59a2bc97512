package syncml

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLocURI is in bytes. Windows' own nodes stay far below.
const maxLocURI = 2048

// CheckLocURI checks the address of a node that a command is to act on, such as ./Device/Vendor/MSFT/RemoteLock/Lock: it begins with "./",
// and its segments are parted by single slashes. White space, and characters that would make a query or a part of an address, must be
// percent-encoded; encoded or not, a segment is not ".", ".." or "*". The case is significant. Queries such as ?list= are not
// supported. The error is an *[Error] without the address. Specification: OMA-TS-DM_TND-V1_2, section 6.3.
func CheckLocURI(uri string) error {
	rest, begins := strings.CutPrefix(uri, "./")
	switch {
	case !begins:
		return locURI("must begin with ./")
	case len(uri) > maxLocURI:
		return locURI("has more than 2,048 bytes")
	}
	for segment := range strings.SplitSeq(rest, "/") {
		if strings.ContainsAny(segment, "?#\\\"<>") || strings.ContainsFunc(segment, unfit) {
			return locURI(`must have white space and any of ? # \ " < > percent-encoded, as UTF-8`)
		}
		name, err := url.PathUnescape(segment)
		if err != nil || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
			return locURI("has a % that begins no character")
		}
		if slices.Contains([]string{"", ".", "..", "*"}, name) {
			return locURI(`must have no segment that is empty, ".", ".." or "*"`)
		}
	}
	return nil
}

func locURI(rule string) error { return &Error{Element: "LocURI", Rule: rule} }

func unfit(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError }
